"""The engine's workers: who is there, who paints, who changes its networks, who carries while nobody else can."""

from __future__ import annotations

import logging
import os
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND
from mirrorfx.effects import param_registry
from mirrorfx.processes.carrier import CARRIER, Situation, Step, carrier_threads, carrying_effect, next_step
from mirrorfx.processes.settings import WorkerSetup
from mirrorfx.processes.stations import StationState
from mirrorfx.processes.swap import Swaps
from mirrorfx.processes.switching import Switching
from mirrorfx.processes.workers import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx.effects.base import EffectContext
    from mirrorfx.params import ParamRegistry
    from mirrorfx.processes.engine import Engine

__all__ = ["Crew"]

_log = logging.getLogger(__name__)
_CARRIER_PATIENCE_NS = 6 * SECOND
"""How long its frame may take: it shares the CPU with the loading of what it carries."""


class Crew:
    """Starts and minds the workers, and keeps the scheduler's pool to those that paint one and the same look.

    A look is an effect with its networks. `settle` decides after each event who may paint: wanted workers that have
    what is in force, else the carrier, else nobody.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        settings = engine.settings
        self.effect = settings.effect
        self.carrying = ""
        self.painters: list[Worker] = []
        """The wanted workers that paint, or the carrier alone."""
        self.look = 0
        self.workers = [Worker(number, self._setup(number), engine.poller) for number in range(settings.workers)]
        self.carrier = Worker(settings.workers, self._carrier_setup(), engine.poller, CARRIER)
        self.everybody = (*self.workers, self.carrier)
        """All workers in the order of their numbers, the carrier last."""
        self.swaps = Swaps(engine.editor)
        self.switching = Switching(self)
        self._changed = True
        self.problem = ""
        """Why the wanted effect can't run, as long as it can't."""
        self._find_carrier(self.effect)

    # Who is there

    @property
    def carried_by(self) -> str | None:
        """What paints in place of the wanted effect, if anything does."""
        return self.carrier.effect if self.painters == [self.carrier] else None

    @property
    def complete(self) -> bool:
        """Whether all wanted workers paint."""
        return len(self.painters) == len(self.workers) and self.carrier not in self.painters

    @property
    def holds(self) -> bool:
        """Whether nobody paints only because a worker changes its networks: the picture is to stay."""
        return not self.painters and any(worker.ready and worker.effect == self.effect for worker in self.workers)

    def named(self, name: str) -> Worker:
        """Return the worker of that station."""
        return next(worker for worker in self.everybody if worker.name == name)

    def figures(self) -> list[dict[str, Any]]:
        """Return the workers' part of the report; the carrier's only while it is there."""
        there = [worker for worker in self.everybody if worker is not self.carrier or self._carrier_runs]
        return [worker.figures() for worker in there]

    def processes(self) -> dict[str, tuple[str, int]]:
        """Return the device and the process id of all that run, by name."""
        running = [(worker, worker.station.child) for worker in self.everybody]
        return {worker.name: (worker.setup.device, child.pid) for worker, child in running if child}

    def notice(self, text: str, level: str = "info") -> None:
        """Log something and tell the desk."""
        self._engine.notice(text, level)

    # Starting, losing, minding

    def start(self, now_ns: int) -> None:
        """Start all wanted workers."""
        for worker in self.workers:
            worker.start(now_ns, self._engine.editor.state)
            self.swaps.started(worker)
        self.settle(now_ns)

    def ready(self) -> None:
        """Note that a worker is ready."""
        self._changed = True

    def restart_with(self, worker: Worker, effect: str) -> None:
        """End a worker's process and start another that paints with `effect`."""
        now_ns = self._engine.clock.now_ns()
        self._dismiss(worker, now_ns)
        worker.use_effect(effect)
        worker.start(now_ns, self._engine.editor.state)
        self.swaps.started(worker)

    def lost(self, worker: Worker, now_ns: int, reason: str = "") -> None:
        """Clear away a worker whose process has ended, or must end: it is killed."""
        station, engine = worker.station, self._engine
        if station.child is None:
            return
        retired = station.state is StationState.OFF
        engine.scheduler.lost(worker.number, now_ns)
        dropped = worker.drop_jobs()
        if retired:
            engine.counts.worker_retired += dropped
            station.end()
        else:
            engine.counts.worker_lost += dropped
            station.lost(now_ns, reason)
            self._say_lost(worker, now_ns)
        engine.free(worker.name)
        self.swaps.lost(worker.number)
        complaint = engine.editor.forget_worker(worker.number, now_ns)
        if complaint:
            self.notice(f"The edit was not taken: {complaint}.", "error")
        if worker is self.carrier:
            engine.scheduler.forget(worker.number)
            self.switching.carrier_is_there()
        self._changed = True
        self.switching.worker_lost(worker)

    def mind(self, now_ns: int) -> None:
        """End those that hang, start those whose pause is over."""
        engine = self._engine
        for worker in self.everybody:
            if worker.silent_start(now_ns):
                self.lost(worker, now_ns, "no sign of life while starting")
            if worker.restart_if_due(now_ns, engine.editor.state):
                self.swaps.started(worker)
        for number in self.swaps.overdue(now_ns):
            self.lost(self.everybody[number], now_ns, "it did not change its networks in time")
        for number in engine.scheduler.overdue(now_ns):
            self.lost(self.everybody[number], now_ns, "it hung: its deadline passed")

    # Edits

    def adopt(self, registry: ParamRegistry, effect: str) -> None:
        """Go on with the params of `effect`, which is to be painted or carried soon."""
        self._engine.editor.adopt(registry)
        self._find_carrier(effect)
        self._changed = True

    def edit(self, changes: Mapping[str, object], fade_s: float, now_ns: int) -> None:
        """Take an edit of the params: at once, when its painters have prepared it, or by a swap of networks.

        Raises:
            InvalidValue: it is refused; nothing has changed.
        """
        self.settle(now_ns)
        editor = self._engine.editor
        named, swap = self.swaps.plan(self.effect, changes)
        leader = self._leader() if swap else None
        askable = [leader] if leader else self.painters
        numbers = [worker.number for worker in askable]
        asked = editor.edit(changes, fade_s, now_ns, numbers, swap=named and leader is not None)
        if asked:
            ticket, state = asked
            for worker in askable:
                if leader:
                    self.swaps.ask(worker, ticket, state, now_ns)
                else:
                    worker.prepare(ticket, state)
        self._changed = True
        self.settle(now_ns)

    def prepared(self, worker: Worker, ticket: int, problem: str, now_ns: int) -> None:
        """Take note of what a worker has prepared or swapped."""
        editor = self._engine.editor
        edits = ticket == editor.pending_ticket
        away = self.swaps.answered(worker, ticket, problem, now_ns)
        complaint = editor.prepared(worker.number, ticket, problem, now_ns)
        if complaint:
            self.notice(f"The edit was not taken: {complaint}", "error")
        elif problem and away and not edits and not self.swaps.is_away(worker.number):
            self.lost(worker, now_ns, f"it could not follow an edit: {problem}")
        self._changed = True

    def _leader(self) -> Worker | None:
        """The worker that changes its networks first: the one that does already, else a painting one, else any."""
        ready = [worker for worker in self.workers if worker.ready and worker.effect == self.effect]
        asked = [worker for worker in ready if worker.number in self._engine.editor.swapping]
        painting = [worker for worker in ready if worker in self.painters]
        return next(iter([*asked, *reversed(painting), *ready]), None)

    # Who paints

    def settle(self, now_ns: int) -> None:
        """Decide who paints, after something has changed."""
        if not self._changed:
            return
        while self._changed:
            self._changed = False
            self._settle(now_ns)
        self._engine.tell_hold()
        self._engine.commands.publish_state()

    def _settle(self, now_ns: int) -> None:
        to = self.switching.to
        if to and any(worker.effect == to and self.swaps.fits(worker) for worker in self.workers):
            self.switching.arrived()
        elif self.switching.calls_carrier and self.swaps.fits(self.carrier):
            self.switching.carrier_is_there()
        self._take(self._fitting(), now_ns)
        self.swaps.send_those_behind(self.everybody, now_ns)
        self._mind_carrier(now_ns)
        if self.complete:
            self._engine.counts.pool_complete()

    def _fitting(self) -> list[Worker]:
        wanted = [worker for worker in self.workers if worker.effect == self.effect and self.swaps.fits(worker)]
        return wanted or [worker for worker in (self.carrier,) if self.swaps.fits(worker)]

    def _take(self, painters: list[Worker], now_ns: int) -> None:
        """Make `painters` the scheduler's pool: those that leave go first, so that there is never a mixture."""
        scheduler, before = self._engine.scheduler, self.carried_by
        numbers = {worker.number for worker in painters}
        for number in scheduler.workers:
            if number not in numbers:
                scheduler.leave(number)
        for worker in painters:
            if worker.number not in scheduler.workers:
                patience_ns = _CARRIER_PATIENCE_NS if worker is self.carrier else scheduler.DEADLINE_NS
                scheduler.add(worker.number, now_ns, overlaps=worker.overlaps, patience_ns=patience_ns)
        self.painters = painters
        if any(worker.effect == self.effect for worker in painters):
            self.problem = ""
        if painters:
            effect = painters[0].effect
            self.look = zlib.crc32(f"{effect}\n{self.swaps.in_force(effect)}".encode())
        if self.carried_by and not before:
            self.notice(f"{self.carried_by} carries the wall until {self.switching.to or self.effect} is ready.")
        elif before and painters and not self.carried_by:
            self.notice(f"{self.effect} is ready and has taken over from {before}.")

    # The carrier

    @property
    def _carrier_runs(self) -> bool:
        return self.carrier.station.state is not StationState.OFF

    def _mind_carrier(self, now_ns: int) -> None:
        wanted = [worker for worker in self.workers if worker.ready and worker.effect == self.effect]
        painting = sum(worker in self.painters for worker in wanted)
        calls = self.switching.calls_carrier
        match next_step(Situation(self.carrying, self._carrier_runs, len(wanted), painting, calls)):
            case Step.START:
                self.carrier.use_effect(self.carrying)
                self.carrier.start(now_ns, self._engine.editor.state)
                self.swaps.started(self.carrier)
            case Step.DISMISS:
                self._dismiss(self.carrier, now_ns)

    def _find_carrier(self, effect: str) -> None:
        self.carrying = carrying_effect(effect)
        if self.carrying:
            self._engine.editor.lend(param_registry(self.carrying))

    def _dismiss(self, worker: Worker, now_ns: int) -> None:
        """End a process for good, at once: it has nothing to save, and the engine can't wait for it."""
        worker.station.retire()
        if worker.station.child:
            worker.station.child.kill()
        self.lost(worker, now_ns)

    # Words and settings

    @property
    def effect_context(self) -> EffectContext:
        """What an effect would be opened with here."""
        settings = self._engine.settings
        return settings.context(settings.devices[0])

    def _say_lost(self, worker: Worker, now_ns: int) -> None:
        station = worker.station
        if not station.hopeless:
            self.notice(f"{worker.name} is gone: {station.reason}. {station.outlook(now_ns)}", "error")
        elif not self.switching.to:
            goes_on = f" Until then {self.carrying} paints." if self.carrying and worker is not self.carrier else ""
            self.problem = f"The effect {worker.effect} can't run here: {station.reason}{goes_on}"
            _log.warning("%s", self.problem)

    def _setup(self, number: int) -> WorkerSetup:
        settings = self._engine.settings
        device = settings.devices[number % len(settings.devices)]
        cores = os.cpu_count() or 1
        return WorkerSetup(
            worker=number,
            effect=self.effect,
            device=device,
            size=settings.size,
            workers=settings.workers,
            threads=max(cores // settings.workers, 1) if device == "cpu" else 1,
            frame_rate=settings.frame_rate,
            options=settings.effect_options,
            frames=self._engine.setup.frames,
            results=self._engine.setup.results,
            tap=self._engine.setup.taps.preview if self._engine.setup.taps else None,
        )

    def _carrier_setup(self) -> WorkerSetup:
        alone = replace(self._setup(0), worker=len(self.workers), device="cpu", workers=1)
        return replace(alone, threads=carrier_threads())
