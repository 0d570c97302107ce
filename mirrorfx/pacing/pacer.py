"""When a frame is due on the wall: a steady delay behind the camera, or a fixed display tick.

PACED shows what was captured D ago. D follows the 95th percentile of what frames lately took from capture to ready, so
that nearly all are there when due, whichever worker made them. (The 99th would let rare spikes hold everybody back.)
A due frame waits half a display tick more in the mean, so 1 ms of margin is enough: two simulated 4090s show frames
1 ms sooner than with 2 ms, and the animation error stays below 0.5 ms. A frame is shown up to 0.4 ticks early when that
brings the display interval nearer to the capture interval, which steadies displays whose rate does not go with the
camera's (50 Hz and 60 fps: interval std 11.3 → 10.1 ms) and changes nothing on others.
LOCK shows each frame at the tick it was made for. Both never show an older frame after a newer one and never wait for
one that is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from mirrorfx.clock import MS, SECOND
from mirrorfx.pacing.chooser import Mode, ModeChooser
from mirrorfx.pacing.quantiles import SlidingQuantile

__all__ = ["ModeChooser", "Pacer", "Ready", "Tick"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ready(Generic[T]):
    """A finished frame that waits to be shown.

    Attributes:
        item: the frame, or the handle of its slot.
        seq: its number, given at dispatch.
        t_capture_ns: when the camera saw it.
        target_ns: the display tick that it was made for, 0 when paced.
        t_ready_ns: when it was finished.
    """

    item: T
    seq: int
    t_capture_ns: int
    target_ns: int
    t_ready_ns: int


@dataclass(frozen=True, slots=True)
class Tick(Generic[T]):
    """What to do at one display tick.

    Attributes:
        show: the frame to show from now on, or None to repeat the last.
        late: frames that will never be shown; their slots are free.
    """

    show: Ready[T] | None
    late: tuple[Ready[T], ...] = ()


class Pacer(Generic[T]):
    """Decides at every display tick what is due. Threads: one. Realtime: yes.

    Args:
        display_period_ns: Time between display ticks; may be set again when it is measured.
        mode: PACED or LOCK.
    """

    QUANTILE = 0.95
    WINDOW_NS = 10 * SECOND
    MARGIN_NS = MS
    LONGEST_NS = 400 * MS
    SLEW_DOWN = 0.020
    SLEW_UP = 0.100
    EARLY = 0.4

    def __init__(self, display_period_ns: int, mode: Mode = Mode.PACED) -> None:
        self.display_period_ns = display_period_ns
        self.mode = mode
        self.frames_late = 0
        self._pending: list[Ready[T]] = []
        self._waits = SlidingQuantile(2048, self.WINDOW_NS)
        self._delay_ns: float | None = None
        self._slewed_ns: int | None = None
        self._shown_seq = -1
        self._last_v_ns: int | None = None
        self._last_capture_ns = 0

    @property
    def delay_ns(self) -> int:
        """D, how far behind the camera the wall is; 0 before the first frame."""
        return round(self._delay_ns or 0)

    @property
    def pending(self) -> int:
        """How many finished frames wait to be shown."""
        return len(self._pending)

    def add(self, ready: Ready[T]) -> bool:
        """Take a finished frame; False when a newer one was already shown, and its slot is free."""
        self._waits.add(ready.t_ready_ns - ready.t_capture_ns, ready.t_ready_ns)
        if self._delay_ns is None:
            self._delay_ns = float(self._wanted_delay_ns())
        if ready.seq <= self._shown_seq:
            self.frames_late += 1
            return False
        at = len(self._pending)
        while at and self._pending[at - 1].seq > ready.seq:
            at -= 1
        self._pending.insert(at, ready)
        return True

    def on_vsync(self, v_ns: int) -> Tick[T]:
        """Return what to show at the display tick `v_ns`, and what never will be."""
        self._slew(v_ns)
        due = 0
        for count, ready in enumerate(self._pending, 1):
            if self._is_due(ready, v_ns):
                due = count
        if not due:
            return Tick(None)
        *late, newest = self._pending[:due]
        del self._pending[:due]
        self.frames_late += len(late)
        self._shown_seq, self._last_v_ns, self._last_capture_ns = newest.seq, v_ns, newest.t_capture_ns
        return Tick(newest, tuple(late))

    def set_mode(self, mode: Mode) -> None:
        """Note the mode, for reports: every frame is shown by the rule it was made for, so a change breaks nothing."""
        self.mode = mode

    def reset(self) -> tuple[Ready[T], ...]:
        """Forget frames and numbers, keep the delay: the engine was started again. Returns what was pending."""
        pending, self._pending = tuple(self._pending), []
        self._shown_seq = -1
        return pending

    def _is_due(self, ready: Ready[T], v_ns: int) -> bool:
        if ready.target_ns:
            # Stamps of display ticks jitter; half a tick tells them apart.
            return ready.target_ns <= v_ns + self.display_period_ns // 2
        early_ns = ready.t_capture_ns + self.delay_ns - v_ns
        return early_ns <= 0 or (early_ns <= self.EARLY * self.display_period_ns and self._in_step(ready, v_ns))

    def _in_step(self, ready: Ready[T], v_ns: int) -> bool:
        """Whether this tick brings the display interval nearer to the capture interval than the next would."""
        if self._last_v_ns is None:
            return False
        error_ns = (v_ns - self._last_v_ns) - (ready.t_capture_ns - self._last_capture_ns)
        return -self.display_period_ns < 2 * error_ns

    def _slew(self, v_ns: int) -> None:
        """Move D towards what it should be, slowly: D moving is the picture running at another speed."""
        self._waits.expire(v_ns)
        elapsed_ns = 0 if self._slewed_ns is None else max(0, v_ns - self._slewed_ns)
        self._slewed_ns = v_ns
        if self._delay_ns is None or not len(self._waits):
            return
        wanted_ns = self._wanted_delay_ns()
        lowest, highest = self._delay_ns - self.SLEW_DOWN * elapsed_ns, self._delay_ns + self.SLEW_UP * elapsed_ns
        self._delay_ns = min(max(wanted_ns, lowest), highest)

    def _wanted_delay_ns(self) -> int:
        q95_ns = self._waits.at(self.QUANTILE) or 0
        return min(max(q95_ns + self.MARGIN_NS, 0), self.LONGEST_NS)
