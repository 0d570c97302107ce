"""The painter's colours: a table that takes every camera colour towards a prompt's palette."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from mirrorfx.effects._palettes import as_bgr

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from cv2.typing import MatLike

    from mirrorfx.effects._palettes import Palette
    from mirrorfx.frame import Image

    Colours = npt.NDArray[np.float32]

__all__ = ["TABLE_BITS", "colour_table", "look_up", "mixed_table"]

TABLE_BITS = 6
"""Bits a channel of the table: 64 steps; the brush hides them."""

_LEVELS = 1 << TABLE_BITS
_SHIFT = 8 - TABLE_BITS
_RAMP_SHARE = 0.62
_OWN_HUE_SHARE = 0.22
_NEARNESS = 26.0
_LIGHTNESS_PULL = 0.7


def colour_table(palette: Palette) -> Colours:
    """Return where every camera colour goes under `palette`.

    Returns:
        ``float32[64**3, 4]`` BGRX, 0 to 255, indexed by the upper six bits of B, G and R, B first; X is 255.
    """
    camera = _lab(_every_colour())
    colours = _lab(as_bgr(palette))
    painted = _RAMP_SHARE * _ramp(camera[:, 0], colours) + (1 - _RAMP_SHARE) * _nearest(camera, colours)
    painted[:, 1:] += _OWN_HUE_SHARE * camera[:, 1:]
    table = np.full((_LEVELS**3, 4), 255, np.float32)
    table[:, :3] = _bgr(painted)
    return table


def mixed_table(weighted: Sequence[tuple[Colours, float]]) -> npt.NDArray[np.uint32]:
    """Return the weighted mean of colour tables, packed for `look_up`; the weights sum to 1."""
    (first, share), *others = weighted
    mix = first if not others else first * np.float32(share)
    for table, weight in others:
        mix += table * np.float32(weight)
    return cv2.convertScaleAbs(mix).view(np.uint32).ravel()


def look_up(table: npt.NDArray[np.uint32], pixels: MatLike) -> Image:
    """Return ``uint8[H, W, 4]``: the colours of `pixels` (``uint8[H, W, >=3]`` BGR) taken through a packed table."""
    index = np.zeros(pixels.shape[:2], np.int32)
    for channel in range(3):
        index <<= TABLE_BITS
        index |= pixels[..., channel].astype(np.int32) >> _SHIFT
    return table.take(index).view(np.uint8).reshape(*index.shape, 4)


def _every_colour() -> Image:
    levels = (np.arange(_LEVELS) << _SHIFT) + (1 << (_SHIFT - 1))
    blue, green, red = np.meshgrid(levels, levels, levels, indexing="ij")
    return np.stack([blue, green, red], axis=-1).astype(np.uint8).reshape(-1, 3)


def _ramp(lightness: Colours, colours: Colours) -> Colours:
    """Return the palette's gradient at each `lightness` (0 to 100): dark camera colours become its dark ones."""
    stops = np.linspace(4.0, 96.0, len(colours))
    ramp = np.stack([np.interp(lightness, stops, colours[:, channel]) for channel in range(3)], axis=-1)
    ramp[:, 0] += _LIGHTNESS_PULL * (lightness - ramp[:, 0])
    return ramp.astype(np.float32)


def _nearest(camera: Colours, colours: Colours) -> Colours:
    """Return a soft choice of the palette's colours by hue and lightness, with the camera's own light and dark."""
    # The squared distance to each colour, less the camera colour's own square: that one cancels in the weights.
    distance = (colours**2).sum(axis=1) - 2 * camera @ colours.T
    distance -= distance.min(axis=1, keepdims=True)
    weights = np.exp(-distance / (2 * _NEARNESS**2))
    chosen: Colours = (weights @ colours) / weights.sum(axis=1, keepdims=True)
    chosen[:, 0] += _LIGHTNESS_PULL * (camera[:, 0] - chosen[:, 0])
    return chosen


def _lab(bgr: Image) -> Colours:
    lab: Colours = cv2.cvtColor(bgr[None].astype(np.float32) / 255, cv2.COLOR_BGR2LAB)[0]
    return lab


def _bgr(lab: Colours) -> Colours:
    bgr: Colours = cv2.cvtColor(lab[None].astype(np.float32), cv2.COLOR_LAB2BGR)[0]
    return np.clip(bgr, 0, 1) * np.float32(255)
