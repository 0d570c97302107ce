"""What the guard does to a picture that flashes: the places that flash are held at their own dark, detail stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mirrorfx.clock import SECOND
from mirrorfx.safety.limits import LUMINANCE_STEP, RED_SHARE

if TYPE_CHECKING:
    import numpy.typing as npt

    from mirrorfx.frame import Image, Size
    from mirrorfx.safety.cells import Glance
    from mirrorfx.safety.tally import Busy

__all__ = ["FlashLimiter"]

Plane: TypeAlias = "npt.NDArray[np.float32]"
Mask: TypeAlias = "npt.NDArray[np.bool_]"

_ABOVE_DARK = 0.25 * LUMINANCE_STEP
_RISE_PER_S = 2.0 * LUMINANCE_STEP
_RELEASE_NS = 800_000_000
_CODES_PER_LIGHT = 1 / 2.2
_PALE, _RED = 0.75 * RED_SHARE, 0.9 * RED_SHARE
_PALE_CODES = 0.5
"""Green and blue, as a share of red's code, that make the purest red no saturated one: R / (R + G + B) is 0.7."""
_FINE_NEAR, _FINE_AROUND = 0.2, (5, 5)
_RED_NEAR, _RED_AROUND = 0.1, (9, 9)


class FlashLimiter:
    """Dims cells that flash to just above the darkest they lately were, and takes colour from those that are too red.

    What changes is one factor a cell, which runs smoothly from cell to cell: edges, texture and motion stay as they
    are, in the picture of the moment, without a trace of the pictures before. A flash of a dark and a light picture so
    becomes the dark one and a hardly lighter one; saturated red becomes a dull one of the same luminance.

    The darkest of a cell is that of its mean, or, where a pattern finer than the cell flashes and leaves the mean as it
    is, the mean of the darkest that its sites were.

    Args:
        size: (width, height) of the pictures.
        cells: (rows, columns) of the cells.
        sites: (rows, columns) of the sites, multiples of those.

    Threads: one. Realtime: yes.
    """

    def __init__(self, size: Size, cells: tuple[int, int], sites: tuple[int, int]) -> None:
        self._size = size
        self._each = sites[0] // cells[0]
        self._light = np.zeros(cells, np.float32)
        self._dark = np.full(cells, np.inf, np.float32)
        self._site_dark = np.full(sites, np.inf, np.float32)
        self._cells = np.zeros((3, *cells), np.float32)
        self._sites = np.zeros((3, *sites), np.float32)
        self._dims, self._fine_dims, self._pales = (np.zeros(cells, np.float32) for _ in range(3))
        # Written once, so that the memory is really there before the first tick that needs it.
        self._plane = np.full((size[1], size[0]), 255, np.uint8)
        self._red = self._plane.copy()
        self._factors = np.full((size[1], size[0], 4), 255, np.uint8)

    @property
    def idle(self) -> bool:
        """Whether no cell is held back any more."""
        return not (self._dims.any() or self._fine_dims.any() or self._pales.any())

    def follow(self, glance: Glance, step_ns: int) -> None:
        """Take the picture's light, `step_ns` after the one before."""
        rise, release = np.float32(_RISE_PER_S * step_ns / SECOND), np.float32(step_ns / _RELEASE_NS)
        self._cells = glance.cells
        self._light = _luminance(glance.cells)
        self._dark = np.minimum(self._dark + rise, self._light)
        self._site_dark = np.minimum(self._site_dark + rise, _luminance(glance.sites))
        self._sites = glance.sites
        for held in (self._dims, self._fine_dims, self._pales):
            np.maximum(held - release, 0, out=held)

    def hold(self, busy: Busy, *, flashing: bool, red: bool) -> None:
        """Hold what is busy back from now on, by light and by colour, until a while after it is busy no more."""
        if flashing:
            self._dims[busy.cells] = 1.0
            finely = _near(self._share(busy.sites), _FINE_AROUND) >= _FINE_NEAR
            self._fine_dims[finely & ~busy.cells] = 1.0
        if red:
            near = _near(self._share(busy.red_sites) + busy.red_cells, _RED_AROUND)
            np.maximum(self._pales, np.minimum(near / np.float32(_RED_NEAR), 1), out=self._pales)

    def hold_all(self, *, flashing: bool, red: bool) -> None:
        """Hold all cells back, whatever in them is fine included."""
        if flashing:
            self._dims[:] = 1.0
            self._fine_dims[:] = 1.0
        if red:
            self._pales[:] = 1.0

    def draw(self, pixels: Image, out: Image, *, wider: bool = False) -> bool:
        """Draw the limited ``uint8[H, W, 4]`` BGRX picture to `out`; False when there was nothing to change.

        Args:
            pixels: the picture whose light `follow` took.
            out: another array of the same size.
            wider: dim the neighbours of a dimmed cell as much as the cell: what runs smoothly leaks.
        """
        import cv2

        pale = np.clip((self._redness() - np.float32(_PALE)) / np.float32(_RED - _PALE), 0, 1) * self._pales
        lift: Plane = (cv2.dilate(pale, _NEIGHBOURS) * _PALE_CODES).astype(np.float32, copy=False)
        codes = self._dimmed(lift)
        factors, lifts = _as_codes(cv2.erode(codes, _NEIGHBOURS) if wider else codes), _as_codes(lift)
        dims, lifted = bool((factors < 255).any()), bool(lifts.any())
        if dims:
            self._dim(pixels, factors, out)
        if lifted:
            self._pale(out if dims else pixels, lifts, out)
        return dims or lifted

    def _redness(self) -> Plane:
        """Return red's share of each cell's reddest site."""
        share = self._sites[2] / np.maximum(self._sites.sum(axis=0), np.float32(1e-6))
        reddest: Plane = self._by_cell(share).max(axis=(1, 3))
        return reddest

    def _dimmed(self, lift: Plane) -> Plane:
        """Return by which share the codes of each cell are to be dimmed, the light that `lift` adds included."""
        blue, green, red = self._cells
        lifted = red * lift ** np.float32(1 / _CODES_PER_LIGHT)
        after = _luminance(np.stack((np.maximum(blue, lifted), np.maximum(green, lifted), red)))
        cells = _at_most(self._dark + np.float32(_ABOVE_DARK), self._light) ** self._dims
        sites_dark = self._by_cell(self._site_dark).mean(axis=(1, 3), dtype=np.float32)
        sites = _at_most(sites_dark + np.float32(_ABOVE_DARK), self._light) ** self._fine_dims
        codes: Plane = (np.minimum(cells, sites) * _at_most(self._light, after)) ** np.float32(_CODES_PER_LIGHT)
        return codes

    def _dim(self, pixels: Image, factors: Image, out: Image) -> None:
        import cv2

        cv2.resize(factors, self._size, dst=self._plane, interpolation=cv2.INTER_LINEAR)
        cv2.cvtColor(self._plane, cv2.COLOR_GRAY2BGRA, dst=self._factors)
        cv2.multiply(pixels, self._factors, dst=out, scale=1 / 255)

    def _pale(self, pixels: Image, lifts: Image, out: Image) -> None:
        """Lift green and blue to a share of red. White, and every colour with enough of them, stays as it is."""
        import cv2

        cv2.extractChannel(pixels, 2, dst=self._red)
        cv2.resize(lifts, self._size, dst=self._plane, interpolation=cv2.INTER_LINEAR)
        cv2.multiply(self._red, self._plane, dst=self._red, scale=1 / 255)
        cv2.cvtColor(self._red, cv2.COLOR_GRAY2BGRA, dst=self._factors)
        cv2.max(pixels, self._factors, dst=out)

    def _share(self, sites: Mask) -> Plane:
        """Return which share of each cell's sites is in `sites`."""
        share: Plane = self._by_cell(sites).mean(axis=(1, 3), dtype=np.float32)
        return share

    def _by_cell(self, sites: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the sites as ``[rows, each, columns, each]``."""
        rows, columns = self._light.shape
        return sites.reshape(rows, self._each, columns, self._each)


_NEIGHBOURS = np.ones((3, 3), np.uint8)


def _luminance(light: Plane) -> Plane:
    blue, green, red = light
    luminance: Plane = np.float32(0.2126) * red + np.float32(0.7152) * green + np.float32(0.0722) * blue
    return luminance


def _near(share: Plane, around: tuple[int, int]) -> Plane:
    """Return the mean over each cell's neighbourhood: a few by themselves are no flash, and holes close."""
    import cv2

    near: Plane = cv2.blur(share, around).astype(np.float32, copy=False)
    return near


def _at_most(allowed: Plane, light: Plane) -> Plane:
    """Return the factor that brings `light` down to `allowed`; 1 where it is no more."""
    factor: Plane = np.minimum(allowed / np.maximum(light, np.maximum(allowed, np.float32(1e-6))), 1)
    return factor


def _as_codes(share: npt.NDArray[Any]) -> Image:
    codes: Image = np.rint(share * 255).astype(np.uint8)
    return codes
