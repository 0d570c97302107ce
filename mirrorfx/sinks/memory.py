"""A sink that keeps pictures in memory."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from mirrorfx.errors import InvalidValue, SinkFailed
from mirrorfx.sinks.base import Sink
from mirrorfx.sinks.pixels import check_bgrx

if TYPE_CHECKING:
    from mirrorfx.frame import Frame, Size

__all__ = ["MemorySink"]


class MemorySink(Sink):
    """Keeps copies of the newest pictures and when they were shown: for tests and for programs that want the picture.

    Attributes:
        shown: ``(frame, t_present_ns)``, oldest first; the pixels are copies, ``uint8[H, W, 4]`` BGRX. Outlive `close`.
        count: pictures taken since it was opened, those no longer kept included.
    """

    kind: ClassVar[str] = "memory"

    def __init__(self, limit: int = 64) -> None:
        """Keep the newest `limit` pictures.

        Raises:
            InvalidValue: `limit` is not above 0.
        """
        if limit <= 0:
            raise InvalidValue(f"A memory sink must keep at least 1 picture; it was asked to keep {limit}.")
        self.shown: deque[tuple[Frame, int]] = deque(maxlen=limit)
        self.count = 0
        self._is_open = False

    @property
    def frames(self) -> list[Frame]:
        """The kept frames, oldest first."""
        return [frame for frame, _ in self.shown]

    def open(self, size: Size, rate_fps: float) -> None:
        """Forget what was kept and start again."""
        del size, rate_fps
        self.shown.clear()
        self.count = 0
        self._is_open = True

    def put(self, frame: Frame, t_present_ns: int) -> None:
        """Keep a copy of one picture; the oldest goes when `limit` is reached. Realtime: yes.

        Raises:
            SinkFailed: it isn't open.
            InvalidValue: the pixels are not ``uint8[H, W, 4]``.
        """
        if not self._is_open:
            raise SinkFailed("The memory sink was given a picture while it isn't open: open it first.")
        check_bgrx(frame.pixels)
        self.shown.append((replace(frame, pixels=frame.pixels.copy()), t_present_ns))
        self.count += 1

    def close(self) -> None:
        """Stop taking pictures. Safe to call twice."""
        self._is_open = False
