"""The drift film: whether the walk of the noise is smooth, and held noise holds still."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from mirrorfx.errors import SinkError
from mirrorfx.selftest.findings import Cell, Chart, Film, Pictures, Section, Verdict
from mirrorfx.selftest.measures import Difference, difference, jumps

if TYPE_CHECKING:
    from mirrorfx.frame import Image
    from mirrorfx.selftest.studio import Studio

__all__ = ["film_drift"]

_FILM = "drift.mp4"
_FILM_PX = 768
_STRIP = 6
_FIRST_PHASE = 0.5
_JUMP_MOST = 3.0
_NEAR = 1
_STILL_LEVELS = 1
_MOVES_LEVELS = 0.05


def film_drift(studio: Studio, section: Section) -> None:
    """Walk through some keyframes over a still frame; write the film and measure every step."""
    amount = studio.settings.amount
    phases = [_FIRST_PHASE + amount.keyframes * i / amount.film_frames for i in range(amount.film_frames)]
    _check_held(studio, section)
    with _Reel(studio, section) as reel:
        for phase in phases:
            reel.take(studio.paint(studio.look(phase=phase)).pixels)
            studio.step(reel.taken / len(phases))
    rate = 60 * amount.keyframes / amount.film_s
    caption = f"{amount.film_s:g} s of drift on a still frame at {rate:g} keyframes a minute"
    if reel.film:
        section.blocks.append(Film(reel.film, reel.strip[0].picture, caption))
    section.blocks.append(Pictures(tuple(reel.strip), "the film, from its first picture to its last"))
    _judge(section, reel.changes, phases, amount.film_fps)


def _check_held(studio: Studio, section: Section) -> None:
    first, second = (studio.paint(studio.look(phase=_FIRST_PHASE)).pixels for _ in range(2))
    found = difference(first, second)
    section.figures["held_levels"] = {"largest": found.largest, "mean": found.mean}
    words = f"{found} apart when the same frame is painted twice ({_STILL_LEVELS} level allowed)"
    section.check("Held noise holds still", Verdict.of(ok=found.largest <= _STILL_LEVELS), words)


class _Reel:
    """Writes the film, keeps a strip, and measures each picture against the one before."""

    def __init__(self, studio: Studio, section: Section) -> None:
        from mirrorfx.sinks.film import Film as FilmFile
        from mirrorfx.sinks.film import pick_encoder

        self._studio = studio
        self._section = section
        self._last: Image | None = None
        self._frames = studio.settings.amount.film_frames
        self.taken = 0
        self.changes: list[Difference] = []
        self.strip: list[Cell] = []
        self.film = ""
        self._file: FilmFile | None = None
        size = _film_size(studio.settings.size)
        try:
            encoder, _ = pick_encoder(size)
            self._file = FilmFile(studio.folder.own(_FILM), size, Fraction(studio.settings.amount.film_fps), encoder)
            self.film = _FILM
        except SinkError as error:
            section.check("The film is written", Verdict.FAIL, str(error))

    def take(self, pixels: Image) -> None:
        if self._last is not None:
            self.changes.append(difference(self._last, pixels))
        self._write(np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]))
        if self.taken in self._shown():
            second = self.taken / self._studio.settings.amount.film_fps
            name = f"drift-{len(self.strip) + 1}"
            self.strip.append(Cell(self._studio.folder.picture(name, pixels), f"{second:.1f} s"))
        self._last = pixels
        self.taken += 1

    def _write(self, pixels: Image) -> None:
        if not self._file:
            return
        try:
            self._file.write(pixels, self.taken, 1)
        except SinkError as error:
            self._file.abandon()
            self._file, self.film = None, ""
            self._section.check("The film is written", Verdict.FAIL, str(error))

    def _shown(self) -> set[int]:
        return {round(i * (self._frames - 1) / (_STRIP - 1)) for i in range(_STRIP)}

    def __enter__(self) -> _Reel:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()


def _judge(section: Section, changes: list[Difference], phases: list[float], fps: int) -> None:
    """Say whether any step stands out, and whether one does at a keyframe."""
    means = [change.mean for change in changes]
    outstanding = jumps(means)
    keyframes = [i for i, (a, b) in enumerate(itertools.pairwise(phases)) if math.floor(a) != math.floor(b)]
    section.figures |= {
        "step_mean_levels": {"median": float(np.median(means)), "largest": max(means)},
        "step_largest_levels": max(change.largest for change in changes),
        "outstanding": {"largest": max(outstanding), "at_picture": int(np.argmax(outstanding)) + 1},
        "keyframes_at_picture": [index + 1 for index in keyframes],
        "steps_mean_levels": [round(mean, 4) for mean in means],
    }
    section.blocks.append(
        Chart(
            "change from picture to picture",
            tuple(means),
            x_label="seconds",
            y_label="mean levels",
            step=1 / fps,
            marks=tuple(float(index) for index in keyframes),
            mark_label="keyframe",
        )
    )
    if max(means) < _MOVES_LEVELS:
        section.check("The drift walks without a jump", Verdict.UNKNOWN, "nothing moves: this effect has no drift here")
        return
    _check_jump(section, "The drift walks without a jump", max(outstanding))
    near = [outstanding[i] for key in keyframes for i in range(key - _NEAR, key + _NEAR + 1)]
    _check_jump(section, "There is no jump at a keyframe", max(near))
    median = float(np.median(means))
    words = f"{median:.2f} levels a picture in the median, {max(means):.2f} at most; compare with your own impression"
    section.check("The drift moves the picture", Verdict.PASS, words)


def _check_jump(section: Section, name: str, worst: float) -> None:
    words = f"the largest step is {worst:.2f} times those around it (less than {_JUMP_MOST:g} wanted)"
    section.check(name, Verdict.of(ok=worst < _JUMP_MOST), words)


def _film_size(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, _FILM_PX / max(size))
    return round(size[0] * scale), round(size[1] * scale)
