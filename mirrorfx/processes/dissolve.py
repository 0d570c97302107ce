"""From one look to another: the last picture of the old one gives way to the new ones over a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirrorfx.clock import SECOND

if TYPE_CHECKING:
    from mirrorfx.frame import Image, Size

__all__ = ["Dissolve"]

_LENGTH_NS = SECOND


class Dissolve:
    """Mixes the picture that stood on the wall with those that come now. Threads: one. Realtime: yes.

    One mixture at 1024² takes 1.1 to 1.4 ms on one core.
    """

    def __init__(self, size: Size) -> None:
        import numpy as np

        width, height = size
        self._kept = np.ones((height, width, 4), np.uint8)
        # Two, because the one before is still being looked at while the next is made.
        self._out = [self._kept.copy(), self._kept.copy()]
        self._since_ns = 0
        self.active = False
        """Whether the old picture is still seen."""

    def begin(self, last: Image, now_ns: int) -> None:
        """Start from `last`, ``uint8[H, W, 4]`` BGRX (copied)."""
        self._kept[:] = last
        self._since_ns = now_ns
        self.active = True

    def draw(self, new: Image, now_ns: int) -> Image:
        """Return the picture for `now_ns`; `new` itself once the old one has gone. It stays until the next but one."""
        if not self.active:
            return new
        import cv2

        linear = (now_ns - self._since_ns) / _LENGTH_NS
        if linear >= 1.0:
            self.active = False
            return new
        arrived = linear * linear * (3.0 - 2.0 * linear)  # smoothstep: slow at both ends
        self._out.reverse()
        cv2.addWeighted(new, arrived, self._kept, 1.0 - arrived, 0, dst=self._out[0])
        return self._out[0]

    def end(self) -> None:
        """Let the old picture be gone."""
        self.active = False
