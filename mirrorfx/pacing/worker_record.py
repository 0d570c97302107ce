"""One worker as the scheduler knows it: its frames, how long it takes, and from when on it may have the next.

A worker that overlaps frames is given the next one shortly before it should be done with the one it has, so that its
device goes over from one to the next without a pause; only then is the frame chosen (late latch), so it is as new as
one for an idle worker. Measured on the virtual clock with 2 ms of transport a frame and 2 × 72 ms (ideal: 27.78 new
frames a second): given when done 27.0 at a mean latency of 99.1 ms; 2 ms ahead 27.7 at 98.7; 4 ms ahead 27.8 at 101.0;
as far ahead as the workers' own reports of coming late ask for, within 1 and 6 ms, 27.75 at 99.4. Ahead of what? Of the
median service time; where the times vary widely, of their p90 less 3 ms, for a frame that is sent too soon grows old at
the worker, and the delay on the wall follows the oldest (five workers of 120–220 ms: by the mean 27.5 new frames a
second at 249 ms, by the p90 27.0 at 233, next to what they do without overlapping).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from mirrorfx.clock import MS, SECOND
from mirrorfx.pacing.quantiles import SlidingQuantile

if TYPE_CHECKING:
    from mirrorfx.pacing.flight import Flight

__all__ = ["WorkerRecord"]


@dataclass(slots=True)
class WorkerRecord:
    """What is known of one worker.

    Attributes:
        service_ns: what it takes from dispatch, or from the frame before when that was later, to done, smoothed.
        p95_ns: the 95th percentile of that.
        generation: which life it is in.
        frames: how many it has finished.
        ready: whether it may be given frames.
        overlaps: whether it takes its next frame while it paints one.
        patience_ns: how long a frame may take at least before the worker counts as hanging.
        flights: the frame that it paints, and the one that waits for that.
        t_done_ns: when it finished the last one.
        wait_ns: how much longer than `p95_ns` a frame stays with it, since it waits there for its turn.
        lead_ns: how long before it should be done its next frame leaves, if it overlaps.
    """

    SMOOTHING: ClassVar[float] = 0.05
    ENOUGH: ClassVar[int] = 5
    LEAD_NS: ClassVar[int] = 5 * MS // 2
    """How long before a worker that overlaps should be done its next frame leaves, at first."""
    LEADS_NS: ClassVar[tuple[int, int]] = (MS, 6 * MS)
    """Between which bounds that is then fitted to the machine: transport and upload take what they take."""
    LEAD_STEP_NS: ClassVar[int] = MS // 5
    TIMELY_NS: ClassVar[int] = MS // 2
    """How long a frame should be there before the one before it is done, whose way back begins a little sooner."""
    TARDY_SHARE: ClassVar[float] = 0.3
    """How many may come later than that: a few do for any lead, and a longer one would make all of them older."""
    EARLINESS_NS: ClassVar[int] = 3 * MS
    """How much sooner than its p90 a frame may be expected; workers that vary by more take the next one when done."""

    service_ns: float
    p95_ns: int
    generation: int = 0
    frames: int = 0
    ready: bool = False
    overlaps: bool = False
    patience_ns: int = SECOND
    flights: list[Flight] = field(default_factory=list)
    t_done_ns: int = 0
    wait_ns: int = 0
    lead_ns: float = LEAD_NS
    _recent: SlidingQuantile = field(default_factory=lambda: SlidingQuantile(128), init=False)
    _passages: SlidingQuantile = field(default_factory=lambda: SlidingQuantile(128), init=False)

    @property
    def measured(self) -> bool:
        """Whether it has finished enough frames to be reckoned with."""
        return self.frames >= self.ENOUGH

    def open_ns(self) -> int | None:
        """From when on it may have a frame, 0 while it is idle; None while only its being done can help."""
        if not self.flights:
            return 0
        if not self.overlaps or len(self.flights) > 1 or self.frames < self.ENOUGH:
            return None
        median_ns, p90_ns = self._recent.at(0.5) or 0, self._recent.at(0.9) or 0
        return self._since_ns + max(median_ns, p90_ns - self.EARLINESS_NS) - round(self.lead_ns)

    def deadline_ns(self) -> int | None:
        """When it counts as hanging; None while it has nothing to do."""
        return self._since_ns + max(self.patience_ns, 5 * self.p95_ns) if self.flights else None

    def done(self, generation: int, seq: int, now_ns: int, early_ns: int) -> Flight | None:
        """Take note of a result; return its flight, or None when it is stale. See `Scheduler.done`."""
        if not self.flights:
            return None
        flight, since_ns = self.flights[0], self._since_ns
        if (flight.generation, flight.seq) != (generation, seq):
            return None
        del self.flights[0]
        if flight.t_dispatch_ns <= self.t_done_ns:
            self._adapt_lead(early_ns)
        self.t_done_ns = now_ns
        self._learn(now_ns - since_ns, now_ns - flight.t_dispatch_ns)
        return flight

    def lost(self) -> tuple[Flight, ...]:
        """Begin another life, which is not ready yet; return the frames that the last one had."""
        flights = tuple(self.flights)
        self.flights.clear()
        self.generation += 1
        self.ready = False
        return flights

    @property
    def _since_ns(self) -> int:
        """Since when it has been busy with its first flight: a frame that waits at the worker takes nothing yet."""
        return max(self.flights[0].t_dispatch_ns, self.t_done_ns)

    def _adapt_lead(self, early_ns: int) -> None:
        """Move the lead in small steps to where as many frames are tardy as may be (Robbins and Monro, 1951)."""
        tardy = early_ns < self.TIMELY_NS
        self.lead_ns += self.LEAD_STEP_NS * (tardy - self.TARDY_SHARE)
        self.lead_ns = min(max(self.lead_ns, self.LEADS_NS[0]), self.LEADS_NS[1])

    def _learn(self, took_ns: int, passage_ns: int) -> None:
        self.frames += 1
        self._recent.add(took_ns)
        self._passages.add(passage_ns)
        if self.frames > self.ENOUGH:
            took_ns = min(took_ns, self.p95_ns * 3 // 2)
        self.service_ns += (took_ns - self.service_ns) * max(self.SMOOTHING, 1 / self.frames)
        self.p95_ns = self._recent.at(0.95) or took_ns
        self.wait_ns = (self._passages.at(0.95) or passage_ns) - self.p95_ns
