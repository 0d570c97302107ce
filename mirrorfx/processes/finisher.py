"""Waits for the frames that a worker's device is painting, beside the thread that begins the next one."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from multiprocessing import Pipe
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from mirrorfx.clock import Clock
    from mirrorfx.frame import Frame
    from mirrorfx.processes.messages import Dispatch

__all__ = ["Finished", "Finisher", "UnderWay"]


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A frame that an effect has begun to paint; `finish` waits for it."""

    order: Dispatch
    frame: Frame
    start_ns: int
    finish: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """A frame that is painted, or the error that came instead.

    Attributes:
        painted: what was under way.
        start_ns: when it began, or the one before it ended if that was later: the device does one at a time.
        end_ns: when it was painted.
        error: what its `finish` raised.
    """

    painted: UnderWay
    start_ns: int
    end_ns: int
    error: Exception | None = None


class Finisher:
    """Finishes frames in the order of their starts, in a thread of its own, and wakes the worker's thread for each.

    Threads: all methods belong to the worker's thread; a channel belongs to one thread, so that one sends the news.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun: queue.SimpleQueue[UnderWay | None] = queue.SimpleQueue()
        self._finished: queue.SimpleQueue[Finished] = queue.SimpleQueue()
        self._woken, self._wake = Pipe(duplex=False)
        self._thread = threading.Thread(target=self._work, name="finish", daemon=True)
        self._thread.start()

    @property
    def woken(self) -> Connection:
        """There is something to read here for each frame to be collected; wait on it."""
        return self._woken

    def finish(self, frame: UnderWay) -> None:
        """Finish this frame after those before it. Realtime: yes."""
        self._begun.put(frame)

    def collect(self) -> Iterator[Finished]:
        """Yield the frames that are painted. Realtime: yes.

        Raises:
            Exception: what the effect raised, in its frame's turn.
        """
        while self._woken.poll():
            self._woken.recv_bytes()
            finished = self._finished.get()
            if finished.error is not None:
                raise finished.error
            yield finished

    def _work(self) -> None:
        end_ns = 0
        while (frame := self._begun.get()) is not None:
            error = None
            try:
                frame.finish()
            except Exception as raised:  # noqa: BLE001  an effect is anybody's code; the worker's thread raises it
                error = raised
            start_ns, end_ns = max(frame.start_ns, end_ns), self._clock.now_ns()
            self._finished.put(Finished(frame, start_ns, end_ns, error))
            self._wake.send_bytes(b"!")

    def close(self) -> None:
        """End the thread, once it has finished what is under way, or leave it to the end of the process."""
        self._begun.put(None)
        self._thread.join(1.0)
        if not self._thread.is_alive():
            self._woken.close()
            self._wake.close()
