"""From the small painting to the full picture: the camera's own drawing and fine detail come back.

The network paints at a third of the size and puts its strokes where it likes, eyes included. Two things make it the
visitor again: at work size the painting's lightness is drawn towards the camera's (by histogram matching, so that the
painting keeps its own range), and at full size the camera's fine structure is added where the painting follows it:
the gain is the local slope of a guided filter (He, Sun, Tang 2013), so paint that ignores the camera stays paint and
edges get no halos.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from cv2.typing import MatLike

    from mirrorfx.frame import Image, Size

__all__ = ["Views", "finish", "shrink"]

_SHARPEN = 0.35
_WINDOW = (5, 5)
_NOISE_LEVELS = 6.0
"""Camera structure weaker than this is taken for sensor noise."""
_GAIN_UNIT = 85.0
"""Gains travel as bytes: 85 is 1, so 3 is the most."""


class Views(NamedTuple):
    """One moment three times, all ``uint8[.., .., 3]`` BGR.

    Attributes:
        camera: at full size.
        small: at work size, what the network saw.
        painted: at work size, what it made of that.
    """

    camera: MatLike
    small: MatLike
    painted: MatLike


def shrink(camera: MatLike, size: Size) -> MatLike:
    """Return `camera` at work `size` without aliasing.

    Smoothing it further would not calm the paint: the network turns noise into other strokes at every scale (measured
    with median, Gaussian and bilateral filters). Noise has to be averaged over time, before the workers.
    """
    while camera.shape[1] >= 2 * size[0] and camera.shape[0] >= 2 * size[1]:
        half = (camera.shape[1] // 2, camera.shape[0] // 2)
        camera = cv2.resize(camera, half, interpolation=cv2.INTER_AREA)
    return cv2.resize(camera, size, interpolation=cv2.INTER_LINEAR)


def finish(views: Views, out: Image, *, likeness: float, detail: float) -> None:
    """Write the full-size picture into `out`, ``uint8[H, W, 4]`` BGRX.

    Args:
        views: the camera's picture and the painting of it.
        out: where the result goes.
        likeness: 0 keeps the painting's own light and shade, 1 takes the camera's.
        detail: how much of the camera's fine structure is added; 1 is natural.
    """
    size = (views.camera.shape[1], views.camera.shape[0])
    seen = cv2.cvtColor(views.small, cv2.COLOR_BGR2GRAY)
    painted = _sharpened(_likened(views.painted, seen, likeness))
    cv2.resize(cv2.cvtColor(painted, cv2.COLOR_BGR2BGRA), size, dst=out, interpolation=cv2.INTER_CUBIC)
    if detail <= 0:
        return
    gain = cv2.resize(_gain(seen, painted, detail), size, interpolation=cv2.INTER_LINEAR)
    grey = cv2.cvtColor(views.camera, cv2.COLOR_BGR2GRAY)
    coarse = cv2.resize(seen, size, interpolation=cv2.INTER_CUBIC)
    lighter = cv2.multiply(cv2.subtract(grey, coarse), gain, scale=1 / _GAIN_UNIT)
    darker = cv2.multiply(cv2.subtract(coarse, grey), gain, scale=1 / _GAIN_UNIT)
    # Subtract before adding: the fourth byte goes to 0 and comes back to 255.
    cv2.subtract(out, cv2.cvtColor(darker, cv2.COLOR_GRAY2BGRA), dst=out)
    cv2.add(out, cv2.cvtColor(lighter, cv2.COLOR_GRAY2BGRA), dst=out)


def _likened(painted: MatLike, seen: MatLike, likeness: float) -> MatLike:
    """Return the painting with its lightness moved towards the camera's, in the painting's own range."""
    if likeness <= 0:
        return painted
    lightness = cv2.cvtColor(painted, cv2.COLOR_BGR2GRAY)
    wanted = cv2.LUT(seen, _matching(seen, lightness))
    lighter = cv2.convertScaleAbs(cv2.subtract(wanted, lightness), alpha=likeness)
    darker = cv2.convertScaleAbs(cv2.subtract(lightness, wanted), alpha=likeness)
    brightened = cv2.add(painted, cv2.cvtColor(lighter, cv2.COLOR_GRAY2BGR))
    return cv2.subtract(brightened, cv2.cvtColor(darker, cv2.COLOR_GRAY2BGR))


def _matching(source: MatLike, target: MatLike) -> MatLike:
    """Return the table ``uint8[256]`` that gives `source` the distribution of levels of `target`."""
    shares = [
        np.cumsum(cv2.calcHist([image], [0], None, [256], [0, 256]).ravel()) / image.size for image in (source, target)
    ]
    return np.interp(shares[0], shares[1], np.arange(256)).round().astype(np.uint8)


def _sharpened(painted: MatLike) -> MatLike:
    soft = cv2.GaussianBlur(painted, (5, 5), 1.0)
    return cv2.addWeighted(painted, 1 + _SHARPEN, soft, -_SHARPEN, 0)


def _gain(seen: MatLike, painted: MatLike, detail: float) -> MatLike:
    """Return how strongly the painting follows the camera around each pixel, ``uint8[h, w]`` in `_GAIN_UNIT`."""
    guide = seen.astype(np.float32)
    paint = cv2.cvtColor(painted, cv2.COLOR_BGR2GRAY).astype(np.float32)
    mean_guide, mean_paint = cv2.blur(guide, _WINDOW), cv2.blur(paint, _WINDOW)
    covariance = cv2.blur(guide * paint, _WINDOW) - mean_guide * mean_paint
    variance = cv2.blur(guide * guide, _WINDOW) - mean_guide * mean_guide
    slope = cv2.blur(covariance / (variance + _NOISE_LEVELS**2), _WINDOW)
    _, followed = cv2.threshold(slope, 0.0, 0.0, cv2.THRESH_TOZERO)
    return cv2.convertScaleAbs(followed, alpha=detail * _GAIN_UNIT)
