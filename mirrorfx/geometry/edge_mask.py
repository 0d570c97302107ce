"""Dark, soft edges of a picture, for walls that end before the projector's light does."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mirrorfx.frame import Image, Size
    from mirrorfx.geometry._resample import Turn, Window

__all__ = ["EdgeMask", "Sides"]

Sides: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom."""


class EdgeMask:
    """Darkens the edges of a picture before it is turned and warped, so that they stay at its edges.

    Args:
        dark: which share of what is seen is dark, at each side of the turned picture.
        feather: which share of that is a gradient.
        turn: how the picture will be turned.
        window: what will be seen of it.
        size: (width, height) of the picture.
    """

    def __init__(self, dark: Sides, feather: float, turn: Turn, window: Window, size: Size) -> None:
        import numpy as np

        self._strips: list[tuple[slice, slice]] = []
        if not any(dark):
            return
        x, y, width, height = window
        left, top, right, bottom = _before(dark, turn)
        columns, rows = np.zeros(size[0]), np.zeros(size[1])
        columns[x : x + width] = _profile(width, left, right, feather)
        rows[y : y + height] = _profile(height, top, bottom, feather)
        level = np.rint(rows[:, None] * columns * 255).astype(np.uint8)
        self._mask = np.full((size[1], size[0], 4), 255, np.uint8)
        self._mask[..., :3] = level[..., None]
        self._strips = _strips(rows < 1.0, columns < 1.0, window)
        self._masked = np.empty_like(self._mask)

    def apply(self, bgrx: Image) -> Image:
        """Return ``uint8[H, W, 4]`` with dark edges, valid until the next call; `bgrx` itself when there are none."""
        import cv2
        import numpy as np

        if not self._strips:
            return bgrx
        np.copyto(self._masked, bgrx)
        for strip in self._strips:
            cv2.multiply(self._masked[strip], self._mask[strip], dst=self._masked[strip], scale=1 / 255)
        return self._masked


def _before(dark: Sides, turn: Turn) -> Sides:
    """Return which sides of the picture before the turn will be left, top, right and bottom of it afterwards."""
    left, top, right, bottom = dark
    if turn.flip_x:
        left, right = right, left
    if turn.flip_y:
        top, bottom = bottom, top
    sides = (left, top, right, bottom)
    quarter = turn.rotation // 90
    return sides[quarter:] + sides[:quarter]  # type: ignore[return-value]


def _profile(length: int, first: float, last: float, feather: float) -> npt.NDArray[np.float64]:
    """Return the brightness from one side to the other, ``float64[length]`` in 0..1, with smooth gradients."""
    import numpy as np

    middle = (np.arange(length) + 0.5) / length
    brightness = np.ones(length)
    for distance, dark in ((middle, first), (1 - middle, last)):
        if dark:
            step = np.clip((distance - dark * (1 - feather)) / max(dark * feather, 1e-9), 0, 1)
            brightness *= step * step * (3 - 2 * step)
    return brightness


def _strips(
    dark_rows: npt.NDArray[np.bool_], dark_columns: npt.NDArray[np.bool_], window: Window
) -> list[tuple[slice, slice]]:
    """Return the up to four strips that hold all that is dark, as slices of the picture."""
    import numpy as np

    x, y, width, height = window
    light_rows, light_columns = np.flatnonzero(~dark_rows), np.flatnonzero(~dark_columns)
    if not len(light_rows) or not len(light_columns):
        return [(slice(y, y + height), slice(x, x + width))]
    top, bottom = int(light_rows[0]), int(light_rows[-1]) + 1
    left, right = int(light_columns[0]), int(light_columns[-1]) + 1
    across = slice(x, x + width)
    strips = [
        (slice(y, top), across),
        (slice(bottom, y + height), across),
        (slice(top, bottom), slice(x, left)),
        (slice(top, bottom), slice(right, x + width)),
    ]
    return [(rows, columns) for rows, columns in strips if rows.start < rows.stop and columns.start < columns.stop]
