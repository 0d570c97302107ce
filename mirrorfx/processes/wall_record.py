"""What the wall keeps account of: frames shown, repeated and late, how steadily, and how busy its loop is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mirrorfx.clock import thread_cpu_ns
from mirrorfx.pacing.lag import LagMeter, Repeat
from mirrorfx.pacing.loop_times import LoopTimes
from mirrorfx.pacing.quantiles import DurationHistogram
from mirrorfx.pacing.statistics import DisplayStatistics
from mirrorfx.processes.frame_log import FrameLog

if TYPE_CHECKING:
    from mirrorfx.processes.messages import Result

__all__ = ["WallRecord"]


class WallRecord:
    """Counts on behalf of the presenter. Threads: one. Realtime: yes, except `figures`.

    Attributes:
        log: what is told of each frame shown.
        ticks: how long the picture takes at each display tick.
    """

    def __init__(self, period_ns: int) -> None:
        self.log = FrameLog()
        self.ticks = DurationHistogram()
        self._loop, self._loop_cpu = LoopTimes(), LoopTimes()
        self._t_begin_ns = self._cpu_begin_ns = 0
        self._display = DisplayStatistics()
        self._lag = LagMeter(period_ns)

    @property
    def frames_shown(self) -> int:
        """How many new frames were shown."""
        return self._display.frames_shown

    def set_period(self, period_ns: int) -> None:
        """Take the display's real period."""
        self._lag.period_ns = period_ns

    def shown(self, new: Result, t_ns: int) -> None:
        """Count a new frame."""
        self._display.shown(new.t_capture_ns, t_ns)
        self.log.add(new.seq, new.worker, new.t_capture_ns, t_ns, self._lag.shown(t_ns))

    def repeated(self, t_ns: int, *, holding: bool, panic: bool) -> None:
        """Count a tick that showed the last frame again, whether somebody wanted that or not."""
        self._display.repeated(t_ns)
        self._lag.repeated(t_ns, Repeat.HOLD if holding else Repeat.PANIC if panic else None)

    def late(self, count: int, t_ns: int) -> None:
        """Count frames that came too late to be shown."""
        if count:
            self._display.late(count)
            self._lag.late(count, t_ns)

    def begins(self, t_ns: int) -> None:
        """Take the time at which the loop's work for a tick begins."""
        self._t_begin_ns, self._cpu_begin_ns = t_ns, thread_cpu_ns()

    def ends(self, t_ns: int) -> None:
        """Count a tick's work: how long it took, and how much of that this thread really ran."""
        self._loop.add(t_ns - self._t_begin_ns)
        self._loop_cpu.add(thread_cpu_ns() - self._cpu_begin_ns)

    def new_look(self) -> None:
        """Something else paints from now on; its beat may be another."""
        self._lag.new_beat()

    def new_beat(self) -> None:
        """Frames come more or less often from now on, as it is wanted: neither lag nor a freeze."""
        self._lag.new_beat()
        self._display.new_beat()

    def figures(self, now_ns: int) -> dict[str, Any]:
        """Return the counts and times for the report."""
        display = self._display
        return {
            **display.as_dict(),
            **self._lag.figures(now_ns),
            "shown": display.frames_shown,
            "repeated": display.frames_repeated,
            "late": display.frames_late,
            "recent": display.window(now_ns),
            "loop_ms": self._loop.as_dict(),
            "loop_cpu_ms": self._loop_cpu.as_dict(),
            "tick_ms": {
                "p50": round(self.ticks.percentile_ms(0.5), 3),
                "p99": round(self.ticks.percentile_ms(0.99), 3),
                "max": round(self.ticks.max_ms, 3),
            },
        }
