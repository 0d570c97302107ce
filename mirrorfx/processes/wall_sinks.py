"""The wall's sinks: films and pictures of what is shown, which never stop the mirror."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mirrorfx.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.frame import Frame, Image
    from mirrorfx.sinks.base import Sink

__all__ = ["WallSinks"]


class WallSinks:
    """Feeds the sinks; the mirror goes on without one that fails, and its problem is told.

    Threads: one. Realtime: yes, but for making it: finding an encoder takes many ticks, so that is before the beat.

    Args:
        sinks: to be opened here.
        size: width and height of what is shown, in pixels.
        display_hz: how often it is shown.
        tell_problem: is told why one failed.

    Attributes:
        problems: why those that failed did.
    """

    def __init__(
        self, sinks: tuple[Sink, ...], size: tuple[int, int], display_hz: float, tell_problem: Callable[[str], None]
    ) -> None:
        self._sinks = list(sinks)
        self._tell_problem = tell_problem
        self._ended: list[dict[str, Any]] = []
        self.problems: list[str] = []
        for sink in sinks:
            try:
                sink.open(size, display_hz)
            except SinkError as error:
                self._drop(sink, str(error))

    def put(self, frame: Frame, picture: Image, t_ns: int) -> None:
        """Give them what went to the screen at `t_ns`: `picture`, which was made of `frame`."""
        if frame.pixels is not picture:
            frame = replace(frame, pixels=picture)
        for sink in list(self._sinks):
            try:
                sink.put(frame, t_ns)
            except SinkError as error:
                self._drop(sink, str(error))

    def figures(self) -> list[dict[str, Any]]:
        """Return what became of each, those that ended first."""
        return [*self._ended, *(sink.details() for sink in self._sinks)]

    def close(self) -> None:
        """Finish the films. Safe to call twice."""
        for sink in list(self._sinks):
            sink.close()
            if sink.failed:
                self._drop(sink, sink.failed)
            else:
                self._ended.append(sink.details())
        self._sinks = []

    def _drop(self, sink: Sink, problem: str) -> None:
        self._sinks.remove(sink)
        sink.close()
        self._ended.append(sink.details())
        self.problems.append(problem)
        self._tell_problem(problem)
