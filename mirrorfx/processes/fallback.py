"""What the wall shows when there is no picture: a calm, dark, slowly breathing glow that needs nobody else."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mirrorfx.clock import SECOND

if TYPE_CHECKING:
    from mirrorfx.frame import Image, Size

__all__ = ["FallbackScene"]

_BREATH_NS = 7 * SECOND
_REDRAW_NS = SECOND // 15
_FADE_NS = SECOND // 2
_TINT_BGR = (92, 60, 44)


class FallbackScene:
    """Draws the scene, faded over from the last picture. One redraw takes about 2 ms at 1024² on one core."""

    def __init__(self, size: Size) -> None:
        import numpy as np

        width, height = size
        x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        glow = np.exp(-2.2 * (x * x + (y - 0.15) ** 2))[..., None]
        self._glow = np.empty((height, width, 4), np.uint8)
        # A little noise hides the bands that so dark a gradient shows on a large wall.
        noise = np.random.default_rng(7).random((height, width, 1), np.float32) - 0.5
        self._glow[..., :3] = np.clip(glow * np.array(_TINT_BGR, np.float32) + noise * 1.6, 0, 255)
        self._glow[..., 3] = 255
        # Two, because the one before is still being looked at while the next is drawn.
        self._outs = [np.zeros_like(self._glow), np.zeros_like(self._glow)]
        self._last: Image | None = None
        self._since_ns = 0
        self._drawn_ns = -_REDRAW_NS

    def begin(self, last: Image | None, now_ns: int) -> None:
        """Start to fade over from `last`, ``uint8[H, W, 4]`` BGRX (copied), or from black."""
        self._last = None if last is None else last.copy()
        self._since_ns = now_ns
        self._drawn_ns = now_ns - _REDRAW_NS

    def draw(self, now_ns: int) -> Image | None:
        """Return the picture for now, ``uint8[H, W, 4]`` BGRX, or None when the one before still holds."""
        import cv2

        if now_ns - self._drawn_ns < _REDRAW_NS:
            return None
        self._drawn_ns = now_ns
        self._outs.reverse()
        out = self._outs[0]
        breath = 0.72 + 0.28 * math.sin(2 * math.pi * (now_ns % _BREATH_NS) / _BREATH_NS)
        arrived = min((now_ns - self._since_ns) / _FADE_NS, 1.0)
        if self._last is not None and arrived < 1.0:
            cv2.addWeighted(self._glow, breath * arrived, self._last, 1.0 - arrived, 0, dst=out)
        else:
            cv2.convertScaleAbs(self._glow, dst=out, alpha=breath * arrived)
        out[..., 3] = 255
        return out
