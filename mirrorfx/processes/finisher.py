"""Waits for the frames that a worker's device is painting, beside the thread that begins the next one."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from multiprocessing import Pipe
from typing import TYPE_CHECKING

from mirrorfx.processes.messages import Done

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from mirrorfx.clock import Clock
    from mirrorfx.frame import Frame, Image
    from mirrorfx.processes.messages import Dispatch

__all__ = ["Finisher", "UnderWay"]


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A frame that an effect has begun to paint.

    Attributes:
        order: what the engine wants.
        frame: what is painted.
        out: and into what.
        finish: waits until it is.
        start_ns: when the effect was asked to begin.
        begun_ns: when it had: all that is left to do is the device's.
    """

    order: Dispatch
    frame: Frame
    out: Image
    finish: Callable[[], None]
    start_ns: int
    begun_ns: int


class Finisher:
    """Finishes frames in the order of their starts, in a thread of its own, and wakes the worker's thread for each.

    Threads: all methods belong to the worker's thread; a channel belongs to one thread, so that one sends the news.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun: queue.SimpleQueue[UnderWay | None] = queue.SimpleQueue()
        self._finished: queue.SimpleQueue[tuple[UnderWay, Done | Exception]] = queue.SimpleQueue()
        self._woken, self._wake = Pipe(duplex=False)
        self._under_way = 0
        self._thread = threading.Thread(target=self._work, name="finish", daemon=True)
        self._thread.start()

    @property
    def woken(self) -> Connection:
        """There is something to read here for each frame to be collected; wait on it."""
        return self._woken

    def finish(self, frame: UnderWay) -> None:
        """Finish this frame after those before it. Realtime: yes."""
        self._under_way += 1
        self._begun.put(frame)

    def collect(self) -> Iterator[tuple[UnderWay, Done]]:
        """Yield the frames that are painted. Realtime: yes.

        Raises:
            Exception: what the effect raised, in its frame's turn.
        """
        while self._woken.poll():
            self._woken.recv_bytes()
            frame, outcome = self._finished.get()
            self._under_way -= 1
            if isinstance(outcome, Exception):
                raise outcome
            yield frame, outcome

    def drain(self) -> Iterator[tuple[UnderWay, Done]]:
        """Wait until nothing is under way any more; yield the frames that are painted, as `collect` does."""
        while self._under_way:
            self._woken.poll(None)
            yield from self.collect()

    def _work(self) -> None:
        free_ns = 0
        while (frame := self._begun.get()) is not None:
            outcome: Done | Exception
            try:
                frame.finish()
            except Exception as error:  # noqa: BLE001  an effect is anybody's code; the worker's thread raises it
                outcome = error
            else:
                outcome = self._done(frame, free_ns)
                free_ns = outcome.t_end_ns
            self._finished.put((frame, outcome))
            self._wake.send_bytes(b"!")

    def _done(self, frame: UnderWay, free_ns: int) -> Done:
        """Tell what it took, counted from when the device was free for it at `free_ns`: it paints one at a time."""
        start_ns, order = max(frame.start_ns, free_ns), frame.order
        return Done(order.generation, order.seq, start_ns, self._clock.now_ns(), free_ns - frame.begun_ns)

    def close(self) -> None:
        """End the thread, once it has finished what is under way, or leave it to the end of the process."""
        self._begun.put(None)
        self._thread.join(1.0)
        if not self._thread.is_alive():
            self._woken.close()
            self._wake.close()
