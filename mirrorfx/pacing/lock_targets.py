"""The display ticks that frames are made for (LOCK), n ticks apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mirrorfx.pacing.pool import Pool

__all__ = ["LockTargets"]


class LockTargets:
    """Which tick the next frame is for, and how many ticks lie between two.

    Threads: one. Realtime: yes.

    Attributes:
        period_ns: the time between two ticks of the display; 0 before `vsync`.
        ticks: n, the fewest ticks a frame that the workers keep up with; 0 before `vsync`.
        next_ns: the tick that the next frame is for; 0 while that has not been asked for.
        least_ns: what must pass between two frames though the workers could make more.
    """

    def __init__(self) -> None:
        self.period_ns = 0
        self.ticks = 0
        self.next_ns = 0
        self.least_ns = 0
        self._vsync_ns = 0

    def vsync(self, v_ns: int, period_ns: int, pool: Pool) -> None:
        """Take the time of the display's latest tick and its period."""
        self._vsync_ns, self.period_ns = v_ns, period_ns
        self.fit(pool)
        self.next_ns = self._on_grid(self.next_ns)

    def fit(self, pool: Pool) -> None:
        """Find the smallest n with n × tick × workers ≥ S; shrinks only with 3 % to spare, so that it does not flap."""
        if not self.period_ns:
            self.ticks = 0
            return
        room_ns = self.period_ns * max(1, len(pool.ready))
        fewest = -(-pool.longest_ns // room_ns)
        if fewest < self.ticks and pool.longest_ns > 0.97 * (self.ticks - 1) * room_ns:
            return
        self.ticks = fewest

    def space(self, least_ns: int) -> None:
        """Let at least `least_ns` pass between two frames from now on."""
        before = self._ticks_apart()
        self.least_ns = least_ns
        if self.next_ns:  # counted from the last frame: sooner or later than was thought when it left
            self.next_ns += (self._ticks_apart() - before) * self.period_ns

    def forget(self) -> None:
        """Begin afresh with the next frame."""
        self.next_ns = 0

    def leaves_ns(self, now_ns: int, pool: Pool) -> int:
        """When the frame for the next target leaves. A slot that was missed slips to the next tick, never bunches."""
        longest_ns = pool.longest_ns + pool.wait_ns
        earliest_ns = now_ns + longest_ns - pool.MARGIN_NS
        if not self.next_ns:
            self.next_ns = self._on_grid(earliest_ns + self.period_ns // 2)
        if self.next_ns < earliest_ns:
            self.next_ns += -(-(earliest_ns - self.next_ns) // self.period_ns) * self.period_ns
        return self.next_ns - longest_ns

    def take(self) -> int:
        """Return the target of a frame that leaves now; the next one is for a later tick."""
        target_ns = self.next_ns
        self.next_ns += self._ticks_apart() * self.period_ns
        return target_ns

    def _on_grid(self, time_ns: int) -> int:
        """The display tick nearest to `time_ns`."""
        if not time_ns:
            return 0
        ticks = round((time_ns - self._vsync_ns) / self.period_ns)
        return self._vsync_ns + ticks * self.period_ns

    def _ticks_apart(self) -> int:
        """How many ticks lie between two frames' targets: more than the workers need where frames are spaced."""
        if not self.period_ns:
            return 0
        least_ns = self.least_ns - self.period_ns // 10  # a display's real rate is never quite its nominal one
        return max(self.ticks, -(-least_ns // self.period_ns))
