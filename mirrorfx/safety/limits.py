"""The limits against photosensitive seizures: how light, red and area are measured, and what is too much.

WCAG 2.2, success criterion 2.3.1, and Recommendation ITU-R BT.1702: not more than three general flashes and not more
than three red flashes within any second.

- A *general flash* is a pair of opposing changes in relative luminance of 10 % or more of the maximum, where the darker
  state is below 0.80.
- A *red flash* is a pair of opposing transitions of which one state has R / (R + G + B) >= 0.8 (linear light), and
  which differ by more than 0.2 in the CIE 1976 UCS diagram (u', v'): the definition of WCAG 2.2, after ISO 9241-391.
- An *area* counts when a quarter of a field flashes. What a field is, is where the two differ: see `Standard`.
- A *fine pattern* in balance (noise, a swapping chessboard) may flash where its squares are smaller than 0.1 degrees.
  From 1.1 picture heights away, as near as we suppose people to stand, that is a 512th of the height: two pixels of
  1080. Whatever is coarser counts.

Both the guard and the checker use these numbers; how each counts is its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from mirrorfx.clock import SECOND

__all__ = [
    "AREA",
    "DARK_LUMINANCE",
    "FLASHES_MOST",
    "LUMINANCE_STEP",
    "RED_PRIMARY",
    "RED_SHARE",
    "RED_STEP",
    "STANDARD",
    "STANDARDS",
    "STRAY_LIGHT",
    "STRICT",
    "WINDOW_NS",
    "Standard",
]

FLASHES_MOST = 3
WINDOW_NS = SECOND
LUMINANCE_STEP = 0.10
DARK_LUMINANCE = 0.80
RED_SHARE = 0.80
RED_STEP = 0.20
AREA = 0.25

RED_PRIMARY = (0.4507, 0.5229)
"""(u', v') of sRGB's red."""

STRAY_LIGHT = 0.005
"""Share of white that lies on every screen: black has white's colour, and what is nearly black almost."""


@dataclass(frozen=True, slots=True)
class Standard:
    """Of what a quarter must flash, and how densely that is looked at.

    Attributes:
        name: how it is called on the command line.
        field: sides of the field, as a share of the picture's; a field may lie anywhere.
        sites: how many pixels are taken from a cell's width, and from its height, as they are.
    """

    name: str
    field: float
    sites: int


STANDARD = Standard("standard", field=1.0, sites=2)
"""BT.1702: a quarter of the whole picture."""

STRICT = Standard("strict", field=1 / 3, sites=4)
"""WCAG for a picture that is seen from near: a quarter of any field of 10 degrees, taken as a third of the picture's
width by a third of its height, which it is for somebody at a desk (341 x 256 of 1024 x 768)."""

STANDARDS = {standard.name: standard for standard in (STANDARD, STRICT)}
