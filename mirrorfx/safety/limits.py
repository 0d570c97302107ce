"""The limits against photosensitive seizures: how light, red and area are measured, and what is too much.

WCAG 2.2, success criterion 2.3.1, and Recommendation ITU-R BT.1702: not more than three general flashes and not more
than three red flashes within any second.

- A *general flash* is a pair of opposing changes in relative luminance of 10 % or more of the maximum, where the darker
  state is below 0.80.
- A *red flash* is a pair of opposing transitions of which one state has R / (R + G + B) >= 0.8 (linear light), and
  which differ by more than 0.2 in the CIE 1976 UCS diagram (u', v'): the definition of WCAG 2.2, after ISO 9241-391.
- An *area* counts when a quarter of any field of view of 10 degrees flashes. How far visitors stand is not known. So a
  field is taken as a third of the picture's width by a third of its height, wherever it lies: what WCAG takes for
  somebody at a desk (341 x 256 of 1024 x 768). BT.1702 asks for a quarter of the whole picture: nine times as much.

Both the guard and the checker use these numbers; how each counts is its own.
"""

from __future__ import annotations

from mirrorfx.clock import SECOND

__all__ = [
    "AREA",
    "DARK_LUMINANCE",
    "FIELD",
    "FLASHES_MOST",
    "LUMINANCE_STEP",
    "RED_PRIMARY",
    "RED_SHARE",
    "RED_STEP",
    "STRAY_LIGHT",
    "WINDOW_NS",
]

FLASHES_MOST = 3
WINDOW_NS = SECOND
LUMINANCE_STEP = 0.10
DARK_LUMINANCE = 0.80
RED_SHARE = 0.80
RED_STEP = 0.20
AREA = 0.25
FIELD = 1 / 3

RED_PRIMARY = (0.4507, 0.5229)
"""(u', v') of sRGB's red."""

STRAY_LIGHT = 0.005
"""Share of white that lies on every screen: black has white's colour, and what is nearly black almost."""
