"""A sink that keeps nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mirrorfx.errors import SinkFailed
from mirrorfx.sinks.base import Sink
from mirrorfx.sinks.pixels import check_bgrx

if TYPE_CHECKING:
    from mirrorfx.frame import Frame, Size

__all__ = ["NullSink"]


class NullSink(Sink):
    """Counts what it is given and forgets it: for benchmarks and headless runs that record nothing.

    Attributes:
        count: pictures taken since it was opened, repeats included.
    """

    kind: ClassVar[str] = "null"

    def __init__(self) -> None:
        self.count = 0
        self._is_open = False

    def open(self, size: Size, rate_fps: float) -> None:
        """Start counting from 0."""
        del size, rate_fps
        self.count = 0
        self._is_open = True

    def put(self, frame: Frame, t_present_ns: int) -> None:
        """Count one picture. Realtime: yes.

        Raises:
            SinkFailed: it isn't open.
            InvalidValue: the pixels are not ``uint8[H, W, 4]``.
        """
        del t_present_ns
        if not self._is_open:
            raise SinkFailed("The null sink was given a picture while it isn't open: open it first.")
        check_bgrx(frame.pixels)
        self.count += 1

    def close(self) -> None:
        """Stop taking pictures. Safe to call twice."""
        self._is_open = False
