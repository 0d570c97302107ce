"""A beat for the wall: one call at every display tick, without drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, Qt, QTimer

from mirrorfx.clock import MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.clock import Clock

__all__ = ["Ticker"]


class Ticker(QObject):
    """Calls `on_tick` with the time of each tick, one `period_ns` after the other.

    A repeating `QTimer` counts whole milliseconds: at 16 it beats 62.5 times a second, not 60. This one computes every
    deadline from the one before, lets the timer run to the millisecond before it, and sleeps through the rest.
    After a gap of more than a period (the machine slept) it goes on from now; missed ticks are gone.

    Threads: the one that made it.
    """

    def __init__(self, clock: Clock, on_tick: Callable[[int], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.period_ns = 0
        self._clock = clock
        self._on_tick = on_tick
        self._v_ns = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._fire)

    def start(self, period_ns: int) -> None:
        """Begin to tick, or go on with another period."""
        self.period_ns = period_ns
        if not self._timer.isActive():
            self._v_ns = self._clock.now_ns() + period_ns
            self._arm()

    def stop(self) -> None:
        """Tick no more."""
        self._timer.stop()

    def _arm(self) -> None:
        left_ns = self._v_ns - self._clock.now_ns()
        self._timer.start(max(left_ns // MS, 0))

    def _fire(self) -> None:
        self._clock.sleep_until_ns(self._v_ns)
        now_ns = self._clock.now_ns()
        if now_ns - self._v_ns > self.period_ns:
            self._v_ns = now_ns
        v_ns, self._v_ns = self._v_ns, self._v_ns + self.period_ns
        self._arm()
        self._on_tick(v_ns)
