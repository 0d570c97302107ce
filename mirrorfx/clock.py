"""Time: one monotonic clock, given to whoever needs it, and a fake one that tests advance.

All times are integers in nanoseconds of ``CLOCK_MONOTONIC``, which all processes of a machine share.
This is the only module that calls `time`.
"""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["MS", "SECOND", "Clock", "FakeClock", "MonotonicClock", "thread_cpu_ns", "wall_time_s"]

MS = 1_000_000
"""Nanoseconds in a millisecond."""
SECOND = 1_000_000_000
"""Nanoseconds in a second."""


class Clock(Protocol):
    """Where time comes from."""

    def now_ns(self) -> int:
        """Return the monotonic time in nanoseconds. Realtime: yes."""
        ...

    def sleep_until_ns(self, deadline_ns: int) -> None:
        """Block until `deadline_ns`; return at once when it is past. Realtime: no."""
        ...


class MonotonicClock:
    """The machine's monotonic clock; unmoved when somebody sets the date. Threads: any."""

    __slots__ = ()

    def now_ns(self) -> int:
        """Return ``CLOCK_MONOTONIC`` in nanoseconds."""
        return time.monotonic_ns()

    def sleep_until_ns(self, deadline_ns: int) -> None:
        """Sleep until `deadline_ns`; late by what the kernel's timer is late (0.06 ms as a rule)."""
        left_ns = deadline_ns - time.monotonic_ns()
        if left_ns > 0:
            time.sleep(left_ns / SECOND)


class FakeClock:
    """A clock that stands still until it is advanced. Sleeping advances it."""

    __slots__ = ("_now_ns",)

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        """Return the fake time in nanoseconds."""
        return self._now_ns

    def advance_ns(self, by_ns: int) -> None:
        """Move on by `by_ns` nanoseconds.

        Raises:
            ValueError: `by_ns` is negative; a monotonic clock never goes back.
        """
        if by_ns < 0:
            raise ValueError(f"A monotonic clock never goes back (asked for {by_ns} ns).")
        self._now_ns += by_ns

    def sleep_until_ns(self, deadline_ns: int) -> None:
        """Move on to `deadline_ns` at once."""
        self._now_ns = max(self._now_ns, deadline_ns)


def thread_cpu_ns() -> int:
    """Return how long this thread has run on a processor, in nanoseconds. Realtime: yes."""
    return time.thread_time_ns()


def wall_time_s() -> float:
    """Return the date and time as seconds since 1970: for file names and logs, never for pacing."""
    return time.time()
