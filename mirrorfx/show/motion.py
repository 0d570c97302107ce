"""How much of the picture moves."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mirrorfx.frame import Image

__all__ = ["Motion"]

_LONG_SIDE_PX = 96
_BACK = 3
_LEVELS = 12


class Motion:
    """Compares each picture with the one three before it.

    Small enough that a sensor's noise averages out; what the whole picture does, such as the light, is subtracted.
    """

    def __init__(self) -> None:
        self._before: deque[Any] = deque(maxlen=_BACK)

    def share(self, picture: Image) -> float:
        """Return which share of the picture has changed, 0..1.

        Args:
            picture: ``uint8[H, W, 4]`` BGRX.
        """
        import cv2
        import numpy as np

        height, width = picture.shape[:2]
        scale = _LONG_SIDE_PX / max(height, width)
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGRA2GRAY), size, interpolation=cv2.INTER_AREA)
        if self._before and self._before[0].shape != small.shape:
            self._before.clear()
        share = 0.0
        if self._before:
            difference = small.astype(np.int16) - self._before[0]
            difference -= np.int16(np.median(difference))
            share = float((np.abs(difference) > _LEVELS).mean())
        self._before.append(small)
        return share
