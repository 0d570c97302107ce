"""Opening and closing the show: the picture fades to black and back. Lies over all that the wall can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mirrorfx.frame import Image, Size

__all__ = ["Curtain"]


class Curtain:
    """Dims the picture over a time that is given with each move.

    Open for good it costs nothing. A move takes about 0.5 ms a tick at 1024² on one core.
    Threads: one. Realtime: yes.
    """

    def __init__(self, size: Size) -> None:
        import numpy as np

        width, height = size
        self._black = np.zeros((height, width, 4), np.uint8)
        self._black[..., 3] = 255
        # Two, because the one before is still being looked at while the next is drawn.
        self._outs = [self._black.copy(), self._black.copy()]
        self._shut = False
        self._from = self._level = 1.0
        self._t0_ns = 0
        self._fade_ns = 0

    @property
    def shut(self) -> bool:
        """Whether it is closing or closed."""
        return self._shut

    @property
    def closed(self) -> bool:
        """Whether nothing is seen but black."""
        return self._shut and self._level == 0.0

    def move(self, *, shut: bool, fade_ns: int, now_ns: int) -> None:
        """Begin to close or to open."""
        if shut is not self._shut:
            self._shut, self._from = shut, self._level
            self._t0_ns, self._fade_ns = now_ns, fade_ns

    def draw(self, picture: Image | None, *, fresh: bool, now_ns: int) -> tuple[Image | None, bool]:
        """Return what is to be seen, ``uint8[H, W, 4]`` BGRX, and whether that is a new picture.

        While opening, the fade begins with the first picture there is.
        """
        wanted = 0.0 if self._shut else 1.0
        if self._level == wanted:
            return (self._black, False) if self._shut else (picture, fresh)
        if picture is None and not self._shut:
            self._t0_ns = now_ns
            return self._black, False
        share = min((now_ns - self._t0_ns) / self._fade_ns, 1.0) if self._fade_ns else 1.0
        self._level = self._from + (wanted - self._from) * share
        if picture is None or self._level == 0.0:
            return self._black, True
        return (picture, True) if self._level == 1.0 else (self._dimmed(picture), True)

    def _dimmed(self, picture: Image) -> Image:
        import cv2

        self._outs.reverse()
        out = self._outs[0]
        cv2.convertScaleAbs(picture, dst=out, alpha=self._level)
        out[..., 3] = 255
        return out
