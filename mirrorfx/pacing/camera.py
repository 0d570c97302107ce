"""The camera's beat: how often frames come, and how long they are on the way."""

from __future__ import annotations

from mirrorfx.pacing.quantiles import SlidingQuantile

__all__ = ["CameraRhythm"]


class CameraRhythm:
    """Learns the time between captures and the time from capture to arrival. Threads: one. Realtime: yes."""

    ENOUGH = 8

    __slots__ = ("_gaps", "capture_ns", "lag_ns")

    def __init__(self) -> None:
        self._gaps = SlidingQuantile(61)
        self.capture_ns = 0
        """When the newest frame was captured; 0 before the first."""
        self.lag_ns = 0
        """What it took from there to here."""

    @property
    def period_ns(self) -> int | None:
        """The time between frames, or None while too few were seen.

        The lower quartile of the gaps: frames that were never seen waiting make some gaps too long, none too short.
        """
        return self._gaps.at(0.25) if len(self._gaps) >= self.ENOUGH else None

    def saw(self, t_capture_ns: int, now_ns: int) -> None:
        """Take in that the newest frame was captured at `t_capture_ns`; the same frame may be told again."""
        if t_capture_ns == self.capture_ns:
            return
        if self.capture_ns and t_capture_ns > self.capture_ns:
            self._gaps.add(t_capture_ns - self.capture_ns)
        self.capture_ns, self.lag_ns = t_capture_ns, now_ns - t_capture_ns
