"""A steady beat for sources that have no clock of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirrorfx.clock import SECOND
from mirrorfx.errors import InvalidValue

if TYPE_CHECKING:
    from mirrorfx.clock import Clock

__all__ = ["RATE_MAX_FPS", "RATE_MIN_FPS", "Ticker"]

RATE_MIN_FPS = 1.0
RATE_MAX_FPS = 1000.0


class Ticker:
    """Counts beats from its start. A reader that comes late gets the newest beat that is due.

    Beats are computed from the start, in whole nanoseconds, so that weeks add no drift.

    Raises:
        InvalidValue: the rate is not from 1 to 1000 a second.
    """

    def __init__(self, clock: Clock, rate_fps: float) -> None:
        if not RATE_MIN_FPS <= rate_fps <= RATE_MAX_FPS:
            raise InvalidValue(f"A rate of {rate_fps} frames a second is not possible: choose from 1 to 1000.")
        self._clock = clock
        self._beats_per_1000_s = round(rate_fps * 1000)
        self._start_ns = clock.now_ns()
        self._last = -1

    def wait(self) -> tuple[int, int]:
        """Wait for the next beat and return (number, when it was due in ns); at once when one is already due."""
        since_ns = self._clock.now_ns() - self._start_ns
        newest = since_ns * self._beats_per_1000_s // (1000 * SECOND)
        self._last = max(newest, self._last + 1)
        due_ns = self._start_ns + self._last * 1000 * SECOND // self._beats_per_1000_s
        self._clock.sleep_until_ns(due_ns)
        return self._last, due_ns
