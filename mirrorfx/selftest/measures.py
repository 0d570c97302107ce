"""How different pictures are, in levels: 1 is the smallest step of an 8-bit picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirrorfx.frame import Image

__all__ = ["Difference", "amplified", "difference", "is_flat", "jumps", "psnr_db"]

_FLAT_BELOW = 2.0
_NEIGHBOURS = 6
_NOTICEABLE = 0.1


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two pictures are apart.

    Attributes:
        largest: of all pixels and channels, in levels.
        mean: absolute, in levels.
    """

    largest: int
    mean: float

    def __str__(self) -> str:
        return f"at most {self.largest}, on average {self.mean:.3g} levels"


def difference(first: Image, second: Image) -> Difference:
    """Compare two pictures of one size; of BGRX the X is left out."""
    apart = _apart(first, second)
    return Difference(int(apart.max()), float(apart.mean()))


def amplified(first: Image, second: Image, gain: int) -> Image:
    """Return the absolute difference, ``uint8[H, W, 3]``, `gain` times as bright; black where the two are equal."""
    picture: Image = np.minimum(_apart(first, second).astype(np.int32) * gain, 255).astype(np.uint8)
    return picture


def psnr_db(first: Image, second: Image) -> float:
    """Return the peak signal-to-noise ratio in dB; infinite for equal pictures."""
    squares = float(np.square(_apart(first, second).astype(np.float64)).mean())
    return 10 * math.log10(255**2 / squares) if squares else math.inf


def is_flat(picture: Image) -> bool:
    """Say whether a picture shows nothing: black, or one colour, as a network does that ran into NaN."""
    return float(picture[..., :3].std()) < _FLAT_BELOW


def jumps(changes: Sequence[float]) -> list[float]:
    """Return for each change between consecutive pictures how far it stands out: 1 is like those around it.

    Args:
        changes: mean absolute difference of each picture to the one before, in levels. Changes below a tenth of a
            level count as that: nobody sees them.
    """
    values = np.maximum(np.asarray(changes, np.float64), _NOTICEABLE)
    return [float(value / np.median(_around(values, index))) for index, value in enumerate(values)]


def _around(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], index: int) -> list[float]:
    low, high = max(index - _NEIGHBOURS, 0), index + _NEIGHBOURS + 1
    return [*values[low:index], *values[index + 1 : high]] or [float(values[index])]


def _apart(first: Image, second: Image) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.abs(first[..., :3].astype(np.int16) - second[..., :3].astype(np.int16))
