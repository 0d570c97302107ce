"""A grid for aligning a projector: what is straight, square, round, left or up in it must be so on the wall."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mirrorfx.frame import Image, Size

__all__ = ["draw_test_grid"]

_BACK = (24, 20, 18, 255)
_LINE = (120, 112, 104, 255)
_INK = (240, 240, 240, 255)
_CORNERS = ((80, 80, 240, 255), (80, 220, 80, 255), (240, 140, 60, 255), (60, 200, 240, 255))
"""Red top left, green top right, blue bottom right, yellow bottom left."""


def draw_test_grid(size: Size) -> Image:
    """Return the grid, ``uint8[H, W, 4]`` BGRX of `size` (width, height)."""
    import cv2
    import numpy as np

    width, height = size
    grid = np.full((height, width, 4), _BACK, np.uint8)
    unit = min(width, height)
    thin, thick = max(unit // 512, 1), max(unit // 160, 2)
    step = unit / 8
    middle = (width // 2, height // 2)
    for x in np.arange(width / 2 % step, width, step):
        cv2.line(grid, (int(x), 0), (int(x), height), _LINE, thin)
    for y in np.arange(height / 2 % step, height, step):
        cv2.line(grid, (0, int(y)), (width, int(y)), _LINE, thin)
    cv2.line(grid, (0, 0), (width, height), _LINE, thin, cv2.LINE_AA)
    cv2.line(grid, (width, 0), (0, height), _LINE, thin, cv2.LINE_AA)
    for share in (0.5, 0.25):
        cv2.circle(grid, middle, round(unit * share) - thick, _INK, thick // 2, cv2.LINE_AA)
    cv2.line(grid, (middle[0], 0), (middle[0], height), _INK, thin)
    cv2.line(grid, (0, middle[1]), (width, middle[1]), _INK, thin)
    _draw_corners(grid, round(unit / 12))
    cv2.rectangle(grid, (0, 0), (width - 1, height - 1), _INK, thick)
    _draw_texts(grid, unit)
    grid[..., 3] = 255
    return grid


def _draw_corners(grid: Image, side: int) -> None:
    height, width = grid.shape[:2]
    tops, lefts = (0, 0, height - side, height - side), (0, width - side, width - side, 0)
    for top, left, colour in zip(tops, lefts, _CORNERS, strict=True):
        grid[top : top + side, left : left + side] = colour


def _draw_texts(grid: Image, unit: int) -> None:
    import cv2

    height, width = grid.shape[:2]
    scale = unit / 500
    for text, x, y in (
        ("UP", width / 2, height / 2 - unit * 0.375),
        ("L", width / 2 - unit * 0.375, height / 2),
        ("R", width / 2 + unit * 0.375, height / 2),
        (f"{width} x {height}", width / 2, height / 2 + unit * 0.375),
    ):
        (wide, high), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, scale, 2)
        left, top, pad = round(x - wide / 2), round(y - high / 2), round(unit / 80)
        cv2.rectangle(grid, (left - pad, top - pad), (left + wide + pad, top + high + below // 2 + pad), _BACK, -1)
        cv2.putText(grid, text, (left, top + high), cv2.FONT_HERSHEY_DUPLEX, scale, _INK, 2, cv2.LINE_AA)
