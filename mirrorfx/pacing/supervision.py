"""When to start a process again that failed: at once, then ever later, at last hardly ever."""

from __future__ import annotations

from collections import deque

from mirrorfx.clock import SECOND

__all__ = ["Backoff"]


class Backoff:
    """Delays of 0, 1, 2, 4 … 60 s; more than five failures in ten minutes is quarantine, with a try every ten minutes.

    A quarantined process that becomes ready serves again, on probation: it has to stay up for ten minutes before its
    failures are forgotten, and until then a single one more puts it back. Threads: one.
    """

    LONGEST_NS = 60 * SECOND
    WINDOW_NS = 600 * SECOND
    FAILURES_ALLOWED = 5
    RETRY_NS = 600 * SECOND
    PROBATION_NS = 600 * SECOND

    __slots__ = ("_failures", "_in_a_row", "_on_probation", "_up_since_ns", "quarantined", "restarts")

    def __init__(self) -> None:
        self._failures: deque[int] = deque(maxlen=self.FAILURES_ALLOWED + 1)
        self._in_a_row = 0
        self._up_since_ns: int | None = None
        self._on_probation = False
        self.quarantined = False
        """Whether it failed too often; it is started only every ten minutes."""
        self.restarts = 0
        """How many failures there were in all, each answered by a restart."""

    def failed(self, now_ns: int) -> int:
        """Count a failure at `now_ns`; return the time (ns) at which to start the process again."""
        self._forgive_if_stable(now_ns)
        self._up_since_ns = None
        self.restarts += 1
        self._failures.append(now_ns)
        delay_ns = self._next_delay_ns()
        self._in_a_row += 1
        if self._too_many(now_ns):
            self.quarantined = self._on_probation = True
            delay_ns = self.RETRY_NS
        return now_ns + delay_ns

    def succeeded(self, now_ns: int) -> None:
        """Say that the process is up: when it becomes ready, and as often as you like while it works."""
        self.quarantined = False
        if self._up_since_ns is None:
            self._up_since_ns = now_ns
        self._forgive_if_stable(now_ns)

    def _next_delay_ns(self) -> int:
        if self._in_a_row == 0:
            return 0
        return min(self.LONGEST_NS, SECOND << min(self._in_a_row - 1, 6))

    def _too_many(self, now_ns: int) -> bool:
        if self._on_probation:
            return True
        full = len(self._failures) > self.FAILURES_ALLOWED
        return full and now_ns - self._failures[0] <= self.WINDOW_NS

    def _forgive_if_stable(self, now_ns: int) -> None:
        if self._up_since_ns is not None and now_ns - self._up_since_ns >= self.PROBATION_NS:
            self._failures.clear()
            self._in_a_row = 0
            self._on_probation = False
