"""What others do, to be measured against: queues without a limit, strict turns, and no pacing at all."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

from mirrorfx.clock import MS
from mirrorfx.pacing.pacer import Ready, Tick
from mirrorfx.pacing.scheduler import Policy, Scheduler

__all__ = ["AtOncePacer", "FifoInbox", "InOrderPacer", "SmoothingPacer", "StrictTurnScheduler", "UngatedScheduler"]

T = TypeVar("T")


class FifoInbox(Generic[T]):
    """A queue without a limit, in the mailbox's place."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self.replaced = 0

    @property
    def full(self) -> bool:
        """Whether anything waits."""
        return bool(self._items)

    def peek(self) -> T | None:
        """Return the oldest item and leave it there."""
        return self._items[0] if self._items else None

    def put(self, item: T) -> None:
        """Queue `item` behind all others."""
        self._items.append(item)

    def take(self) -> T | None:
        """Take the oldest item."""
        return self._items.popleft() if self._items else None


class UngatedScheduler(Scheduler):
    """Any free worker takes a frame at once."""

    GATE = 0.0
    LOOSENING = 0.0
    CAPTURE_SPACING = False

    def __init__(self) -> None:
        super().__init__(Policy.ADAPTIVE)


class StrictTurnScheduler(UngatedScheduler):
    """Frame k belongs to worker k mod N: when that one is busy, the others wait with it."""

    def _pick(self, now_ns: int) -> int | None:
        turn = next((w for w in self.workers if w > self._last_worker), self.workers[0] if self.workers else None)
        open_ns = None if turn is None else self._pool.records[turn].open_ns()
        return turn if open_ns is not None and open_ns <= now_ns else None


class AtOncePacer(Generic[T]):
    """Shows the newest finished frame at the next tick."""

    delay_ns = 0

    def __init__(self) -> None:
        self._pending: list[Ready[T]] = []
        self._shown_seq = -1

    def add(self, ready: Ready[T]) -> bool:
        """Take a finished frame, unless a newer one was shown."""
        if ready.seq <= self._shown_seq:
            return False
        self._pending.append(ready)
        return True

    def on_vsync(self, v_ns: int) -> Tick[T]:
        """Show the newest, drop the rest."""
        if not self._pending:
            return Tick(None)
        *late, newest = sorted(self._pending, key=lambda ready: ready.seq)
        self._pending.clear()
        self._shown_seq = newest.seq
        return Tick(newest, tuple(late))


class InOrderPacer(Generic[T]):
    """Shows every frame in order and waits for a missing one until `PATIENCE` newer ones are there."""

    PATIENCE = 10
    delay_ns = 0

    def __init__(self) -> None:
        self._pending: dict[int, Ready[T]] = {}
        self._next_seq = 0

    def add(self, ready: Ready[T]) -> bool:
        """Take a finished frame, unless it was given up."""
        if ready.seq < self._next_seq:
            return False
        self._pending[ready.seq] = ready
        return True

    def on_vsync(self, v_ns: int) -> Tick[T]:
        """Show the next in order when it is there."""
        if self._next_seq not in self._pending and len(self._pending) >= self.PATIENCE:
            self._next_seq = min(self._pending)
        show = self._pending.pop(self._next_seq, None)
        if show is not None:
            self._next_seq += 1
        return Tick(show)


class SmoothingPacer(InOrderPacer[T]):
    """Shows every frame in order, spaced by the smoothed time between finished ones."""

    SMOOTHING = 0.02

    def __init__(self) -> None:
        super().__init__()
        self._spacing_ns = 0.0
        self._last_ready_ns: int | None = None
        self._due_ns = 0.0

    def add(self, ready: Ready[T]) -> bool:
        """Take a finished frame and learn the spacing."""
        if self._last_ready_ns is not None:
            gap_ns = min(ready.t_ready_ns - self._last_ready_ns, 1000 * MS)
            self._spacing_ns += (gap_ns - self._spacing_ns) * (self.SMOOTHING if self._spacing_ns else 1.0)
        self._last_ready_ns = ready.t_ready_ns
        return super().add(ready)

    def on_vsync(self, v_ns: int) -> Tick[T]:
        """Show the next in order when it is there and the spacing has passed; catch up slowly with a backlog."""
        if v_ns < self._due_ns:
            return Tick(None)
        tick = super().on_vsync(v_ns)
        if tick.show is not None:
            spacing_ns = self._spacing_ns * (0.95 if len(self._pending) > 2 else 1.0)
            self._due_ns = max(self._due_ns + spacing_ns, v_ns + spacing_ns / 2)
        return tick
