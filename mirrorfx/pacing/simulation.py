"""A whole mirror on a virtual clock: the real mailbox, scheduler, pacer and statistics between simulated ends.

What is simulated, and how:

- camera: a fixed rate whose clock is up to 100 ppm off, each frame up to 0.5 ms early or late (both uniform), stamped
  with the time at which it is handed over;
- transport: 0.5 to 1.5 ms (uniform) from dispatch to the worker and the same from the worker to the wall, 2 ms in the
  mean, twice the median that real processes with shared memory showed;
- workers: a service time drawn for every frame from the pool's distribution; some die, hang or are slow; one that
  overlaps begins with a frame that is there as soon as its device is free, while the one before is on its way back;
- display: ticks at a fixed rate, free of jitter, with any phase to the camera;
- the first two seconds, in which service times and delay are learnt, are not counted.

Every random number comes from one seeded generator and events of the same time keep their order, so a run gives the
same figures on every machine and every time.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from mirrorfx.clock import MS, SECOND
from mirrorfx.pacing.baselines import (
    AtOncePacer,
    FifoInbox,
    InOrderPacer,
    SmoothingPacer,
    StrictTurnScheduler,
    UngatedScheduler,
)
from mirrorfx.pacing.chooser import Mode, ModeChooser
from mirrorfx.pacing.mailbox import Mailbox
from mirrorfx.pacing.pacer import Pacer, Ready, Tick
from mirrorfx.pacing.scheduler import Flight, Scheduler
from mirrorfx.pacing.statistics import DisplayStatistics
from mirrorfx.pacing.supervision import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.pacing.scenarios import Fault, Scenario

__all__ = ["Contender", "Simulation", "mean_figures", "simulate"]

SETTLE_NS = 2 * SECOND


class Contender(StrEnum):
    """A way to run the mirror: MirrorFX's modes, and what others do."""

    FIFO = "fifo"
    STRICT = "strict"
    NEWEST = "newest"
    PACED = "paced"
    LOCK = "lock"
    AUTO = "auto"


class _Inbox(Protocol):
    @property
    def full(self) -> bool: ...
    def peek(self) -> int | None: ...
    def put(self, item: int) -> int | None: ...
    def take(self) -> int | None: ...


class _Pacer(Protocol):
    @property
    def delay_ns(self) -> int: ...
    def add(self, ready: Ready[None]) -> bool: ...
    def on_vsync(self, v_ns: int) -> Tick[None]: ...


def _assemble(contender: Contender, display_ns: int) -> tuple[_Inbox, Scheduler, _Pacer]:
    match contender:
        case Contender.FIFO:
            return FifoInbox(), UngatedScheduler(), SmoothingPacer()
        case Contender.STRICT:
            return Mailbox(), StrictTurnScheduler(), InOrderPacer()
        case Contender.NEWEST:
            return Mailbox(), UngatedScheduler(), AtOncePacer()
        case Contender.LOCK:
            return Mailbox(), Scheduler(mode=Mode.LOCK), Pacer(display_ns, Mode.LOCK)
        case _:
            return Mailbox(), Scheduler(), Pacer(display_ns)


@dataclass(slots=True)
class _Counts:
    captured: int = 0
    worker_lost: int = 0
    stale: int = 0


class Simulation:
    """One scenario under one contender with one seed.

    Args:
        scenario: The camera, the display, the workers and their faults.
        contender: How frames are scheduled and paced.
        seed: Of everything random.
    """

    def __init__(self, scenario: Scenario, contender: Contender, seed: int) -> None:
        self.scenario = scenario
        self.contender = contender
        self.now_ns = 0
        self.statistics = DisplayStatistics()
        self.dispatched_to: list[int] = []
        self._random = random.Random(f"{scenario.name}/{seed}")
        self._display_ns = round(SECOND / scenario.display_hz)
        self._camera_ns = SECOND / scenario.camera_fps * (1 + self._random.uniform(-1e-4, 1e-4))
        self._camera_phase_ns = self._random.uniform(0, self._camera_ns)
        self.inbox, self.scheduler, self.pacer = _assemble(contender, self._display_ns)
        self._chooser = ModeChooser() if contender is Contender.AUTO else None
        self._counts = _Counts()
        self._events: list[tuple[int, int, Callable[[Any], None], Any]] = []
        self._order = 0
        self._poll_at_ns: int | None = None
        self._frames = self._ticks = 0
        self._hanging: set[int] = set()
        self._device_free_ns = [0] * len(scenario.workers)
        self._finished_ns = [0] * len(scenario.workers)
        self._backoffs = [Backoff() for _ in scenario.workers]

    def run(self, seconds: float) -> dict[str, Any]:
        """Let two seconds pass to settle, then `seconds` that count; return figures named as in the report."""
        for worker in range(len(self.scenario.workers)):
            self.scheduler.add(worker, 0, overlaps=self.scenario.overlaps)
        self._after(round(self._camera_phase_ns), self._capture)
        self._after(self._random.randrange(self._display_ns), self._tick)
        for fault in self.scenario.faults:
            self._after(round(fault.first_s * SECOND), self._fault, fault)
        self._after(SETTLE_NS, self._settled)
        end_ns = SETTLE_NS + round(seconds * SECOND)
        while self._events[0][0] <= end_ns:
            self.now_ns, _, happen, argument = heapq.heappop(self._events)
            happen(argument)
        return self._figures(seconds)

    def _settled(self, _: None) -> None:
        self.statistics = DisplayStatistics()

    def _after(self, delay_ns: int, happen: Callable[[Any], None], argument: Any = None) -> None:
        self._order += 1
        heapq.heappush(self._events, (self.now_ns + delay_ns, self._order, happen, argument))

    # What happens

    def _capture(self, _: None) -> None:
        self._counts.captured += 1
        self._frames += 1
        self.inbox.put(self.now_ns)
        due_ns = self._camera_phase_ns + self._frames * self._camera_ns
        self._after(round(due_ns + self._random.uniform(-0.5, 0.5) * MS) - self.now_ns, self._capture)
        self._dispatch()

    def _dispatch(self) -> None:
        newest = self.inbox.peek()
        while newest is not None and (flight := self.scheduler.poll(self.now_ns, newest)):
            self.inbox.take()
            self.dispatched_to.append(flight.worker)
            if flight.worker not in self._hanging:
                passage_ns, early_ns = self._passage_ns(flight.worker)
                self._after(passage_ns, self._done, (flight, early_ns))
            self._after(self.scheduler.DEADLINE_NS, self._watch)
            newest = self.inbox.peek()
        if newest is not None:
            self._wake_at(self.scheduler.next_poll_ns(self.now_ns))

    def _passage_ns(self, worker: int) -> tuple[int, int]:
        """How long a frame takes from dispatch to done, and how early it was there for the worker's next turn."""
        there_ms, back_ms = self._random.uniform(0.5, 1.5), self._random.uniform(0.5, 1.5)
        takes_ms = self.scenario.workers[worker].draw_ms(self._random)
        if not self.scenario.overlaps:
            return round((there_ms + back_ms + takes_ms) * MS), 0
        there_ns = self.now_ns + round(there_ms * MS)
        end_ns = max(there_ns, self._device_free_ns[worker]) + round(takes_ms * MS)
        early_ns = self._finished_ns[worker] - there_ns
        self._device_free_ns[worker], self._finished_ns[worker] = end_ns, end_ns + round(back_ms * MS / 2)
        return end_ns + round(back_ms * MS) - self.now_ns, early_ns

    def _wake_at(self, time_ns: int | None) -> None:
        if time_ns is None or (self._poll_at_ns is not None and self.now_ns < self._poll_at_ns <= time_ns):
            return
        self._poll_at_ns = time_ns
        self._after(max(time_ns - self.now_ns, 1), self._wake)

    def _wake(self, _: None) -> None:
        self._dispatch()

    def _done(self, result: tuple[Flight, int]) -> None:
        flight, early_ns = result
        landed = self.scheduler.done(flight.worker, flight.generation, flight.seq, self.now_ns, early_ns)
        if landed is None:
            self._counts.stale += 1
        else:
            ready = Ready(None, landed.seq, landed.t_capture_ns, landed.target_ns, self.now_ns)
            if not self.pacer.add(ready):
                self.statistics.late()
            if self.scheduler.flight(landed.worker):
                self._after(self.scheduler.DEADLINE_NS, self._watch)
        self._dispatch()

    def _tick(self, _: None) -> None:
        tick = self.pacer.on_vsync(self.now_ns)
        self.statistics.late(len(tick.late))
        if tick.show is None:
            self.statistics.repeated(self.now_ns)
        else:
            self.statistics.shown(tick.show.t_capture_ns, self.now_ns)
        self._ticks += 1
        if self._ticks % 12 == 1:
            self._report_display()
        self._after(self._display_ns, self._tick)

    def _report_display(self) -> None:
        self.scheduler.vsync(self.now_ns, self._display_ns)
        if self._chooser is not None:
            self.scheduler.set_mode(self._chooser.choose(self.now_ns, self.scheduler.rhythm()))

    # Faults

    def _fault(self, fault: Fault) -> None:
        if fault.back_after_s is None:
            self._hanging.add(fault.worker)
        else:
            self._lose(fault.worker)
            self._after(round(fault.back_after_s * SECOND), self._back, fault.worker)
        self._after(round(fault.every_s * SECOND), self._fault, fault)

    def _watch(self, _: None) -> None:
        """Kill what hangs, and start it again."""
        for worker in self.scheduler.overdue(self.now_ns):
            self._hanging.discard(worker)
            self._lose(worker)
            again_ns = self._backoffs[worker].failed(self.now_ns) + round(self.scenario.start_s * SECOND)
            self._after(again_ns - self.now_ns, self._back, worker)

    def _lose(self, worker: int) -> None:
        self._counts.worker_lost += len(self.scheduler.lost(worker, self.now_ns))
        self._device_free_ns[worker] = 0
        self._dispatch()

    def _back(self, worker: int) -> None:
        self._backoffs[worker].succeeded(self.now_ns)
        self.scheduler.add(worker, self.now_ns, overlaps=self.scenario.overlaps)
        self._dispatch()

    def _figures(self, seconds: float) -> dict[str, Any]:
        statistics = self.statistics
        display = statistics.as_dict()
        return {
            **display,
            "freezes_per_min": round(display["freezes"] * 60 / seconds, 3),
            "delay_ms": round(self.pacer.delay_ns / MS, 3),
            "mode": str(self.scheduler.mode),
            "frames": {
                "captured": self._counts.captured,
                "dispatched": self.scheduler.next_seq,
                "shown": statistics.frames_shown,
                "repeated": statistics.frames_repeated,
                "late": statistics.frames_late,
                "worker_lost": self._counts.worker_lost,
            },
        }


def simulate(scenario: Scenario, contender: Contender, seed: int, seconds: float) -> dict[str, Any]:
    """Run one simulation and return its figures."""
    return Simulation(scenario, contender, seed).run(seconds)


def mean_figures(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean of each figure over runs that differ in their seed; of a maximum the greatest."""
    mean: dict[str, Any] = {}
    for name, first in runs[0].items():
        values = [run[name] for run in runs]
        if isinstance(first, dict):
            mean[name] = mean_figures(values)
        elif isinstance(first, str):
            mean[name] = "/".join(sorted(set(values)))
        else:
            mean[name] = max(values) if name == "max" else round(sum(values) / len(values), 3)
    return mean
