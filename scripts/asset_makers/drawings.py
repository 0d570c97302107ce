"""What is drawn by code: the icon and the test card."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["icon", "test_card"]

Picture = npt.NDArray[np.uint8]

_OVER = 8
"""Drawn this much larger and made smaller at the end: smooth edges."""
_ICON_PX = 256
_CARD_PX = 1024

_HALF_FACE = ((128, 46), (108, 49), (92, 60), (83, 78), (81, 100), (84, 122), (92, 146), (107, 167), (128, 176))
"""A face's left outline in pixels of the icon, from the crown to the chin."""
_NIGHT = (54, 26, 22)
_GLASS = (92, 58, 40)
_IVORY = (226, 240, 250)
_STROKES = ((60, 86, 246), (48, 158, 255), (160, 92, 236), (196, 178, 48), (228, 118, 96))


def icon() -> Picture:
    """Return the icon, ``uint8[256, 256, 4]`` BGRA: a round mirror; a plain half face, its reflection painted."""
    side = _ICON_PX * _OVER
    picture = np.zeros((side, side, 3), np.uint8)
    picture[:] = _NIGHT
    disc = _disc(side, 0.5, 0.5, 0.40)
    picture[disc] = _GLASS
    face = _face_mask(side)
    right = np.arange(side)[None] >= side // 2
    picture[face & ~right] = _IVORY
    painted = _painted(side)
    picture[disc & right] = painted[disc & right] // 3 + np.uint8(18)
    picture[face & right] = painted[face & right]
    _features(picture, side)
    rim = _disc(side, 0.5, 0.5, 0.435) & ~disc
    picture[rim] = (170, 205, 236)
    picture[:, side // 2 - _OVER : side // 2 + _OVER][_column(disc, side)] = (170, 205, 236)
    alpha = _rounded(side, 0.22)
    small = cv2.resize(np.dstack([picture, alpha]), (_ICON_PX, _ICON_PX), interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8)


def _column(mask: npt.NDArray[np.bool_], side: int) -> npt.NDArray[np.bool_]:
    return mask[:, side // 2 - _OVER : side // 2 + _OVER]


def _disc(side: int, x: float, y: float, radius: float) -> npt.NDArray[np.bool_]:
    rows, columns = np.mgrid[0:side, 0:side]
    return (columns - x * side) ** 2 + (rows - y * side) ** 2 <= (radius * side) ** 2


def _face_mask(side: int) -> npt.NDArray[np.bool_]:
    """Return a head and shoulders, left and right alike."""
    left = np.array(_HALF_FACE, np.float64)
    outline = np.vstack([left, np.column_stack([_ICON_PX - left[::-1, 0], left[::-1, 1]])])
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [np.rint(outline * _OVER).astype(np.int32)], 1)
    cv2.rectangle(mask, (round(0.43 * side), round(0.6 * side)), (round(0.57 * side), round(0.82 * side)), 1, -1)
    cv2.ellipse(mask, (side // 2, round(0.98 * side)), (round(0.33 * side), round(0.23 * side)), 0, 180, 360, 1, -1)
    # Blurring and cutting in the middle rounds the corners of the polygon and of the neck.
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 4 * _OVER)
    return (soft > 0.5) & _disc(side, 0.5, 0.5, 0.40)


def _painted(side: int) -> Picture:
    """Return broad brush strokes in bright colours, running down and outwards."""
    picture = np.zeros((side, side, 3), np.uint8)
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32) / side
    bands = columns * 7.5 + rows * 3.2 + 0.35 * np.sin(rows * 17) + 0.2 * np.sin(columns * 31 + rows * 9)
    index = np.floor(bands).astype(int) % len(_STROKES)
    light = 0.86 + 0.2 * (bands % 1) + 0.05 * np.sin(bands * 40)
    for number, colour in enumerate(_STROKES):
        chosen = index == number
        picture[chosen] = np.clip(np.array(colour) * light[chosen][:, None], 0, 255).astype(np.uint8)
    return picture


def _features(picture: Picture, side: int) -> None:
    """Draw the eyes and the mouth over both halves."""
    for x in (0.43, 0.57):
        cv2.ellipse(
            picture,
            (round(x * side), round(0.415 * side)),
            (round(0.028 * side), round(0.017 * side)),
            0,
            0,
            360,
            _NIGHT,
            -1,
        )
    cv2.ellipse(
        picture,
        (side // 2, round(0.56 * side)),
        (round(0.052 * side), round(0.026 * side)),
        0,
        10,
        170,
        _NIGHT,
        round(0.012 * side),
    )


def _rounded(side: int, radius: float) -> Picture:
    mask = np.zeros((side, side), np.uint8)
    edge = round(radius * side)
    cv2.rectangle(mask, (edge, 0), (side - edge, side), 255, -1)
    cv2.rectangle(mask, (0, edge), (side, side - edge), 255, -1)
    for x in (edge, side - edge):
        for y in (edge, side - edge):
            cv2.circle(mask, (x, y), edge, 255, -1)
    return mask


def test_card() -> Picture:
    """Return the card for aligning a wall, ``uint8[1024, 1024, 3]`` BGR.

    A one-pixel frame at the very edge, a grid every 64 pixels, a circle that must look round, corners that say which
    they are by their number of dots, colour bars, a grey ramp and steps near black and white.
    """
    card = np.full((_CARD_PX, _CARD_PX, 3), 46, np.uint8)
    _grid(card)
    _corners(card)
    _colours(card)
    cv2.circle(card, (512, 512), 448, (245, 245, 245), 3, cv2.LINE_AA)
    cv2.circle(card, (512, 512), 64, (245, 245, 245), 2, cv2.LINE_AA)
    for tip in ((512, 396), (512, 628), (396, 512), (628, 512)):
        cv2.line(card, (512, 512), tip, (245, 245, 245), 1)
    cv2.arrowedLine(card, (512, 210), (512, 96), (60, 220, 250), 6, cv2.LINE_AA, tipLength=0.35)
    cv2.rectangle(card, (0, 0), (_CARD_PX - 1, _CARD_PX - 1), (255, 255, 255), 1)
    return card


def _grid(card: Picture) -> None:
    for place in range(0, _CARD_PX + 1, 64):
        bright = 150 if place % 256 == 0 else 88
        for first, second in (((place, 0), (place, _CARD_PX)), ((0, place), (_CARD_PX, place))):
            cv2.line(card, first, second, (bright,) * 3, 1)


def _corners(card: Picture) -> None:
    """Draw a coloured angle in every corner with one to four dots, clockwise from the upper left."""
    colours = ((80, 80, 240), (80, 220, 80), (240, 140, 60), (60, 220, 250))
    for number, colour in enumerate(colours):
        piece = np.zeros((160, 160, 3), np.uint8)
        cv2.line(piece, (12, 12), (130, 12), colour, 8)
        cv2.line(piece, (12, 12), (12, 130), colour, 8)
        for dot in range(number + 1):
            cv2.circle(piece, (36 + 22 * dot, 36), 7, colour, -1, cv2.LINE_AA)
        turned = np.rot90(piece, -number)
        place = ((0, 0), (0, -160), (-160, -160), (-160, 0))[number]
        rows = slice(place[0], place[0] + 160 or None)
        columns = slice(place[1], place[1] + 160 or None)
        drawn = turned.max(axis=2, keepdims=True) > 0
        card[rows, columns] = np.where(drawn, turned, card[rows, columns])


def _colours(card: Picture) -> None:
    """Draw bars, a ramp and the steps in which a wall's black and white often drown."""
    bars = (
        (255, 255, 255),
        (0, 255, 255),
        (255, 255, 0),
        (0, 255, 0),
        (255, 0, 255),
        (0, 0, 255),
        (255, 0, 0),
        (0, 0, 0),
    )
    for number, colour in enumerate(bars):
        card[256:352, 256 + number * 64 : 320 + number * 64] = colour
    card[672:736, 256:768] = np.linspace(0, 255, 512).round().astype(np.uint8)[None, :, None]
    for number in range(8):
        left = 256 + number * 64
        card[736:784, left : left + 64] = 4 * number
        card[784:832, left : left + 64] = 255 - 4 * number
