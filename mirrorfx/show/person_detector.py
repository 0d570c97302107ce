"""Finds persons in a small picture: a body detector and a face detector that a package of MediaPipe brings.

BlazePose's detector (Bazarevsky et al. 2020) answers to whole bodies, also from behind; BlazeFace's full-range model to
faces up to five metres away. Both are Apache-2.0, 3.6 MB together. Only the files are used, never MediaPipe's code.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirrorfx.errors import PresenceUnavailable
from mirrorfx.sound.devices import hushed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mirrorfx.frame import Image, Size

__all__ = ["DETECTOR_NAME", "DetectorState", "PersonDetector", "Region", "detector_state", "regions_of"]

DETECTOR_NAME = "BlazePose and BlazeFace"
MEDIAPIPE = "mediapipe==0.10.21"
"""The last line of releases whose wheels hold the models."""
_RUNTIME = "ai-edge-litert>=2.1"
_TOO_NEW = (3, 13)
_TILE = 5 / 9
_OVERLAP = 0.35


@dataclass(frozen=True, slots=True)
class _Model:
    """A file, the side of its square input in pixels, and the score from which it is believed."""

    file: str
    side_px: int
    least: float


# Where the scores stand: docs/presence.md has what both models say of pictures with and without persons.
_MODELS = (
    _Model("modules/pose_detection/pose_detection.tflite", 224, 0.80),
    _Model("modules/face_detection/face_detection_full_range_sparse.tflite", 192, 0.75),
)


@dataclass(frozen=True, slots=True)
class DetectorState:
    """Whether persons can be detected here, why not, and what to do about it."""

    ok: bool
    reason: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the picture, in pixels."""

    x: int
    y: int
    width: int
    height: int


def detector_state() -> DetectorState:
    """Say whether persons can be detected here, without loading anything."""
    fixes = []
    if not _installed("ai-edge-litert"):
        fixes.append(("ai-edge-litert is not installed", f'{sys.executable} -m pip install "{_RUNTIME}"'))
    if _folder() is None:
        fix = f"{sys.executable} -m pip install --no-deps {MEDIAPIPE}"
        reason = "the models of mediapipe 0.10 are not installed"
        fixes.append((reason, fix if sys.version_info < _TOO_NEW else "use Python 3.12 or 3.11, for which it has them"))
    if not fixes:
        return DetectorState(ok=True)
    return DetectorState(False, " and ".join(what for what, _ in fixes), " && ".join(fix for _, fix in fixes))


def regions_of(size: Size) -> tuple[Region, ...]:
    """Return where to look in a picture of `size` (width, height): squares over all of it, then smaller ones.

    The squares find who is near, or at four metres; the smaller ones who is further away.
    """
    short = min(size)
    return (*_grid(size, short), *_grid(size, max(round(short * _TILE), 1)))


def _grid(size: Size, side: int) -> Iterator[Region]:
    for y in _starts(size[1], side):
        for x in _starts(size[0], side):
            yield Region(x, y, side, side)


def _starts(length: int, side: int) -> list[int]:
    """Return where squares of `side` begin that cover `length` and overlap, so that nobody is cut in each of them."""
    if length <= side:
        return [0]
    steps = -(-(length - side) // max(round(side * (1 - _OVERLAP)), 1))
    return [round(step * (length - side) / steps) for step in range(steps + 1)]


class PersonDetector:
    """Looks at regions of a picture, one at a time. Threads: one.

    Raises:
        PresenceUnavailable: it can't be loaded here; says what to do.
    """

    def __init__(self) -> None:
        state, folder = detector_state(), _folder()
        if not state.ok or folder is None:
            raise PresenceUnavailable(f"Persons can't be detected here: {state.reason}. Install: {state.fix}")
        try:
            self._nets = [(model, _interpreter(folder / model.file)) for model in _MODELS]
        except (ImportError, OSError, SystemError, ValueError, RuntimeError) as error:
            raise PresenceUnavailable(
                f"The person detector can't be loaded: {error}. Install it again: {sys.executable} -m pip install "
                f'--force-reinstall "{_RUNTIME}"'
            ) from error

    def look(self, picture: Image, region: Region) -> bool:
        """Say whether a person is in that region of `picture`, ``uint8[H, W, 4]`` BGRX."""
        part = picture[region.y : region.y + region.height, region.x : region.x + region.width]
        return any(_score(net, part, model.side_px) >= model.least for model, net in self._nets)

    def scores(self, picture: Image, region: Region) -> tuple[float, float]:
        """Return what both models say, body then face, 0..1."""
        part = picture[region.y : region.y + region.height, region.x : region.x + region.width]
        body, face = (_score(net, part, model.side_px) for model, net in self._nets)
        return body, face


@cache
def _folder() -> Path | None:
    """Return where MediaPipe's files are; None where the installed one, if any, doesn't have the models."""
    try:
        folder = Path(str(metadata.distribution("mediapipe").locate_file("mediapipe")))
    except metadata.PackageNotFoundError:
        return None
    return folder if all((folder / model.file).is_file() for model in _MODELS) else None


def _installed(package: str) -> bool:
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _interpreter(path: Path) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    with hushed():  # it tells everybody that it uses XNNPACK
        net = Interpreter(str(path), num_threads=1)
        net.allocate_tensors()
    return net


def _score(net: Any, part: Image, side_px: int) -> float:
    """Return the highest score of all the model's boxes, 0..1."""
    import cv2
    import numpy as np

    small = cv2.resize(part, (side_px, side_px), interpolation=cv2.INTER_AREA)
    rgb = cv2.cvtColor(small, cv2.COLOR_BGRA2RGB).astype(np.float32)
    net.set_tensor(net.get_input_details()[0]["index"], (rgb / 127.5 - 1.0)[None])
    net.invoke()
    (index,) = (told["index"] for told in net.get_output_details() if told["shape"][-1] == 1)
    return float(1 / (1 + np.exp(-np.clip(net.get_tensor(index).max(), -80, 80))))
