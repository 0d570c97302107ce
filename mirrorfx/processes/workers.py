"""The engine's pool of workers: who is ready, who paints what, who has died, and what they have prepared."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND
from mirrorfx.pacing.statistics import ServiceStatistics
from mirrorfx.processes import niceness
from mirrorfx.processes.messages import (
    Dispatch,
    Done,
    ParamsAre,
    Prepare,
    Prepared,
    Preview,
    Progress,
    Ready,
    Say,
    Swap,
)
from mirrorfx.processes.spawn import spawn
from mirrorfx.processes.stations import Station, StationState
from mirrorfx.processes.worker import worker_main

if TYPE_CHECKING:
    from mirrorfx.pacing.scheduler import Flight
    from mirrorfx.params import ParamState
    from mirrorfx.processes.channel import Poller
    from mirrorfx.processes.settings import WorkerSetup
    from mirrorfx.processes.spawn import Child

__all__ = ["Job", "Worker"]

_START_SILENCE_NS = 180 * SECOND


@dataclass(frozen=True, slots=True)
class Job:
    """A frame in a worker's hands."""

    flight: Flight
    frame_slot: int
    result_slot: int
    index: int
    revision: int
    look: int = 0


class Worker:
    """One worker's station, with what the engine knows of it."""

    def __init__(self, number: int, setup: WorkerSetup, poller: Poller, name: str = "") -> None:
        self.number = number
        self.setup = setup
        self.station = Station(name or f"worker-{number}", self._spawn, poller)
        self.overlaps = False
        self.jobs: list[Job] = []
        self.statistics = ServiceStatistics()
        self.progress = ("", 0.0)
        self.details: dict[str, Any] = {}
        self._revision = -1
        self._heard_ns = 0
        self._t_done_ns = 0

    @property
    def name(self) -> str:
        """``worker-0``, or what it was named."""
        return self.station.name

    @property
    def ready(self) -> bool:
        """Whether it can paint."""
        return self.station.state is StationState.READY

    @property
    def effect(self) -> str:
        """The effect that it paints with."""
        return self.setup.effect

    def use_effect(self, name: str) -> None:
        """Paint with another effect from the next start on."""
        self.setup = replace(self.setup, effect=name)

    def _spawn(self) -> Child:
        self._revision = -1
        self.progress = ("starting", 0.0)
        return spawn(self.name, worker_main, self.setup, niceness=niceness.WORKER, blas_threads=None)

    def start(self, now_ns: int, state: ParamState) -> None:
        """Start its process and tell it the params."""
        self.station.start(now_ns)
        self._heard_ns = now_ns
        self.tell(state)

    def restart_if_due(self, now_ns: int, state: ParamState) -> bool:
        """Start it again when its pause is over; say whether it was started."""
        if not self.station.restart_if_due(now_ns):
            return False
        self._heard_ns = now_ns
        self.tell(state)
        return True

    def tell(self, state: ParamState) -> None:
        """Make sure that it knows this revision of the params."""
        if state.revision != self._revision:
            self.station.send(ParamsAre(state.revision, state.to_json()))
            self._revision = state.revision

    def dispatch(self, job: Job, state: ParamState) -> None:
        """Give it a frame. Realtime: yes."""
        self.tell(state)
        self.jobs.append(job)
        flight = job.flight
        self.station.send(
            Dispatch(
                job.frame_slot,
                job.result_slot,
                flight.generation,
                flight.seq,
                job.index,
                flight.t_capture_ns,
                state.revision,
            )
        )

    def prepare(self, ticket: int, state: ParamState) -> None:
        """Have it prepare params that are to be committed soon."""
        self.station.send(Prepare(ticket, state.to_json()))

    def preview(self, ticket: int, state: ParamState) -> None:
        """Have it prepare params that it is then to paint aside."""
        self.station.send(Preview(ticket, state.to_json()))

    def swap(self, ticket: int, state: ParamState) -> None:
        """Have it change its networks to those of `state` and prepare it; it must be out of the pool."""
        self.progress = ("changing its networks", 0.0)
        self.station.send(Swap(ticket, state.to_json()))

    def done(self, message: Done, now_ns: int) -> Job | None:
        """Take back the frame that it has painted, and count; of two it paints the one first that it got first."""
        if not self.jobs:
            return None
        job = self.jobs.pop(0)
        service_ns = message.t_end_ns - message.t_start_ns
        busy_ns = now_ns - max(job.flight.t_dispatch_ns, self._t_done_ns)
        self._t_done_ns = now_ns
        self.statistics.add(service_ns, max(busy_ns - service_ns, 0))
        return job

    def drop_jobs(self) -> int:
        """Forget the frames in its hands, and return how many of the program's there were."""
        dropped = sum(not job.flight.aside for job in self.jobs)
        self.jobs.clear()
        return dropped

    def listen(self, now_ns: int) -> list[Done | Prepared | Ready | Say]:
        """Return what concerns the engine; keep the rest."""
        news: list[Done | Prepared | Ready | Say] = []
        for message in self.station.receive():
            self._heard_ns = now_ns
            match message:
                case Progress(share, text):
                    self.progress = (text.decode(), share)
                case Ready(text):
                    said = json.loads(text)
                    self.details, self.overlaps = said["details"], said["overlaps"]
                    self.progress = ("", 1.0)
                    self.station.ready(now_ns)
                    news.append(message)
                case Prepared():
                    self.progress = ("", 1.0)
                    news.append(message)
                case Done() | Say():
                    news.append(message)
        return news

    def silent_start(self, now_ns: int) -> bool:
        """Say whether it has been starting without a sign of life for too long."""
        return self.station.state is StationState.STARTING and now_ns - self._heard_ns > _START_SILENCE_NS

    def figures(self) -> dict[str, Any]:
        """Return the worker's part of the report."""
        return {
            "name": self.name,
            "number": self.number,
            "device": self.setup.device,
            "effect": self.effect,
            "state": str(self.station.state),
            "reason": self.station.reason,
            "progress": {"what": self.progress[0], "share": self.progress[1]},
            "restarts": self.station.restarts,
            "last_lost_ns": self.station.t_lost_ns,
            "details": self.details,
            **self.statistics.as_dict(),
        }
