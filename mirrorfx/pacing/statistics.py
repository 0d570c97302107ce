"""What was shown and how steadily, and how long the workers took: exact enough, in bounded memory, for weeks.

The totals keep sums as integers and percentiles in histograms of 0.1 ms; the live figures are exact over ten seconds.

- *fps*: new frames shown a second. *Harmonic fps*: Σi / Σi² over the intervals i between them, the rate that a moment
  picked at random sees; a single long gap lowers it where fps forgives it. *Presented fps*: repeats counted too.
- *Latency*: capture → present. *Animation error*: mean |display interval − capture interval|, 0 when things
  on the wall move exactly as they moved before the camera.
- *Freeze*: an interval of at least max(3 δ, δ + 150 ms), δ the mean of the 30 before it (W3C webrtc-stats,
  freezeCount).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from mirrorfx.clock import MS, SECOND
from mirrorfx.pacing.quantiles import DurationHistogram

__all__ = ["DisplayStatistics", "FreezeDetector", "ServiceStatistics"]

WINDOW_NS = 10 * SECOND


class FreezeDetector:
    """Tells a freeze from a frame that is merely late. Realtime: yes."""

    MEMORY = 30
    ENOUGH = 5

    __slots__ = ("_recent", "_total_ns")

    def __init__(self) -> None:
        self._recent: deque[int] = deque()
        self._total_ns = 0

    def is_freeze(self, interval_ns: int) -> bool:
        """Judge the interval between two new frames by those before it, then remember it."""
        frozen = False
        if len(self._recent) >= self.ENOUGH:
            mean_ns = self._total_ns // len(self._recent)
            frozen = interval_ns >= max(3 * mean_ns, mean_ns + 150 * MS)
        self._remember(interval_ns)
        return frozen

    def _remember(self, interval_ns: int) -> None:
        self._recent.append(interval_ns)
        self._total_ns += interval_ns
        if len(self._recent) > self.MEMORY:
            self._total_ns -= self._recent.popleft()


@dataclass(frozen=True, slots=True)
class _Shown:
    """One new frame on the wall, with the interval to the one before (0 for the first)."""

    t_present_ns: int
    latency_ns: int
    interval_ns: int
    animation_error_ns: int
    froze: bool


class _Figures:
    """Sums and histograms over frames shown; the same for a whole run and for a window."""

    __slots__ = ("error_ns", "freezes", "intervals", "latencies")

    def __init__(self) -> None:
        self.latencies = DurationHistogram()
        self.intervals = DurationHistogram()
        self.error_ns = 0
        self.freezes = 0

    def add(self, shown: _Shown) -> None:
        self.latencies.add(shown.latency_ns)
        if shown.interval_ns > 0:
            self.intervals.add(shown.interval_ns)
            self.error_ns += shown.animation_error_ns
            self.freezes += shown.froze

    def as_dict(self, shown: int, repeated: int, duration_ns: int) -> dict[str, Any]:
        seconds = duration_ns / SECOND
        error_ms = self.error_ns / self.intervals.count / MS if self.intervals.count else 0.0
        return {
            "fps": round(shown / seconds, 3) if seconds > 0 else 0.0,
            "harmonic_fps": round(self.intervals.rate_of_time, 3),
            "presented_fps": round((shown + repeated) / seconds, 3) if seconds > 0 else 0.0,
            "latency_ms": _spread(self.latencies, "mean", "p50", "p95", "p99", "max"),
            "interval_ms": _spread(self.intervals, "mean", "std", "p99", "max"),
            "animation_error_ms": round(error_ms, 3),
            "freezes": self.freezes,
        }


class DisplayStatistics:
    """What the visitors got, from the first new frame on.

    Threads: one. Realtime: yes, except `as_dict` and `window`.
    """

    __slots__ = (
        "_first_ns", "_freeze", "_last_capture_ns", "_last_shown_ns", "_last_tick_ns", "_recent", "_recent_repeats",
        "_totals", "frames_late", "frames_repeated", "frames_shown",
    )  # fmt: skip

    def __init__(self) -> None:
        self._totals = _Figures()
        self._freeze = FreezeDetector()
        self._recent: deque[_Shown] = deque()
        self._recent_repeats: deque[int] = deque()
        self._first_ns: int | None = None
        self._last_shown_ns = self._last_tick_ns = self._last_capture_ns = 0
        self.frames_shown = 0
        self.frames_repeated = 0
        self.frames_late = 0

    def shown(self, t_capture_ns: int, t_present_ns: int) -> None:
        """Count a new frame, captured and presented at these times."""
        entry = self._entry(t_capture_ns, t_present_ns)
        self._totals.add(entry)
        self._recent.append(entry)
        self.frames_shown += 1
        self._last_shown_ns, self._last_capture_ns = t_present_ns, t_capture_ns
        self._tick(t_present_ns)

    def repeated(self, t_present_ns: int | None = None) -> None:
        """Count a display tick that showed the last frame again; its time, if unknown, counts as the last tick's."""
        if self._first_ns is None:
            return
        self.frames_repeated += 1
        at_ns = self._last_tick_ns if t_present_ns is None else t_present_ns
        self._recent_repeats.append(at_ns)
        self._tick(at_ns)

    def late(self, count: int = 1) -> None:
        """Count frames that came too late to be shown."""
        self.frames_late += count

    def new_beat(self) -> None:
        """Judge what froze by the intervals from now on: frames are wanted more or less often."""
        self._freeze = FreezeDetector()

    def as_dict(self) -> dict[str, Any]:
        """Return the whole run's figures under the report's names; see `frames_shown` and its like for the counts."""
        since_ns = self._last_tick_ns - (self._first_ns or 0)
        # The first frame opens the first interval: n frames span n - 1 of them.
        return self._totals.as_dict(max(0, self.frames_shown - 1), self.frames_repeated, since_ns)

    def window(self, now_ns: int | None = None) -> dict[str, Any]:
        """Return the same figures over the ten seconds before `now_ns` (before the last tick when left out)."""
        now_ns = self._last_tick_ns if now_ns is None else now_ns
        if self._first_ns is None:
            return _Figures().as_dict(0, 0, 0)
        self._forget(now_ns)
        figures = _Figures()
        for entry in self._recent:
            figures.add(entry)
        duration_ns = min(WINDOW_NS, now_ns - self._first_ns)
        counted = sum(1 for entry in self._recent if entry.interval_ns > 0)
        return figures.as_dict(counted, len(self._recent_repeats), duration_ns)

    def _entry(self, t_capture_ns: int, t_present_ns: int) -> _Shown:
        latency_ns = t_present_ns - t_capture_ns
        if self._first_ns is None:
            self._first_ns = t_present_ns
            return _Shown(t_present_ns, latency_ns, 0, 0, froze=False)
        interval_ns = t_present_ns - self._last_shown_ns
        error_ns = abs(interval_ns - (t_capture_ns - self._last_capture_ns))
        return _Shown(t_present_ns, latency_ns, interval_ns, error_ns, self._freeze.is_freeze(interval_ns))

    def _tick(self, now_ns: int) -> None:
        self._last_tick_ns = now_ns
        self._forget(now_ns)

    def _forget(self, now_ns: int) -> None:
        oldest_ns = now_ns - WINDOW_NS
        while self._recent and self._recent[0].t_present_ns <= oldest_ns:
            self._recent.popleft()
        while self._recent_repeats and self._recent_repeats[0] <= oldest_ns:
            self._recent_repeats.popleft()


class ServiceStatistics:
    """How long one worker takes. Threads: one. Realtime: yes, except `as_dict`."""

    __slots__ = ("_overheads", "_services")

    def __init__(self) -> None:
        self._services = DurationHistogram()
        self._overheads = DurationHistogram()

    def add(self, service_ns: int, overhead_ns: int) -> None:
        """Count a frame: the time the effect took, and what dispatch → done took beyond it."""
        self._services.add(service_ns)
        self._overheads.add(overhead_ns)

    @property
    def frames(self) -> int:
        """How many frames the worker finished."""
        return self._services.count

    def as_dict(self) -> dict[str, Any]:
        """Return the figures under the names that the report gives a worker."""
        return {
            "frames": self.frames,
            "service_ms": _spread(self._services, "mean", "p50", "p95", "p99"),
            "overhead_ms": _spread(self._overheads, "p50", "p99"),
        }


def _spread(histogram: DurationHistogram, *names: str) -> dict[str, float]:
    """Return the named figures (mean, std, max, p50 …) of `histogram` in milliseconds, to three decimals."""
    return {name: round(_figure(histogram, name), 3) for name in names}


def _figure(histogram: DurationHistogram, name: str) -> float:
    if name.startswith("p"):
        return histogram.percentile_ms(int(name[1:]) / 100)
    return float(getattr(histogram, f"{name}_ms"))
