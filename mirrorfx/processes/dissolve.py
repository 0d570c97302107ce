"""From one look to another: the last picture of the old one gives way to the new ones over a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirrorfx.clock import SECOND

if TYPE_CHECKING:
    from mirrorfx.frame import Image

__all__ = ["Dissolve"]

_LENGTH_NS = SECOND


class Dissolve:
    """Mixes the picture that stood on the wall with those that come now. Threads: one. Realtime: yes."""

    def __init__(self) -> None:
        self._last: Image | None = None
        self._out: list[Image] = []
        self._since_ns = 0

    @property
    def active(self) -> bool:
        """Whether the old picture is still seen."""
        return self._last is not None

    def begin(self, last: Image, now_ns: int) -> None:
        """Start from `last`, ``uint8[H, W, 4]`` BGRX (copied)."""
        import numpy as np

        self._last = last.copy()
        self._since_ns = now_ns
        # Two, because the one before is still being looked at while the next is made.
        self._out = self._out or [np.empty_like(last), np.empty_like(last)]

    def draw(self, new: Image, now_ns: int) -> Image:
        """Return the picture for `now_ns`; `new` itself once the old one has gone. It stays until the next but one."""
        if self._last is None:
            return new
        import cv2

        linear = (now_ns - self._since_ns) / _LENGTH_NS
        if linear >= 1.0:
            self.end()
            return new
        arrived = linear * linear * (3.0 - 2.0 * linear)  # smoothstep: slow at both ends
        self._out.reverse()
        cv2.addWeighted(new, arrived, self._last, 1.0 - arrived, 0, dst=self._out[0])
        return self._out[0]

    def end(self) -> None:
        """Let go of the old picture."""
        self._last = None
