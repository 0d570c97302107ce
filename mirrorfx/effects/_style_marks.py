"""The marks that swatch textures are made of: dabs, noise, cells, relief, and choosing a colour by tone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from cv2.typing import MatLike


__all__ = [
    "SIDE_PX",
    "Colour",
    "Colours",
    "angles",
    "at",
    "blend",
    "cells",
    "dab",
    "ground",
    "levels",
    "noise",
    "pick",
    "px",
    "ramp",
    "relief",
    "shade",
    "tinted",
    "tone",
]

SIDE_PX = 256
"""What the style predictor was trained on."""

Colours: TypeAlias = npt.NDArray[Any]
"""``uint8[n, 3]`` BGR, from dark to light."""
Colour: TypeAlias = npt.NDArray[Any]
"""``uint8[3]`` BGR."""


def levels(values: npt.ArrayLike) -> MatLike:
    """Return the numbers as bytes, held to 0..255."""
    result: npt.NDArray[np.uint8] = np.clip(values, 0, 255).astype(np.uint8)
    return result


def ground(colour: npt.ArrayLike) -> MatLike:
    """Return a square of one colour."""
    return np.full((SIDE_PX, SIDE_PX, 3), np.asarray(colour, np.uint8), np.uint8)


def noise(rng: np.random.Generator, cells_across: float, octaves: int = 1) -> MatLike:
    """Return smooth noise in 0..1, ``float32[SIDE_PX, SIDE_PX]``: value noise, halved in size for each octave."""
    total = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    for octave in range(octaves):
        side = round(cells_across * 2**octave) + 3
        grid = rng.random((side, side), np.float32)
        total += cv2.resize(grid, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC) / 2**octave
    low, high = np.quantile(total[::4, ::4], (0.01, 0.99))
    field: MatLike = np.clip((total - low) / max(high - low, 1e-6), 0, 1)
    return field


def angles(rng: np.random.Generator, cells_across: float) -> MatLike:
    """Return a smooth field of directions in radians."""
    return noise(rng, cells_across, octaves=2) * np.float32(2 * np.pi) + np.float32(rng.uniform(0, np.pi))


def cells(rng: np.random.Generator, count: int) -> tuple[MatLike, MatLike]:
    """Return a Voronoi division of the square: which of 1..count each pixel is in, and its distance to the border."""
    seeds = np.full((SIDE_PX, SIDE_PX), 255, np.uint8)
    columns = int(np.ceil(np.sqrt(count)))
    step = SIDE_PX / columns
    for index in range(count):
        x = (index % columns + rng.uniform(0.1, 0.9)) * step
        y = (index // columns + rng.uniform(0.1, 0.9)) * step
        seeds[min(int(y), SIDE_PX - 1), min(int(x), SIDE_PX - 1)] = 0
    _, label = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    border = np.full((SIDE_PX, SIDE_PX), 255, np.uint8)
    border[:, 1:][label[:, 1:] != label[:, :-1]] = 0
    border[1:][label[1:] != label[:-1]] = 0
    return label % (count + 1), cv2.distanceTransform(border, cv2.DIST_L2, 5)


def dab(image: MatLike, at: tuple[float, float], turn: float, size: tuple[float, float], colour: Colour) -> None:
    """Lay one straight touch of the brush onto `image`; `size` is its length and width in pixels."""
    long, wide = size
    dx, dy = np.cos(turn) * long / 2, np.sin(turn) * long / 2
    start, end = (int(at[0] - dx), int(at[1] - dy)), (int(at[0] + dx), int(at[1] + dy))
    cv2.line(image, start, end, tinted(colour), max(1, round(wide)), cv2.LINE_AA)


def pick(rng: np.random.Generator, colours: Colours) -> Colour:
    """Return one of the colours."""
    colour: Colour = colours[rng.integers(len(colours))]
    return colour


def tone(rng: np.random.Generator, colours: Colours, value: float, spread: float) -> Colour:
    """Return the colour for a tone from 0 (the darkest) to 1 (the lightest), give or take `spread`."""
    place = (value + rng.normal(0, spread)) * len(colours)
    colour: Colour = colours[min(max(int(place), 0), len(colours) - 1)]
    return colour


def shade(colour: Colour, by: float) -> Colour:
    """Return the colour lighter or darker by so many levels."""
    return levels(colour.astype(np.float32) + by)


def tinted(colour: npt.ArrayLike) -> tuple[int, int, int]:
    """Return the colour as OpenCV's drawing functions take it."""
    b, g, r = np.asarray(colour).tolist()
    return int(b), int(g), int(r)


def blend(below: MatLike, above: MatLike, share: MatLike) -> MatLike:
    """Return `above` over `below` with the given opacity per pixel."""
    mixed = below + (above.astype(np.float32) - below) * share[..., None]
    return levels(mixed)


def relief(image: MatLike, rng: np.random.Generator, amount: float) -> MatLike:
    """Light the paint from the upper left, as if darker and lighter strokes stood at different heights."""
    height = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32) + rng.normal(0, 6, image.shape[:2]).astype(
        np.float32
    )
    height = cv2.GaussianBlur(height, (0, 0), 1.0)
    lit = cv2.Sobel(height, cv2.CV_32F, 1, 0) + cv2.Sobel(height, cv2.CV_32F, 0, 1)
    return levels(image + (lit * 0.22 * amount)[..., None])


def at(field: MatLike, x: float, y: float) -> float:
    """Return the value of a field at a place, the border's beyond it."""
    last = SIDE_PX - 1
    return float(field[min(max(int(y), 0), last), min(max(int(x), 0), last)])


def px(x: float, y: float) -> tuple[int, int]:
    """Return a place as OpenCV's drawing functions take it."""
    return int(x), int(y)


def ramp(rng: np.random.Generator, colours: Colours, value: MatLike, *, sharp: bool) -> MatLike:
    """Return 0..1 as the colours from dark to light, or in a random order when `sharp`."""
    order = rng.permutation(len(colours)) if sharp else np.arange(len(colours))
    stops = np.linspace(0, 255, len(order))
    lut = np.stack([np.interp(np.arange(256), stops, colours[order][:, c]) for c in range(3)], 1)
    return levels(lut[(value * 255).astype(np.uint8)])
