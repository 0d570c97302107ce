"""Textures of style swatches, second part: patterns, prints, crafts and light. See `_style_textures`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from mirrorfx.effects._style_marks import (
    SIDE_PX,
    Colour,
    Colours,
    at,
    cells,
    ground,
    levels,
    noise,
    pick,
    px,
    ramp,
    shade,
    tinted,
    tone,
)

if TYPE_CHECKING:
    from cv2.typing import MatLike

__all__ = [
    "blocks",
    "circuit",
    "comic",
    "flames",
    "glass",
    "mosaic",
    "nebula",
    "neon",
    "scales",
    "shapes",
    "waves",
    "weave",
]

_BLACK = np.array([8, 6, 6], np.uint8)


def waves(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Woodblock print: flat bands that roll like water, outlined in the darkest colour."""
    x, y = np.meshgrid(np.arange(SIDE_PX), np.arange(SIDE_PX))
    bend = noise(rng, 2, octaves=2) * 3 + 0.6 * np.sin(x / 26.0 + rng.uniform(0, 6))
    phase = y / 17.0 + bend
    order = rng.permutation(len(colours) * 3) % len(colours)
    bands = colours[order[np.floor(phase).astype(int) % len(order)]]
    return _leaded(bands, 0.5 - np.abs(np.mod(phase, 1.0) - 0.5), 0.07, colours[0])


def scales(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Seigaiha and fish scales: overlapping fans of concentric rings."""
    image = ground(colours[0])
    radius = int(rng.integers(22, 30))
    for row in range(-1, 2 * SIDE_PX // radius + 3):
        for col in range(-1, SIDE_PX // (2 * radius) + 3):
            centre = (col * 2 * radius + (row % 2) * radius, row * radius // 2 + radius)
            body = pick(rng, colours[1:])
            for ring, share in enumerate((1.0, 0.78, 0.56, 0.34)):
                colour = colours[0] if ring == 0 else (body if ring % 2 else colours[-1])
                cv2.circle(image, centre, int(radius * share), tinted(colour), -1, cv2.LINE_AA)
                cv2.circle(image, centre, int(radius * share), tinted(colours[0]), 2, cv2.LINE_AA)
    return image


def mosaic(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Roman mosaic: small stones, each its own colour, in grout."""
    label, edge = cells(rng, count=420)
    hues = cv2.resize(noise(rng, 4, octaves=2), (21, 21), interpolation=cv2.INTER_AREA).ravel()
    stones = np.stack([shade(tone(rng, colours, float(hue), 0.25), rng.normal(0, 14)) for hue in hues])
    return _leaded(stones[label % len(stones)], edge, 1.5, colours[0])


def glass(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Stained glass: glowing panes between thick black lead."""
    label, edge = cells(rng, count=85)
    panes = np.stack([pick(rng, colours[1:]) for _ in range(86)])
    glow = 0.75 + 0.55 * np.clip(edge / 14, 0, 1) + (noise(rng, 12) - 0.5) * 0.3
    return _leaded(levels(panes[label] * glow[..., None]), edge, 2.6, _BLACK)


def comic(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Pop art: flat colour, a raster of printed dots, black outlines."""
    label, edge = cells(rng, count=16)
    flats = np.stack([pick(rng, colours[1:]) for _ in range(17)])
    prints = np.stack([pick(rng, colours) for _ in range(17)])
    x, y = np.meshgrid(np.arange(SIDE_PX), np.arange(SIDE_PX))
    u, v = (x + y) / 7.5, (x - y) / 7.5
    dot = (np.mod(u, 1) - 0.5) ** 2 + (np.mod(v, 1) - 0.5) ** 2 < 0.09
    dotted = dot & (rng.random(17) < 0.6)[label]
    image = np.where(dotted[..., None], prints[label], flats[label])
    return _leaded(image, edge, 3.2, _BLACK)


def neon(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Neon: glowing tubes on black."""
    tubes = ground(_BLACK)
    for _ in range(34):
        at, turn, colour = rng.uniform(0, SIDE_PX, 2), rng.uniform(0, 2 * np.pi), _vivid(pick(rng, colours[1:]))
        bend = rng.normal(0, 0.12)
        path = [at]
        for _step in range(30):
            turn += bend
            path.append(path[-1] + 6 * np.array([np.cos(turn), np.sin(turn)]))
        cv2.polylines(tubes, [np.array(path, np.int32)], False, tinted(colour), 3, cv2.LINE_AA)
    glow = cv2.GaussianBlur(tubes, (0, 0), 7).astype(np.float32) * 1.9 + cv2.GaussianBlur(tubes, (0, 0), 2)
    return levels(glow * 0.8 + tubes * 0.9)


def nebula(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Smoke, fog and deep space: billowing clouds of light, a few stars."""
    cloud = noise(rng, 3, octaves=5)
    warped = np.clip(0.5 + (cloud + 0.6 * noise(rng, 5, octaves=4) - 0.8) * 1.7, 0, 1)
    image = ramp(rng, colours, warped**1.7, sharp=False)
    for x, y in rng.uniform(0, SIDE_PX, (70, 2)):
        cv2.circle(image, px(x, y), int(rng.integers(0, 2)), tinted(colours[-1]), -1, cv2.LINE_AA)
    return image


def flames(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Fire: tongues that lick upwards from dark to white heat."""
    tongues = cv2.resize(rng.random((7, 34), np.float32), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
    bend = (noise(rng, 4, octaves=3) - 0.5) * 60
    x, y = np.meshgrid(np.arange(SIDE_PX, dtype=np.float32), np.arange(SIDE_PX, dtype=np.float32))
    licked = cv2.remap(tongues, x + bend.astype(np.float32), y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    heat = np.clip(licked * 1.5 - 0.3 + (noise(rng, 14, octaves=2) - 0.5) * 0.4, 0, 1)
    return ramp(rng, colours, heat, sharp=False)


def weave(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Tapestry and embroidery: over and under of coloured threads."""
    across = SIDE_PX // 8
    value = cv2.resize(noise(rng, 4, octaves=2), (across, across), interpolation=cv2.INTER_AREA)
    index = np.clip((value + rng.normal(0, 0.15, value.shape)) * len(colours), 0, len(colours) - 1)
    threads = np.kron(index.astype(np.intp), np.ones((8, 8), np.intp))
    round_thread = np.tile(46 - 8.0 * (np.arange(8) - 3.5) ** 2, across)
    over = np.kron(np.indices((across, across)).sum(0) % 2, np.ones((8, 8)))
    light = np.where(over > 0, round_thread[:, None], round_thread[None, :])
    return levels(colours[threads] + light[..., None])


def blocks(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Pixels and glitch: squares of several sizes with torn rows."""
    image = ground(colours[0])
    for step in (32, 16, 8):
        value = noise(rng, 5, octaves=2)
        for row in range(0, SIDE_PX, step):
            for col in range(0, SIDE_PX, step):
                if rng.random() < 0.55:
                    image[row : row + step, col : col + step] = tone(rng, colours, at(value, col, row), 0.25)
    for row in rng.integers(0, SIDE_PX - 6, 14):
        image[row : row + 5] = np.roll(image[row : row + 5], int(rng.integers(-50, 50)), axis=1)
    return image


def shapes(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Bauhaus and cut paper: discs, bars and quarter rings in flat colour."""
    image = ground(colours[-1])
    for _ in range(70):
        at, size = rng.uniform(0, SIDE_PX, 2), int(rng.uniform(8, 34))
        colour, kind = tinted(pick(rng, colours)), rng.integers(4)
        if kind == 0:
            cv2.circle(image, px(*at), size, colour, -1, cv2.LINE_AA)
        elif kind == 1:
            cv2.circle(image, px(*at), size, colour, max(3, size // 4), cv2.LINE_AA)
        else:
            turn = rng.choice([0, 45, 90, 135])
            corners = cv2.boxPoints(((float(at[0]), float(at[1])), (size * 3.0, size * 0.5), float(turn)))
            cv2.fillConvexPoly(image, corners.astype(np.int32), colour, cv2.LINE_AA)
    return image


def circuit(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Circuit board: right-angled traces and pads."""
    image = ground(colours[0])
    for _ in range(80):
        at = rng.integers(0, SIDE_PX // 8, 2) * 8
        colour = tinted(pick(rng, colours[1:]))
        cv2.circle(image, px(*at), 5, colour, 2, cv2.LINE_AA)
        for _step in range(int(rng.integers(2, 6))):
            turn = rng.choice([0, 1, 2, 3, 0, 1])
            end = at + int(rng.integers(1, 7)) * 8 * np.array([(1, 0), (0, 1), (-1, 0), (0, -1)][turn])
            cv2.line(image, px(*at), px(*end), colour, 3, cv2.LINE_AA)
            at = end
        cv2.circle(image, px(*at), 4, colour, -1, cv2.LINE_AA)
    return image


def _leaded(image: MatLike, edge: MatLike, width: float, colour: Colour) -> MatLike:
    """Return `image` with lines of `colour` where the distance to an edge is under `width`, a little softened."""
    return cv2.GaussianBlur(np.where((edge < width)[..., None], colour, image).astype(np.uint8), (3, 3), 0)


def _vivid(colour: Colour) -> Colour:
    hue, saturation, _ = cv2.cvtColor(colour[None, None], cv2.COLOR_BGR2HSV)[0, 0]
    bright = np.array([[[hue, max(saturation, 170), 255]]], np.uint8)
    return np.asarray(cv2.cvtColor(bright, cv2.COLOR_HSV2BGR)[0, 0])
