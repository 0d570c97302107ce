"""What the guard does to a picture that flashes: the places that flash are held at their own dark, detail stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirrorfx.clock import SECOND
from mirrorfx.safety.limits import LUMINANCE_STEP, RED_SHARE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mirrorfx.frame import Image, Size

__all__ = ["FlashLimiter"]

_ABOVE_DARK = 0.25 * LUMINANCE_STEP
_RISE_PER_S = 2.0 * LUMINANCE_STEP
_RELEASE_NS = 800_000_000
_CODES_PER_LIGHT = 1 / 2.2
_PALE, _RED = 0.75 * RED_SHARE, 0.9 * RED_SHARE
_GREY_MOST = 0.75
_GREY_OF_RED = (0.105, 0.40, 0.495, 0.0)  # codes: a saturated red keeps its luminance, white stays white


class FlashLimiter:
    """Dims cells that flash to just above the darkest they lately were, and takes colour from those that are too red.

    What changes is one factor a cell, which runs smoothly from cell to cell: edges, texture and motion stay as they
    are, in the picture of the moment, without a trace of the pictures before. A flash of a dark and a light picture so
    becomes the dark one and a hardly lighter one; red becomes nearly grey.

    Args:
        size: (width, height) of the pictures.
        shape: (rows, columns) of the cells.

    Threads: one. Realtime: yes; 1.5 ms at 1024 x 1024 for light, more for red.
    """

    def __init__(self, size: Size, shape: tuple[int, int]) -> None:
        import numpy as np

        self._size = size
        self._dark = np.full(shape, np.inf, np.float32)
        self._light = np.zeros(shape, np.float32)
        self._redness = np.zeros(shape, np.float32)
        self._dims = np.zeros(shape, np.float32)
        self._greys = np.zeros(shape, np.float32)
        # Written once, so that the memory is really there before the first tick that needs it.
        self._factors = np.full((size[1], size[0], 4), 255, np.uint8)
        self._grey = self._factors.copy()
        self._grey_plane = np.ones((size[1], size[0]), np.uint8)
        self._grey_share = np.ones((size[1], size[0]), np.float32)
        self._colour_share = self._grey_share.copy()

    @property
    def idle(self) -> bool:
        """Whether no cell is held back any more."""
        return not (self._dims.any() or self._greys.any())

    def follow(self, cells: npt.NDArray[np.float32], step_ns: int) -> None:
        """Take the picture's light, ``float32[3, rows, columns]`` linear BGR, `step_ns` after the one before."""
        import numpy as np

        blue, green, red = cells
        self._light = np.float32(0.2126) * red + np.float32(0.7152) * green + np.float32(0.0722) * blue
        self._dark = np.minimum(self._dark + np.float32(_RISE_PER_S * step_ns / SECOND), self._light)
        self._redness = red / np.maximum(red + green + blue, np.float32(1e-6))
        self._dims = np.maximum(self._dims - np.float32(step_ns / _RELEASE_NS), 0)
        self._greys = np.maximum(self._greys - np.float32(step_ns / _RELEASE_NS), 0)

    def hold(self, flashing: npt.NDArray[np.bool_] | None, red: npt.NDArray[np.bool_] | None) -> None:
        """Hold these cells back from now on, until a while after they are named no more."""
        if flashing is not None:
            self._dims[flashing] = 1.0
        if red is not None:
            self._greys[red] = 1.0

    def hold_all(self, *, flashing: bool, red: bool) -> None:
        """Hold all cells back."""
        if flashing:
            self._dims[:] = 1.0
        if red:
            self._greys[:] = 1.0

    def draw(self, pixels: Image, out: Image, *, wider: bool = False) -> bool:
        """Draw the limited ``uint8[H, W, 4]`` BGRX picture to `out`; False when there was nothing to change.

        Args:
            pixels: the picture whose light `follow` took.
            out: another array of the same size.
            wider: dim the neighbours of a dimmed cell as much as the cell: what runs smoothly leaks.
        """
        import cv2
        import numpy as np

        allowed = self._dark + np.float32(_ABOVE_DARK)
        light = np.minimum(allowed / np.maximum(self._light, allowed), 1.0)
        codes = light ** (self._dims * np.float32(_CODES_PER_LIGHT))
        if wider:
            codes = cv2.erode(codes, np.ones((3, 3), np.uint8))
        factors = np.rint(codes * 255).astype(np.uint8)
        grey = np.clip((self._redness - np.float32(_PALE)) / np.float32(_RED - _PALE), 0, 1) * self._greys
        dims, greys = bool((factors < 255).any()), bool(grey.any())
        if dims:
            self._dim(pixels, factors, out)
        if greys:
            wide = cv2.dilate(grey, np.ones((3, 3), np.uint8)).astype(np.float32, copy=False)
            self._mix_grey(out if dims else pixels, wide, out)
        return dims or greys

    def _dim(self, pixels: Image, factors: npt.NDArray[np.uint8], out: Image) -> None:
        import cv2

        four = cv2.merge([factors, factors, factors, factors * 0 + 255])
        cv2.resize(four, self._size, dst=self._factors, interpolation=cv2.INTER_LINEAR)
        cv2.multiply(pixels, self._factors, dst=out, scale=1 / 255)

    def _mix_grey(self, pixels: Image, share: npt.NDArray[np.float32], out: Image) -> None:
        import cv2
        import numpy as np

        cv2.transform(pixels, np.array([_GREY_OF_RED], np.float32), dst=self._grey_plane)
        cv2.cvtColor(self._grey_plane, cv2.COLOR_GRAY2BGRA, dst=self._grey)
        cv2.resize(share * _GREY_MOST, self._size, dst=self._grey_share, interpolation=cv2.INTER_LINEAR)
        np.subtract(1, self._grey_share, out=self._colour_share)
        cv2.blendLinear(pixels, self._grey, self._colour_share, self._grey_share, dst=out)
