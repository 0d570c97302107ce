"""The camera's beat: how often frames come, so that it is known when the next one will."""

from __future__ import annotations

from mirrorfx.pacing.quantiles import SlidingQuantile

__all__ = ["CameraRhythm"]


class CameraRhythm:
    """Learns the time between captures and the time from capture to arrival. Threads: one. Realtime: yes."""

    ENOUGH = 8

    __slots__ = ("_arrival_ns", "_capture_ns", "_gaps")

    def __init__(self) -> None:
        self._gaps = SlidingQuantile(61)
        self._capture_ns: int | None = None
        self._arrival_ns = 0

    @property
    def period_ns(self) -> int | None:
        """The time between frames, or None while too few were seen.

        The lower quartile of the gaps: frames that were never seen waiting make some gaps too long, none too short.
        """
        return self._gaps.at(0.25) if len(self._gaps) >= self.ENOUGH else None

    def saw(self, t_capture_ns: int, now_ns: int) -> None:
        """Take in that the newest frame was captured at `t_capture_ns`; the same frame may be told again."""
        if t_capture_ns == self._capture_ns:
            return
        if self._capture_ns is not None and t_capture_ns > self._capture_ns:
            self._gaps.add(t_capture_ns - self._capture_ns)
        self._capture_ns, self._arrival_ns = t_capture_ns, now_ns

    def next_arrival_ns(self) -> int | None:
        """Return when the next frame should be here, or None when that is unknown."""
        period_ns = self.period_ns
        return None if period_ns is None or self._capture_ns is None else self._arrival_ns + period_ns
