"""Whether the strength does what it says, from 0 to 1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mirrorfx.selftest.findings import Cell, Pictures, Section, Verdict
from mirrorfx.selftest.measures import amplified, difference, psnr_db

if TYPE_CHECKING:
    from mirrorfx.frame import Image
    from mirrorfx.selftest.studio import Studio

__all__ = ["check_strength"]

_GAIN = 8
_STEP_LEVELS = 0.1
_EIGHTH = 8
_ALLOWED_DB = 3.0
_SAME_LEVELS = 0.5


def check_strength(studio: Studio, section: Section) -> None:
    """Paint at 0, 0.5, 0.55 and 1, and from two inputs at 1."""
    other: Image = np.ascontiguousarray(255 - studio.frame[:, ::-1])
    strengths = {"0": 0.0, "050": 0.5, "055": 0.55, "1": 1.0}
    painted: dict[str, Image] = {}
    for name, strength in strengths.items():
        painted[name] = studio.paint(studio.look(strength=strength)).pixels
        studio.step(len(painted) / (len(strengths) + 1))
    painted["1-other"] = studio.paint(studio.look(strength=1.0), other).pixels
    section.blocks += _pictures(studio, painted, other)
    _check_zero(section, studio.frame, painted["0"])
    _check_step(section, painted["050"], painted["055"])
    _check_one(section, painted["1"], painted["1-other"], turbo=studio.settings.effect == "turbo")


def _pictures(studio: Studio, painted: dict[str, Image], other: Image) -> list[Pictures]:
    folder = studio.folder
    step = amplified(painted["050"], painted["055"], _GAIN)
    zero = amplified(studio.frame, painted["0"], _GAIN)
    return [
        Pictures(
            (
                Cell(folder.picture("strength-frame", studio.frame), "the frame"),
                Cell(folder.picture("strength-0", painted["0"]), "strength 0"),
                Cell(folder.picture("strength-0-difference", zero), f"their difference × {_GAIN}"),
            )
        ),
        Pictures(
            (
                Cell(folder.picture("strength-050", painted["050"]), "strength 0.50"),
                Cell(folder.picture("strength-055", painted["055"]), "strength 0.55"),
                Cell(folder.picture("strength-step-difference", step), f"their difference × {_GAIN}"),
            )
        ),
        Pictures(
            (
                Cell(folder.picture("strength-1", painted["1"]), "strength 1 from the frame"),
                Cell(folder.picture("strength-other", other), "another input: the frame as a mirrored negative"),
                Cell(folder.picture("strength-1-other", painted["1-other"]), "strength 1 from the other input"),
            )
        ),
    ]


def _check_zero(section: Section, frame: Image, painted: Image) -> None:
    """Hold the autoencoder against the frame at an eighth of its resolution, the size of its latents."""
    ratio_db = psnr_db(frame, painted)
    least_db = psnr_db(frame, _coarse(frame)) - _ALLOWED_DB
    equal = math.isinf(ratio_db)
    section.figures["zero_psnr_db"] = {"found": None if equal else ratio_db, "least": least_db}
    found = "it is the frame, bit for bit" if equal else f"PSNR {ratio_db:.1f} dB against the frame"
    words = f"{found}; {least_db:.1f} dB are wanted, {_ALLOWED_DB:g} less than an eighth of the resolution has"
    section.check("Strength 0 gives the frame back", Verdict.of(ok=ratio_db >= least_db), words)


def _coarse(frame: Image) -> Image:
    import cv2

    height, width = frame.shape[:2]
    small = cv2.resize(frame, (width // _EIGHTH, height // _EIGHTH), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _check_step(section: Section, lower: Image, upper: Image) -> None:
    found = difference(lower, upper)
    section.figures["step_levels"] = {"largest": found.largest, "mean": found.mean}
    words = f"{found} apart (an average of {_STEP_LEVELS:g} wanted)"
    section.check("Strength 0.50 and 0.55 differ", Verdict.of(ok=found.mean >= _STEP_LEVELS), words)


def _check_one(section: Section, first: Image, second: Image, *, turbo: bool) -> None:
    found = difference(first, second)
    section.figures["one_levels"] = {"largest": found.largest, "mean": found.mean}
    if turbo:
        verdict, words = Verdict.of(ok=found.mean <= _SAME_LEVELS), f"{found} apart (an average of 0.5 allowed)"
    else:
        verdict, words = Verdict.UNKNOWN, f"{found} apart; this effect keeps the frame's drawing at every strength"
    section.check("Strength 1 doesn't depend on the input", verdict, words)
