"""A picture as the guard looks at it in every tick: averaged over cells, and as it is at scattered sites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mirrorfx.frame import Image, Size
    from mirrorfx.safety.limits import Standard

__all__ = ["CellView", "Glance", "cells_shape", "site_px", "sites_shape"]

_CELLS = 32
_EXACT_HALVINGS = 3
_SEED = 1702
_SITE_OF_HEIGHT = 1 / 1024


def cells_shape(size: Size) -> tuple[int, int]:
    """Return (rows, columns) of cells for pictures of `size`: 24 to 48 on the longer side of all but small ones."""
    halvings = _halvings(size)
    return size[1] >> halvings, size[0] >> halvings


def sites_shape(size: Size, standard: Standard) -> tuple[int, int]:
    """Return (rows, columns) of sites: as many to a cell's side as `standard` says, or as the cell has pixels."""
    rows, columns = cells_shape(size)
    each = max(min(standard.sites, size[1] // rows, size[0] // columns), 1)
    return rows * each, columns * each


def site_px(size: Size) -> int:
    """Return a site's width and height in pixels: a 1024th of the picture's height, at least 1.

    Seen from 1.1 heights away that is half of 0.1 degrees, so that a pattern of squares just as fine as counts does not
    average out in a site that lies across them.
    """
    return max(round(size[1] * _SITE_OF_HEIGHT), 1)


@dataclass(frozen=True, slots=True)
class Glance:
    """A picture's linear light, 0..1, BGR.

    Attributes:
        cells: means, ``float32[3, rows, columns]``.
        sites: means over `site_px` squares, scattered, ``float32[3, site rows, site columns]``.
    """

    cells: npt.NDArray[np.float32]
    sites: npt.NDArray[np.float32]


class CellView:
    """Looks at pictures of one size: means over square cells, and sites of a pixel or a few.

    A mean alone would overlook patterns finer than a cell, or as fine and shifted against it. So one site is taken
    from each square of a second, finer grid, at a place of its own in it: no regular pattern keeps step with those,
    and of any pattern about as large a share of the sites flashes as of the picture.

    Means are of linear light. Of a cell with more than eight by eight pixels, so many are taken: the corners of four by
    four squares, as many on even rows and columns as on odd ones, so that a pattern of single pixels stays in balance.
    A site's mean is of fewer, so what is random in the picture shows there first.

    Args:
        size: (width, height) of the pictures.
        standard: how many sites there are.
    """

    def __init__(self, size: Size, standard: Standard) -> None:
        import numpy as np

        width, height = size
        self._linear = _linear_table()
        self._light_of = (self._linear / 65535 / site_px(size) ** 2).astype(np.float32)
        halvings = _halvings(size)
        first = max(halvings - _EXACT_HALVINGS, 0)
        self._apart = 2 << first
        self._light = [np.empty((height >> h, width >> h, 4), np.uint16) for h in range(first, halvings + 1)]
        self._corner_codes: npt.NDArray[np.uint32] | None = None
        if first:
            self._corner_codes = np.empty((height // self._apart * 2, width // self._apart * 2), np.uint32)
            self._light[0] = np.empty((*self._corner_codes.shape, 4), np.uint16)
        self._sites = _scattered(size, sites_shape(size, standard))

    def look(self, pixels: Image) -> Glance:
        """Look at ``uint8[H, W, 4]`` BGRX."""
        import cv2
        import numpy as np

        sites = self._look_at_sites(pixels)
        cv2.LUT(self._corners(pixels), self._linear, dst=self._light[0])
        for larger, smaller in zip(self._light, self._light[1:], strict=False):
            cv2.resize(larger, smaller.shape[1::-1], dst=smaller, interpolation=cv2.INTER_AREA)
        planes = np.moveaxis(self._light[-1], 2, 0)[:3]
        return Glance(np.multiply(planes, np.float32(1 / 65535), dtype=np.float32), sites)

    def _corners(self, pixels: Image) -> Image:
        import numpy as np

        codes, apart = self._corner_codes, self._apart
        if codes is None:
            return pixels
        whole = pixels.view(np.uint32)[: codes.shape[0] // 2 * apart, : codes.shape[1] // 2 * apart, 0]
        for down in (0, 1):
            for across in (0, 1):
                codes[down::2, across::2] = whole[(apart - 1) * down :: apart, (apart - 1) * across :: apart]
        return codes.view(np.uint8).reshape(*codes.shape, 4)

    def _look_at_sites(self, pixels: Image) -> npt.NDArray[np.float32]:
        import cv2
        import numpy as np

        each, rows, columns = self._sites.shape
        codes = np.take(pixels.view(np.uint32), self._sites).view(np.uint8).reshape(-1, columns, 4)
        light = cv2.LUT(codes, self._light_of).reshape(each, rows, columns, 4).sum(axis=0)
        return np.ascontiguousarray(np.moveaxis(light, 2, 0)[:3])


def _halvings(size: Size) -> int:
    halvings = 0
    while max(size) >> halvings > _CELLS * 3 // 2:
        halvings += 1
    return halvings


def _scattered(size: Size, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Return where each site's pixels are in a flat picture, ``int64[pixels, site rows, site columns]``."""
    import numpy as np

    side = site_px(size)
    within = np.random.default_rng(_SEED).random((2, *shape))
    down, across = np.arange(shape[0])[:, None] + within[0], np.arange(shape[1])[None, :] + within[1]
    top = np.minimum((down * (size[1] / shape[0])).astype(np.int64), size[1] - side)
    left = np.minimum((across * (size[0] / shape[1])).astype(np.int64), size[0] - side)
    return np.stack([(top + y) * size[0] + left + x for y in range(side) for x in range(side)])


def _linear_table() -> npt.NDArray[np.uint16]:
    """Return linear light of the sRGB codes, 0..65535 (IEC 61966-2-1)."""
    import numpy as np

    code = np.arange(256) / 255
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return np.round(linear * 65535).astype(np.uint16)
