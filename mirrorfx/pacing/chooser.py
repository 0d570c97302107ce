"""PACED or LOCK: which of the two moves more truly on this camera, this display and these workers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mirrorfx.clock import MS, SECOND

__all__ = ["Mode", "ModeChooser", "Rhythm", "rounding_error_ns"]


class Mode(StrEnum):
    """When the next frame leaves, and when it is due on the wall."""

    PACED = "paced"
    LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The beats that have to go together, all in nanoseconds.

    Attributes:
        camera_ns: time between captures.
        display_ns: time between display ticks.
        pool_ns: T, time between frames when all workers are busy.
        lock_ticks: n, the display ticks between frames in LOCK.
    """

    camera_ns: int
    display_ns: int
    pool_ns: int
    lock_ticks: int

    @property
    def paced_interval_ns(self) -> int:
        """The mean time between new frames in PACED: the pool's, or the camera's when that is slower."""
        return max(self.camera_ns, self.pool_ns)

    @property
    def lock_interval_ns(self) -> int:
        """The mean time between new frames in LOCK."""
        return max(self.camera_ns, self.lock_ticks * self.display_ns)

    def paced_error_ns(self) -> float:
        """Expected animation error: capture intervals, whole camera periods, are rounded to whole display ticks."""
        periods, share = divmod(self.paced_interval_ns / self.camera_ns, 1)
        short = rounding_error_ns(periods * self.camera_ns, self.display_ns)
        long = rounding_error_ns((periods + 1) * self.camera_ns, self.display_ns)
        return short * (1 - share) + long * share

    def lock_error_ns(self) -> float:
        """Expected animation error: display intervals are exact, the captures behind them whole camera periods."""
        return rounding_error_ns(self.lock_interval_ns, self.camera_ns)


def rounding_error_ns(interval_ns: float, step_ns: float) -> float:
    """Return the mean |error| of an interval whose two ends fall on a grid of `step_ns` with any phase.

    With a remainder r it comes out r short with probability 1 - r / step and step - r long otherwise; in the mean
    2 r (step - r) / step.
    """
    remainder = interval_ns % step_ns
    return 2 * remainder * (step_ns - remainder) / step_ns


class ModeChooser:
    """Prefers the smaller expected animation error, and stays with its choice unless the other is clearly better.

    LOCK has to win by 0.5 ms (0.25 ms to stay) and may cost at most an eighth of the new frames. A change is made only
    after the other mode was better for five seconds on end. Threads: one. Realtime: yes.
    """

    GAIN_TO_ENTER_NS = MS // 2
    GAIN_TO_STAY_NS = MS // 4
    DWELL_NS = 5 * SECOND
    COST_TO_ENTER = 1.125
    COST_TO_STAY = 1.14

    __slots__ = ("_better_since_ns", "mode")

    def __init__(self, mode: Mode = Mode.PACED) -> None:
        self.mode = mode
        self._better_since_ns: int | None = None

    def choose(self, now_ns: int, rhythm: Rhythm | None) -> Mode:
        """Return the mode to be in at `now_ns`; with no rhythm known yet, the one it is in."""
        if rhythm is None or self._best(rhythm) is self.mode:
            self._better_since_ns = None
            return self.mode
        if self._better_since_ns is None:
            self._better_since_ns = now_ns
        if now_ns - self._better_since_ns >= self.DWELL_NS:
            self.mode = self._best(rhythm)
            self._better_since_ns = None
        return self.mode

    def _best(self, rhythm: Rhythm) -> Mode:
        held = self.mode is Mode.LOCK
        if rhythm.lock_interval_ns > (self.COST_TO_STAY if held else self.COST_TO_ENTER) * rhythm.paced_interval_ns:
            return Mode.PACED
        gain_ns = rhythm.paced_error_ns() - rhythm.lock_error_ns()
        return Mode.LOCK if gain_ns > (self.GAIN_TO_STAY_NS if held else self.GAIN_TO_ENTER_NS) else Mode.PACED
