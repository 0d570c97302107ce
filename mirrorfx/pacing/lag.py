"""Frames that lagged behind the beat, and why the wall repeated a picture.

The beat is the mean interval between new frames of the last ten seconds, the outliers left out. A screen that is faster
than the beat repeats each picture for a while; that is no fault. A picture that stays for more than 1.5 display ticks,
and more than half a beat, beyond its time lags: so many beats passed without a new frame.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from statistics import median
from typing import Any

from mirrorfx.clock import SECOND

__all__ = ["LagMeter", "Repeat"]

_WARN_SHARE, _BAD_SHARE = 0.01, 0.05
"""Worth a look, and seen by every visitor (as OBS Studio has it)."""


class Repeat(StrEnum):
    """Why a display tick showed the last picture again."""

    BEAT = "beat"
    """No frame was due yet: the screen is faster than the beat."""
    BEHIND = "behind"
    """A frame should have been there."""
    HOLD = "hold"
    """The picture is held on purpose while the workers change their networks."""
    PANIC = "panic"
    """A panic key shows something else."""


class LagMeter:
    """Counts beats without a new frame over ten seconds, and repeats by cause over the whole run.

    Threads: one. Realtime: yes, except `figures`.

    Attributes:
        period_ns: time between display ticks.
    """

    WINDOW_NS = 10 * SECOND
    ENOUGH = 10
    _TICKS = 1.5
    _BEATS = 1.5

    __slots__ = ("_beat_ns", "_excused", "_frames", "_last_ns", "_late", "_limit_ns", "_repeats", "period_ns")

    def __init__(self, period_ns: int) -> None:
        self.period_ns = period_ns
        self._frames: deque[tuple[int, int, int]] = deque()
        self._late: deque[int] = deque()
        self._last_ns: int | None = None
        self._beat_ns = 0.0
        self._limit_ns: float | None = None
        self._excused = False
        self._repeats = dict.fromkeys(Repeat, 0)

    def shown(self, t_ns: int) -> int:
        """Count a new frame; return how many beats had passed without one before it."""
        last_ns, self._last_ns = self._last_ns, t_ns
        if last_ns is None:
            return 0
        missed = self._missed(t_ns - last_ns)
        self._frames.append((t_ns, t_ns - last_ns, missed))
        self._excused = False
        return missed

    def repeated(self, t_ns: int, cause: Repeat | None = None) -> None:
        """Count a tick without a new frame, held or hidden for a `cause`; None finds out whether one was due."""
        if self._last_ns is None:
            return
        if cause is Repeat.HOLD:
            self._excused = True
        if cause is None:
            cause = Repeat.BEHIND if self._missed(t_ns - self._last_ns) else Repeat.BEAT
        self._repeats[cause] += 1

    def late(self, count: int, t_ns: int) -> None:
        """Count frames that came when a newer one was shown already."""
        self._late.extend([t_ns] * count)

    def new_beat(self) -> None:
        """Forget the beat: something else paints from now on, faster or slower."""
        self._frames.clear()
        self._late.clear()
        self._limit_ns = None

    def figures(self, now_ns: int) -> dict[str, Any]:
        """Return the lagged frames of ten seconds and their share (0..1), the beat, and all repeats by cause.

        The level is ``good``, ``warning`` above 1 %, ``bad`` above 5 %; empty while there is no beat to lag behind.
        A late frame and the gap that it leaves are one fault: the larger of both counts.
        """
        self._forget(now_ns - self.WINDOW_NS)
        self._measure_beat()
        running = self._missed(now_ns - self._last_ns) if self._last_ns is not None else 0
        missed = sum(missed for _, _, missed in self._frames) + running
        lagged = max(missed, len(self._late)) if self._limit_ns is not None else 0
        total = len(self._frames) + lagged
        share = lagged / total if total else 0.0
        level = "bad" if share > _BAD_SHARE else "warning" if share > _WARN_SHARE else "good"
        return {
            "lag": {
                "frames": lagged,
                "share": round(share, 5),
                "level": level if self._limit_ns is not None else "",
                "beat_ms": round(self._beat_ns / 1e6, 3) if self._limit_ns is not None else None,
            },
            "repeats": {str(cause): count for cause, count in self._repeats.items()},
        }

    def _missed(self, interval_ns: int) -> int:
        if self._excused or self._limit_ns is None or interval_ns <= self._limit_ns:
            return 0
        return max(round(interval_ns / self._beat_ns) - 1, 1)

    def _measure_beat(self) -> None:
        if len(self._frames) < self.ENOUGH:
            return
        intervals = [interval_ns for _, interval_ns, _ in self._frames]
        limit_ns = self._limit(median(intervals))
        regular = [interval_ns for interval_ns in intervals if interval_ns <= limit_ns]
        self._beat_ns = sum(regular) / len(regular)
        self._limit_ns = self._limit(self._beat_ns)

    def _limit(self, beat_ns: float) -> float:
        return max(beat_ns + self._TICKS * self.period_ns, self._BEATS * beat_ns)

    def _forget(self, before_ns: int) -> None:
        while self._frames and self._frames[0][0] <= before_ns:
            self._frames.popleft()
        while self._late and self._late[0] <= before_ns:
            self._late.popleft()
