"""Textures of style swatches, the painter's media: how strokes, dots or washes lie on a small square.

Each function paints one square that tells the style predictor what a medium looks like. It takes a random generator
and the colours, ``uint8[n, 3]`` BGR from dark to light, and returns ``uint8[SIDE_PX, SIDE_PX, 3]`` BGR.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from mirrorfx.effects._style_marks import (
    SIDE_PX,
    Colours,
    angles,
    at,
    blend,
    cells,
    dab,
    ground,
    levels,
    noise,
    pick,
    px,
    ramp,
    relief,
    shade,
    tinted,
    tone,
)

if TYPE_CHECKING:
    from cv2.typing import MatLike

__all__ = [
    "chalk",
    "crackle",
    "dots",
    "facets",
    "foliage",
    "hatch",
    "ink",
    "knife",
    "marble",
    "splatter",
    "strokes",
    "swirl",
    "wash",
]


def strokes(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Oil: short loaded brush strokes along a gently turning field, with a relief."""
    image = ground(colours[len(colours) // 2])
    field, value = angles(rng, cells_across=2.5), noise(rng, 3, octaves=2)
    for x, y in rng.uniform(-8, SIDE_PX + 8, (850, 2)):
        colour = tone(rng, colours, at(value, x, y), spread=0.22)
        dab(image, (x, y), at(field, x, y) + rng.normal(0, 0.25), (rng.uniform(12, 26), rng.uniform(3, 8)), colour)
    return relief(image, rng, amount=0.5)


def swirl(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Long curling strokes around a few eyes, bright against dark."""
    image = ground(colours[0])
    eyes = rng.uniform(0, SIDE_PX, (4, 2))
    value = noise(rng, 3, octaves=2)
    for x, y in rng.uniform(0, SIDE_PX, (620, 2)):
        eye = eyes[np.argmin(((eyes - (x, y)) ** 2).sum(1))]
        turn = np.arctan2(y - eye[1], x - eye[0]) + np.pi / 2 + rng.normal(0, 0.12)
        radius = np.hypot(x - eye[0], y - eye[1])
        colour = tone(rng, colours, 0.35 * at(value, x, y) + 0.65 * (0.5 + 0.5 * np.cos(radius / 9.0)), spread=0.14)
        dab(image, (x, y), float(turn), (rng.uniform(14, 30), rng.uniform(2, 5)), colour)
    return relief(image, rng, amount=0.6)


def knife(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Palette knife: broad slabs of paint with sharp edges and scraped ridges."""
    image = ground(colours[len(colours) // 2])
    for x, y in rng.uniform(-10, SIDE_PX + 10, (170, 2)):
        turn = rng.choice([0.3, 1.1, -0.6]) + rng.normal(0, 0.2)
        colour = pick(rng, colours)
        for k in range(4):
            shift = (k - 1.5) * 5.0
            at = (x - np.sin(turn) * shift, y + np.cos(turn) * shift)
            dab(image, at, turn, (rng.uniform(24, 52), 7.0), shade(colour, rng.normal(0, 16)))
    return relief(image, rng, amount=0.9)


def dots(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Pointillism: small round touches of pure colour side by side."""
    image = ground(colours[-1])
    value = noise(rng, 4, octaves=2)
    for x, y in rng.uniform(0, SIDE_PX, (3400, 2)):
        colour = tone(rng, colours, at(value, x, y), spread=0.3)
        cv2.circle(image, (int(x), int(y)), int(rng.integers(2, 5)), tinted(colour), -1, cv2.LINE_AA)
    return image


def hatch(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Pencil and etching: crossing fine lines, denser where it is dark, on light paper."""
    image = ground(colours[-1])
    value = noise(rng, 3, octaves=3)
    for turn in (0.7, -0.75, 0.1):
        turn += rng.normal(0, 0.08)
        step = np.array([np.cos(turn), np.sin(turn)])
        for x, y in rng.uniform(0, SIDE_PX, (560, 2)):
            if at(value, x, y) < rng.uniform(0.25, 0.95):
                colour = colours[0] if rng.random() < 0.75 else pick(rng, colours[:-1])
                half = rng.uniform(8, 20) * step
                start, end = (x - half[0], y - half[1]), (x + half[0], y + half[1])
                cv2.line(image, px(*start), px(*end), tinted(colour), 1, cv2.LINE_AA)
    return image


def chalk(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Pastel and charcoal: soft broad strokes broken by the tooth of the paper."""
    image = ground(colours[0])
    value = noise(rng, 3, octaves=2)
    for x, y in rng.uniform(0, SIDE_PX, (260, 2)):
        turn = 0.8 + rng.normal(0, 0.35)
        dab(image, (x, y), turn, (rng.uniform(25, 60), rng.uniform(4, 12)), tone(rng, colours, at(value, x, y), 0.2))
    tooth = rng.random((SIDE_PX, SIDE_PX), np.float32) * 0.7 + noise(rng, 90) * 0.5
    return blend(ground(colours[0]), image, np.clip((tooth - 0.25) * 3, 0, 1))


def wash(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Watercolour: wet pools with dark rims that run into each other over white paper."""
    image = ground(255).astype(np.float32)
    for _ in range(11):
        pool = noise(rng, 2.5, octaves=4) + 0.4 * _spot(rng)
        wet = (pool - np.quantile(pool[::4, ::4], rng.uniform(0.6, 0.85))) * 30
        share = 0.4 * np.clip(wet, 0, 1) + 0.35 * np.exp(-((wet - 0.6) ** 2) * 4)
        image *= 1 - share[..., None] * (1 - pick(rng, colours[:-1]) / np.float32(255))
    grain = 1 + (noise(rng, 100) - 0.5)[..., None] * 0.12
    return levels(image * grain)


def marble(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Marbled paper: combed veins of floating paint."""
    warp = noise(rng, 3, octaves=4) * 5 + noise(rng, 2, octaves=2) * 4
    y = np.linspace(0, rng.uniform(3, 5), SIDE_PX, dtype=np.float32)[:, None]
    return ramp(rng, colours, np.mod(warp + y, 1.0), sharp=True)


def ink(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Sumi ink: a few loaded brush sweeps, dry trails and splashes on paper."""
    image = ground(colours[-1])
    for _ in range(15):
        start, turn, wide = rng.uniform(0, SIDE_PX, 2), rng.uniform(0, np.pi), rng.uniform(4, 20)
        bend = rng.normal(0, 0.03)
        colour = colours[0] if rng.random() < 0.8 else pick(rng, colours[:-1])
        for k in range(int(rng.integers(20, 60))):
            for _bristle in range(5):
                at = start + rng.normal(0, wide / 2.2, 2)
                dab(image, (at[0], at[1]), turn, (9, max(1.0, wide * 0.22 * (1 - k / 80))), colour)
            start = start + 3.2 * np.array([np.cos(turn), np.sin(turn)])
            turn += bend
    for x, y in rng.uniform(0, SIDE_PX, (60, 2)):
        cv2.circle(image, px(x, y), int(rng.integers(1, 4)), tinted(colours[0]), -1, cv2.LINE_AA)
    return image


def splatter(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Action painting: thrown threads and drops of paint over each other."""
    image = ground(colours[-1])
    for _ in range(95):
        at, turn, colour = rng.uniform(0, SIDE_PX, 2), rng.uniform(0, 2 * np.pi), pick(rng, colours)
        path = [at]
        for _step in range(26):
            turn += rng.normal(0, 0.4)
            path.append(path[-1] + 7 * np.array([np.cos(turn), np.sin(turn)]))
        cv2.polylines(image, [np.array(path, np.int32)], False, tinted(colour), int(rng.integers(1, 5)), cv2.LINE_AA)
    for x, y in rng.uniform(0, SIDE_PX, (420, 2)):
        cv2.circle(image, px(x, y), int(rng.integers(1, 5)), tinted(pick(rng, colours)), -1, cv2.LINE_AA)
    return image


def crackle(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Gold leaf, fresco and old varnish: glowing worn layers with fine cracks."""
    body = ramp(rng, colours, np.clip(noise(rng, 4, octaves=5) * 1.5 - 0.25, 0, 1), sharp=False)
    _, edge = cells(rng, count=170)
    image = relief(body, rng, amount=0.5)
    crack = edge < 0.9 + noise(rng, 8) * 0.9
    image[crack] = colours[0]
    return image


def facets(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Cubism: straight planes, each shaded from one edge to the other."""
    image = ground(0).astype(np.float32)
    x, y = np.meshgrid(np.arange(SIDE_PX, dtype=np.float32), np.arange(SIDE_PX, dtype=np.float32))
    for count, share in ((30, 1.0), (46, 0.5)):
        label, edge = cells(rng, count)
        turn = rng.uniform(0, 2 * np.pi, count + 1)
        along = x * np.cos(turn)[label] + y * np.sin(turn)[label]
        size = np.maximum(np.bincount(label.ravel(), minlength=count + 1), 1)
        middle = np.bincount(label.ravel(), along.ravel(), count + 1) / size
        light = np.clip(1 + (along - middle[label]) / 45, 0.4, 1.6)
        planes = np.stack([pick(rng, colours) for _ in range(count + 1)])[label] * light[..., None]
        image += (planes - image) * share
        image[edge < 0.8] *= 0.45
    return levels(image)


def foliage(rng: np.random.Generator, colours: Colours) -> MatLike:
    """Leaves and petals: pointed blades with a midrib, layered from dark to light."""
    image = ground(colours[0])
    for share in np.linspace(0, 1, 330):
        at, turn = rng.uniform(-10, SIDE_PX + 10, 2), rng.uniform(0, 2 * np.pi)
        long, wide = rng.uniform(14, 32), rng.uniform(4, 9)
        t = np.linspace(0, np.pi, 9)
        side = np.stack([np.cos(t) * long, np.sin(t) * wide], 1)
        blade = np.concatenate([side, side[::-1] * (1, -1)])
        spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        colour = tone(rng, colours, float(share), 0.25)
        cv2.fillConvexPoly(image, (blade @ spin + at).astype(np.int32), tinted(colour), cv2.LINE_AA)
        tip = spin[0] * long
        cv2.line(image, px(*(at - tip)), px(*(at + tip)), tinted(shade(colour, -45)), 1, cv2.LINE_AA)
    return image


def _spot(rng: np.random.Generator) -> MatLike:
    column, row, wide = (float(value) for value in rng.uniform((0, 0, 30), (SIDE_PX, SIDE_PX, 70)))
    x, y = np.meshgrid(np.arange(SIDE_PX, dtype=np.float32), np.arange(SIDE_PX, dtype=np.float32))
    spot: MatLike = np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * wide**2))
    return spot
