"""A frame number and a time, written into a picture as large black and white blocks, and read back.

The band takes the lowest sixteenth of the picture: 4 rows of 32 blocks hold 128 bits, most significant first, row by
row from the left: 32 of frame number, 64 of capture time in nanoseconds, 32 of CRC over those. It survives H.264
and resizing; a mirrored picture is noticed because only one of the two directions passes the CRC.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from mirrorfx.frame import Image

__all__ = ["PatternCode", "band_height", "read_code", "write_code"]

_COLUMNS, _ROWS = 32, 4
_BAND_SHARE = 16
_DARK, _LIGHT = 16, 235
_CONTRAST_LEAST = 40
_FIELDS = struct.Struct(">IQ")


@dataclass(frozen=True, slots=True)
class PatternCode:
    """What a pattern's picture says of itself.

    Attributes:
        index: the frame's number, modulo 2**32.
        t_ns: when it was captured, on the monotonic clock.
        mirrored: whether left and right are swapped.
    """

    index: int
    t_ns: int
    mirrored: bool = False


def band_height(height: int) -> int:
    """Return how many rows at the bottom of a picture of `height` rows hold the code."""
    return max(height // _BAND_SHARE, _ROWS)


def write_code(image: Image, index: int, t_ns: int) -> None:
    """Write a number and a time into the lowest sixteenth of ``uint8[H, W, C]``, in place."""
    fields = _FIELDS.pack(index & 0xFFFFFFFF, t_ns)
    payload = fields + struct.pack(">I", zlib.crc32(fields))
    bits = np.unpackbits(np.frombuffer(payload, np.uint8)).reshape(_ROWS, _COLUMNS)
    blocks = np.where(bits, np.uint8(_LIGHT), np.uint8(_DARK))
    height, width = image.shape[:2]
    band = image[height - band_height(height) :]
    columns = np.repeat(blocks, np.diff(_edges(width, _COLUMNS)), axis=1)
    for row, (top, bottom) in enumerate(_spans(len(band), _ROWS)):
        band[top:bottom] = columns[row][:, None]


def read_code(image: Image) -> PatternCode | None:
    """Read the code from ``uint8[H, W, 3 or 4]``, whichever way round; None when there is none that passes its CRC."""
    height, width = image.shape[:2]
    if width < _COLUMNS or height < _ROWS * _BAND_SHARE:
        return None
    levels = _block_levels(image[height - band_height(height) :, :, :3])
    if levels.max() - levels.min() < _CONTRAST_LEAST:
        return None
    bits = levels > (levels.max() + levels.min()) / 2
    for mirrored in (False, True):
        payload = np.packbits(bits[:, ::-1] if mirrored else bits).tobytes()
        fields, (crc,) = payload[: _FIELDS.size], struct.unpack(">I", payload[_FIELDS.size :])
        if zlib.crc32(fields) == crc:
            index, t_ns = _FIELDS.unpack(fields)
            return PatternCode(index, t_ns, mirrored)
    return None


def _block_levels(band: Image) -> npt.NDArray[np.float64]:
    """Return the mean of the middle of each block, ``float64[4, 32]`` in 0..255."""
    height, width = band.shape[:2]
    levels = np.empty((_ROWS, _COLUMNS))
    for row, (top, bottom) in enumerate(_spans(height, _ROWS)):
        for column, (left, right) in enumerate(_spans(width, _COLUMNS)):
            dy, dx = (bottom - top) // 4, (right - left) // 4
            levels[row, column] = band[top + dy : bottom - dy, left + dx : right - dx].mean()
    return levels


def _edges(length: int, parts: int) -> npt.NDArray[np.int64]:
    return np.arange(parts + 1) * length // parts


def _spans(length: int, parts: int) -> list[tuple[int, int]]:
    edges = _edges(length, parts).tolist()
    return list(itertools.pairwise(edges))
