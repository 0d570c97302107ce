"""What the workers can do together: the pool's beat, and how long its frames take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirrorfx.clock import MS
from mirrorfx.pacing.worker_record import WorkerRecord

if TYPE_CHECKING:
    from mirrorfx.pacing.flight import Flight

__all__ = ["Pool"]


class Pool:
    """Keeps a record of each worker, and estimates that follow from those of the ready ones.

    Threads: one. Realtime: yes.

    Args:
        expected_service_ns: what a worker takes, until it has been measured.

    Attributes:
        records: of all workers that are expected, ready or not, by number.
        ready: the numbers of the workers that are ready, in order.
        period_ns: T, the time between frames when every ready worker is always busy; 0 when none is ready.
        measured: whether every ready worker has finished enough frames to be reckoned with.
        unequal: whether the slowest takes 1.25 times what the fastest takes; equal again below 1.10.
        incomplete: whether a worker is expected that is not ready.
    """

    KNOWN = 20
    """How many frames of each worker it takes to call them unequal: the first are slow, and who is passed over for good
    never shows that it is not."""
    UNEQUAL = 1.25
    EQUAL = 1.10
    MARGIN_NS = 2 * MS

    def __init__(self, expected_service_ns: int) -> None:
        self.records: dict[int, WorkerRecord] = {}
        self.ready: tuple[int, ...] = ()
        self.period_ns = 0
        self.measured = False
        self.unequal = False
        self.incomplete = False
        self._expected_ns = expected_service_ns
        self._longest_ns = 0

    @property
    def longest_ns(self) -> int:
        """S, within which the ready workers finish 95 % of their frames, and 2 ms to spare."""
        return self._longest_ns or self._expected_ns + self.MARGIN_NS

    @property
    def wait_ns(self) -> int:
        """How long frames wait at a worker for their turn, where that is longest."""
        return max((self.records[w].wait_ns for w in self.ready), default=0)

    def service_ns(self, worker: int) -> float:
        """Return what `worker` takes for a frame, smoothed, or is expected to take."""
        return self.records[worker].service_ns if worker in self.records else self._expected_ns

    def share_ns(self, worker: int) -> float:
        """T; in an unequal pool less for the fast: holding back a fast worker costs more frames than a slow one."""
        if not self.unequal:
            return self.period_ns
        return min(self.period_ns, self.records[worker].service_ns / len(self.ready))

    def variation(self) -> float:
        """By how much the p95 of a service time exceeds its mean, averaged over the ready workers."""
        excess = sum(self.records[w].p95_ns / max(self.records[w].service_ns, 1.0) - 1 for w in self.ready)
        return max(0.0, excess / len(self.ready))

    def add(self, worker: int, *, overlaps: bool, patience_ns: int) -> None:
        """Take `worker` in: it is ready, for the first time or again."""
        known = self.records.get(worker)
        if known is None:
            known = self.records[worker] = WorkerRecord(float(self._expected_ns), self._expected_ns)
        if not known.ready:
            known.ready, known.overlaps, known.patience_ns = True, overlaps, patience_ns
            self._changed()

    def lost(self, worker: int) -> tuple[Flight, ...]:
        """Take `worker` out, and begin another life of it. Return its frames, which are gone."""
        if worker not in self.records:
            return ()
        flights = self.records[worker].lost()
        self._changed()
        return flights

    def leave(self, worker: int) -> None:
        """Take `worker` out; it keeps its frames."""
        known = self.records.get(worker)
        if known is not None and known.ready:
            known.ready = False
            self._changed()

    def forget(self, worker: int) -> None:
        """Stop expecting `worker` back."""
        if self.records.pop(worker, None) is not None:
            self._changed()

    def done(self, worker: int, generation: int, seq: int, now_ns: int, early_ns: int) -> Flight | None:
        """Take note of a result; return its flight, or None when it is stale. See `Scheduler.done`."""
        known = self.records.get(worker)
        flight = known.done(generation, seq, now_ns, early_ns) if known else None
        if flight is not None:
            self._measure()
        return flight

    def _changed(self) -> None:
        self.ready = tuple(sorted(w for w, known in self.records.items() if known.ready))
        self.incomplete = len(self.ready) < len(self.records)
        self._measure()

    def _measure(self) -> None:
        if not self.ready:
            self.period_ns = 0
            return
        self._assume_alike()
        there = [self.records[w] for w in self.ready]
        self.period_ns = round(1 / sum(1 / max(known.service_ns, 1.0) for known in there))
        p95s = [known.p95_ns for known in there]
        # Equal workers differ by chance only, and the greatest of five estimates is too great.
        self._longest_ns = self.MARGIN_NS + (max(p95s) if self.unequal else sum(p95s) // len(p95s))
        self.measured = all(known.measured for known in there)
        self.unequal = self._are_unequal(there)

    def _are_unequal(self, there: list[WorkerRecord]) -> bool:
        if any(known.frames < self.KNOWN for known in there):
            return False
        services = [known.service_ns for known in there]
        return max(services) > (self.EQUAL if self.unequal else self.UNEQUAL) * min(services)

    def _assume_alike(self) -> None:
        """Take a worker that has not finished a frame for as fast as those that have; else it might never get one."""
        measured = [known for w in self.ready if (known := self.records[w]).frames]
        if not measured or len(measured) == len(self.ready):
            return
        service_ns = sum(known.service_ns for known in measured) / len(measured)
        for w in self.ready:
            if not self.records[w].frames:
                self.records[w].service_ns = service_ns
                self.records[w].p95_ns = max(known.p95_ns for known in measured)
