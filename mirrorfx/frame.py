"""What travels through a mirror: pixels, a number, times and the revision of the params that painted them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from mirrorfx.errors import InvalidValue

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["SIZE_MAX_PX", "SIZE_MIN_PX", "SIZE_STEP_PX", "Frame", "Image", "Size", "check_size", "parse_size"]

Size: TypeAlias = tuple[int, int]
"""(width, height) in pixels, always in this order."""

if TYPE_CHECKING:
    Image: TypeAlias = npt.NDArray[np.uint8]
else:
    Image = Any
"""``uint8[H, W, 3]`` BGR towards an effect, ``uint8[H, W, 4]`` BGRX from it; C-contiguous, full-range sRGB."""

SIZE_STEP_PX = 64
SIZE_MIN_PX = 256
SIZE_MAX_PX = 2048


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture on its way.

    Attributes:
        pixels: ``uint8[H, W, 3]`` BGR from a source, ``uint8[H, W, 4]`` BGRX from an effect.
        t_capture_ns: when the camera saw it, on the monotonic clock.
        index: the source's own count of frames, from 0; gaps are frames that were dropped on the way.
        seq: the number given at dispatch, from 0 without gaps; -1 before that.
        revision: which edit of the params painted it; -1 before that.
    """

    pixels: Image
    t_capture_ns: int
    index: int = 0
    seq: int = -1
    revision: int = -1

    @property
    def size(self) -> Size:
        """(width, height) in pixels."""
        height, width = self.pixels.shape[:2]
        return int(width), int(height)


def check_size(size: Size) -> Size:
    """Return `size` when a mirror can work at it.

    Raises:
        InvalidValue: a side is not a multiple of 64 between 256 and 2048; the message names the nearest that works.
    """
    for side in size:
        if side % SIZE_STEP_PX or not SIZE_MIN_PX <= side <= SIZE_MAX_PX:
            near = "x".join(str(_nearest_side(value)) for value in size)
            raise InvalidValue(
                f"Size {size[0]}x{size[1]} can't be worked at: each side must be a multiple of {SIZE_STEP_PX} from "
                f"{SIZE_MIN_PX} to {SIZE_MAX_PX}, such as 512, 768, 1024 or 832x1216. The nearest is --size {near}."
            )
    return size


def parse_size(text: str) -> Size:
    """Read ``1024`` (a square) or ``832x1216`` (width x height).

    Raises:
        InvalidValue: it is not a size, or not one that a mirror can work at.
    """
    match = re.fullmatch(r"\s*(\d{1,6})\s*(?:[x×X]\s*(\d{1,6}))?\s*", text)
    if not match:
        raise InvalidValue(f"Size {text!r} is not understood: write --size 1024, or width x height: --size 832x1216.")
    width = int(match[1])
    return check_size((width, int(match[2] or width)))


def _nearest_side(side: int) -> int:
    return min(max(round(side / SIZE_STEP_PX) * SIZE_STEP_PX, SIZE_MIN_PX), SIZE_MAX_PX)
