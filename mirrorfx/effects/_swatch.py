"""A prompt's swatch: a small square in its colours and textures, which tells the style predictor how to paint."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import cv2
import numpy as np

from mirrorfx.effects import _style_patterns, _style_textures
from mirrorfx.effects._palettes import as_bgr, palette_for
from mirrorfx.effects._style_marks import SIDE_PX, Colours, levels
from mirrorfx.effects._style_words import normalised, textures_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from cv2.typing import MatLike

__all__ = ["TEXTURES", "boldness", "draw_neutral", "draw_swatch"]

TEXTURES: dict[str, Callable[[np.random.Generator, Colours], MatLike]] = {
    name: getattr(module, name) for module in (_style_textures, _style_patterns) for name in module.__all__
}
"""Every texture by the name that the vocabulary uses."""

_BOLDNESS = {"waves": 0.75, "weave": 0.6, "scales": 0.75, "blocks": 0.8, "circuit": 0.8, "splatter": 0.85}
"""Textures whose pattern would bury a face are used at a lower dose."""
_FIRST_SHARE = 0.62
_HUE_SPREAD = 3.5
"""Standard deviation of a keyframe's turn of the colours, in OpenCV's half degrees."""


def draw_swatch(prompt: str, seed: int, keyframe: int) -> MatLike:
    """Return the swatch of a prompt, ``uint8[256, 256, 3]`` BGR; a pure function of its arguments.

    `seed` and `keyframe` choose the arrangement, the size of the marks and which colours lead.
    """
    rng = _generator(f"{normalised(prompt)}|{seed}|{keyframe}")
    colours = _arranged(rng, as_bgr(palette_for(prompt)))
    textures = textures_for(prompt)
    swatch = TEXTURES[textures[0]](rng, colours)
    if len(textures) > 1:
        swatch = _joined(swatch, TEXTURES[textures[1]](rng, colours))
    return _zoomed(rng, swatch)


def boldness(prompt: str) -> float:
    """Return the share of the prompt's style that leaves faces readable, up to 1."""
    return min(_BOLDNESS.get(texture, 1.0) for texture in textures_for(prompt))


def draw_neutral() -> MatLike:
    """Return the swatch that changes a camera picture least: noise with a photograph's spectrum and tint."""
    rng = _generator("neutral")
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE_PX), np.fft.fftfreq(SIDE_PX)))
    frequency[0, 0] = 1.0
    layers = []
    for _ in range(3):
        spectrum = np.fft.fft2(rng.normal(size=(SIDE_PX, SIDE_PX))) / frequency**1.7
        layer = np.fft.ifft2(spectrum).real
        layers.append(layer / layer.std())
    light, warm, green = layers
    tint = np.stack([0.93 * light + 0.3 * warm, 0.97 * light + 0.1 * green, 0.97 * light - 0.2 * warm], axis=-1)
    return levels(np.array([118, 124, 136]) + 58 * tint)


def _generator(text: str) -> np.random.Generator:
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))


def _arranged(rng: np.random.Generator, colours: Colours) -> Colours:
    """Return the colours, dark to light, some more than once, all turned a little in hue."""
    hsv = cv2.cvtColor(colours[None], cv2.COLOR_BGR2HSV)[0].astype(np.float32)
    hsv[:, 0] = np.mod(hsv[:, 0] + rng.normal(0, _HUE_SPREAD), 180)
    turned = cv2.cvtColor(hsv.astype(np.uint8)[None], cv2.COLOR_HSV2BGR)[0]
    return np.repeat(turned, rng.integers(1, 4, len(turned)), axis=0)


def _joined(first: MatLike, second: MatLike) -> MatLike:
    swatch = first.copy()
    swatch[:, round(SIDE_PX * _FIRST_SHARE) :] = second[:, round(SIDE_PX * _FIRST_SHARE) :]
    return swatch


def _zoomed(rng: np.random.Generator, swatch: MatLike) -> MatLike:
    side = round(SIDE_PX * rng.uniform(0.72, 1.0))
    top, left = rng.integers(0, SIDE_PX - side + 1, 2)
    return cv2.resize(swatch[top : top + side, left : left + side], (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR)
