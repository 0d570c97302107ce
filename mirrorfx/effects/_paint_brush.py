"""The painter's hand: which way the strokes run, how the paint is drawn along them, and how thick it lies.

The order follows the usual stylisation chain: smoothed structure tensor (Brox et al. 2006), line integral convolution
along its flow (Cabral & Leedom 1993), Kuwahara's filter (1976), light on the paint's height.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    from cv2.typing import MatLike

    from mirrorfx.frame import Size

__all__ = [
    "Brush",
    "bristles",
    "brush_for",
    "draw_along",
    "flat_patches",
    "flow_noise",
    "lit",
    "mixed_bristles",
    "mixed_brush",
    "stroke_field",
    "thinned",
]

_CAREFUL = 0.3
_CELL_PX = 64
_GRAIN_STD = 46
_LIGHT = np.array([[-2, -1, 0], [-1, 0, 1], [0, 1, 2]], np.float32) * 0.28
_MID_GREY = 128
_PASSES = (1.0, 2.0, 4.0)
_PATCH_PX = 2


@dataclass(frozen=True, slots=True)
class Brush:
    """How paint is laid on.

    Attributes:
        length: how far a stroke reaches either way, in pixels of the work size.
        relief: how much light the paint's height takes; 0 is flat.
        wander: how far strokes leave the picture's own lines where those are weak.
    """

    length: float = 9.0
    relief: float = 1.0
    wander: float = 0.5


_OIL = Brush()
_BRUSHES = {
    "impasto gogh starry thick knife volcano storm": Brush(length=12.0, relief=1.8, wander=0.7),
    "watercolor watercolour wash gouache aquarelle silk": Brush(length=14.0, relief=0.3, wander=0.8),
    "pencil sketch charcoal ink engraving etching chalk pastel": Brush(length=6.0, relief=0.8, wander=0.3),
    "smoke fog mist dream dreamy nebula galaxy flame fire water ocean": Brush(length=17.0, relief=0.7, wander=1.6),
    "marble porcelain glass neon chrome poster comic pop": Brush(length=11.0, relief=0.25, wander=0.3),
}
_BRUSH_OF_WORD = {word: brush for words, brush in _BRUSHES.items() for word in words.split()}


def brush_for(prompt: str) -> Brush:
    """Return the brush of the first word in `prompt` that names one; oil otherwise."""
    words = re.findall(r"[a-z]+", prompt.lower())
    return next((_BRUSH_OF_WORD[word] for word in words if word in _BRUSH_OF_WORD), _OIL)


def mixed_brush(weighted: Iterable[tuple[Brush, float]]) -> Brush:
    """Return the weighted mean of brushes; the weights sum to 1."""
    pairs = list(weighted)
    return Brush(**{part.name: sum(getattr(brush, part.name) * w for brush, w in pairs) for part in fields(Brush)})


def flow_noise(seeds: Iterable[tuple[int, float]], phase: float, size: Size) -> MatLike:
    """Return a smooth field of directions that drifts.

    Between two keyframes of the drift, and in a mix of seeds, fields are added by sines and cosines, so that the
    field's power stays and nothing jumps.

    Args:
        seeds: seeds with weights that sum to 1.
        phase: the drift's position in keyframes.
        size: (width, height) in pixels.

    Returns:
        ``float32[H, W, 2]``: cosine and sine of the doubled angle, of about unit power.
    """
    key = math.floor(phase)
    turn = (phase - key) * math.pi / 2
    cells = (size[1] // _CELL_PX + 3, size[0] // _CELL_PX + 3, 2)
    total = np.zeros(cells, np.float32)
    power = 0.0
    for seed, weight in seeds:
        total += weight * math.cos(turn) * _keyframe(seed, key, cells)
        total += weight * math.sin(turn) * _keyframe(seed, key + 1, cells)
        power += weight * weight
    return cv2.resize(total / np.float32(math.sqrt(power)), size, interpolation=cv2.INTER_CUBIC)


def bristles(seed: int, size: Size) -> MatLike:
    """Return ``uint8[H, W]``: the grain that strokes are drawn out of, around 128, always the same for a seed."""
    rng = np.random.Generator(np.random.Philox(key=seed))
    grain = np.zeros(size[::-1], np.float32)
    for width_px, share in ((0.8, 1.0), (2.2, 0.8)):
        noise = cv2.GaussianBlur(rng.standard_normal(size[::-1], np.float32), (0, 0), width_px)
        grain += share * noise / noise.std()
    return _bytes(_MID_GREY + _GRAIN_STD * grain)


def mixed_bristles(grains: Iterable[tuple[MatLike, float]]) -> MatLike:
    """Return the weighted mix of grains, as strong as each of them; the weights sum to 1."""
    pairs = list(grains)
    if len(pairs) == 1:
        return pairs[0][0]
    scale = 1 / math.sqrt(sum(weight * weight for _, weight in pairs))
    mix = np.full(pairs[0][0].shape, _MID_GREY * (1 - scale), np.float32)
    for grain, weight in pairs:
        mix += np.float32(weight * scale) * grain
    return _bytes(mix)


def stroke_field(grey: MatLike, noise: MatLike, wander: float, size: Size) -> tuple[MatLike, MatLike]:
    """Return the direction of strokes: along the picture's edges, and where there are none along the noise.

    Args:
        grey: ``uint8[h, w]``, half the work size: directions are smooth anyway.
        noise: ``float32[h, w, 2]`` from `flow_noise`.
        wander: the noise's weight.
        size: (W, H), the work size.

    Returns:
        x and y of vectors of length up to 1, short where there is detail, each ``float32[H, W]``.
    """
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.2)
    across = cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32)
    down = cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32)
    squared, crossed, sunk = across * across, across * down, down * down
    # The gradient's doubled angle, turned by 180 degrees: strokes run along an edge, not across it.
    twice_x, twice_y, total = (_smoothed(part) for part in (sunk - squared, -2 * crossed, sunk + squared))
    energy = cv2.magnitude(twice_x, twice_y)
    # Square root: a strong edge outweighs a weak one by its contrast, not by the contrast's square.
    scale = 1 / np.sqrt(energy + 0.25)
    # What is left of the gradients beside one direction: corners, eyes, lettering. Strokes are short there.
    reach = 1 / (1 + _CAREFUL * np.sqrt(np.maximum(total - energy, 0)))
    aside_x, aside_y = cv2.split(noise)
    doubled = cv2.merge([twice_x * scale + wander * aside_x, twice_y * scale + wander * aside_y, reach])
    # Halving the angle comes last: half angles flip their sign somewhere, and must not be interpolated across that.
    twice_x, twice_y, reach = cv2.split(cv2.resize(doubled, size, interpolation=cv2.INTER_LINEAR))
    return cv2.polarToCart(reach, cv2.phase(twice_x, twice_y) * np.float32(0.5))


def draw_along(paint: MatLike, field: tuple[MatLike, MatLike], length: float) -> MatLike:
    """Return `paint` drawn out along the strokes: a line integral in three passes, each over the last one's result.

    Args:
        paint: ``uint8[H, W, 4]``.
        field: x and y from `stroke_field`.
        length: how far a stroke reaches either way, in pixels.
    """
    height, width = paint.shape[:2]
    columns = np.arange(width, dtype=np.float32)[None]
    rows = np.arange(height, dtype=np.float32)[:, None]
    for share in _PASSES:
        step = np.float32(length * share / sum(_PASSES))
        along, down = field[0] * step, field[1] * step
        ahead = cv2.remap(paint, columns + along, rows + down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        behind = cv2.remap(paint, columns - along, rows - down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        ends = cv2.addWeighted(ahead, 0.5, behind, 0.5, 0)
        paint = cv2.addWeighted(paint, 1 / 3, ends, 2 / 3, 0)
    return paint


def thinned(grain: MatLike, field: tuple[MatLike, MatLike]) -> MatLike:
    """Return the grain fainter where strokes are short: there nothing would draw it out, and it would look like foil.

    Args:
        grain: ``uint8[H, W]`` around 128.
        field: x and y from `stroke_field`.
    """
    thin = grain.astype(np.float32) - _MID_GREY
    thin *= field[0] * field[0] + field[1] * field[1]
    return _bytes(thin + _MID_GREY)


def flat_patches(paint: MatLike) -> MatLike:
    """Return `paint` in patches with sharp rims: each pixel takes the mean of the calmest of four squares around it.

    Args:
        paint: ``uint8[H, W, C]``; the second channel (green) decides which square is calmest.
    """
    side, margin = 2 * _PATCH_PX + 1, _PATCH_PX + 1
    wide = cv2.copyMakeBorder(paint, margin, margin, margin, margin, cv2.BORDER_REFLECT_101)
    green = cv2.extractChannel(wide, 1)
    means = cv2.blur(wide, (side, side))
    unrest = cv2.sqrBoxFilter(green, cv2.CV_32F, (side, side)) - cv2.boxFilter(green, cv2.CV_32F, (side, side)) ** 2
    height, width = paint.shape[:2]
    patches = np.empty_like(paint)
    least = np.full((height, width), np.inf, np.float32)
    for down, along in itertools.product((1, 2 * _PATCH_PX + 1), repeat=2):
        square = np.s_[down : down + height, along : along + width]
        cv2.copyTo(means[square], cv2.compare(unrest[square], least, cv2.CMP_LT), patches)
        cv2.min(unrest[square], least, least)
    return patches


def lit(paint: MatLike, height: MatLike, relief: float) -> MatLike:
    """Return `paint` under a light from the upper left.

    Args:
        paint: ``uint8[H, W, 4]`` BGRX.
        height: ``uint8[H, W]``: how thick the paint lies.
        relief: 0 is flat.
    """
    light = cv2.filter2D(height, cv2.CV_8U, _LIGHT * relief, delta=_MID_GREY)
    return cv2.multiply(paint, cv2.cvtColor(light, cv2.COLOR_GRAY2BGRA), scale=1 / _MID_GREY)


def _keyframe(seed: int, key: int, shape: tuple[int, ...]) -> MatLike:
    rng = np.random.Generator(np.random.Philox(key=seed | (key + 1) % 2**63 << 64))
    return rng.standard_normal(shape, np.float32)


def _smoothed(plane: MatLike) -> MatLike:
    return cv2.GaussianBlur(plane, (0, 0), 3.0)


def _bytes(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    return np.clip(plane, 0, 255).astype(np.uint8)
