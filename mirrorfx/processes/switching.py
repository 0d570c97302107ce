"""Changing the effect of a running mirror: the old one paints until the new one is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirrorfx.effects import availability, param_registry
from mirrorfx.errors import ControlError, EffectUnavailable

if TYPE_CHECKING:
    from mirrorfx.processes.crew import Crew
    from mirrorfx.processes.workers import Worker

__all__ = ["Switching"]


class Switching:
    """One worker goes on with the old effect until another is ready with the new one.

    With a single worker the carrier comes first, if the new effect has one: only then the worker is started anew.
    """

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self.to: str | None = None
        """The effect that is being started."""
        self.calls_carrier = False
        """Whether the last worker waits for the carrier before it gives up the old effect."""

    def begin(self, name: str) -> None:
        """Start to change to another effect.

        Raises:
            UnknownName: there is no such effect.
            EffectUnavailable: it can't run here.
            ControlError: another change is under way.
        """
        crew = self._crew
        registry = param_registry(name)
        usable = availability(name, crew.effect_context)
        if not usable:
            raise EffectUnavailable(f"The effect {name!r} can't run here. {usable.reason} {usable.fix}".strip())
        if self.to:
            raise ControlError(f"The effect is being changed to {self.to!r} just now; try again in a moment.")
        if name == crew.effect:
            return
        crew.adopt(registry, name)
        self.to = name
        painting = [worker for worker in crew.painters if worker is not crew.carrier]
        movers = [worker for worker in crew.workers if worker not in painting[:1]]
        self.calls_carrier = bool(painting) and not movers and bool(crew.carrying)
        for worker in () if self.calls_carrier else movers or crew.workers:
            crew.restart_with(worker, name)

    def carrier_is_there(self) -> None:
        """The carrier paints from now on, or will not come: the last worker may be started anew."""
        if self.to and self.calls_carrier:
            self.calls_carrier = False
            for worker in self._crew.workers:
                self._crew.restart_with(worker, self.to)

    def arrived(self) -> None:
        """A worker can paint the new effect: it takes over, the others follow."""
        crew = self._crew
        assert self.to
        crew.effect, self.to = self.to, None
        for worker in crew.workers:
            if worker.effect != crew.effect:
                crew.restart_with(worker, crew.effect)
        crew.notice(f"The effect is now {crew.effect}.")

    def worker_lost(self, worker: Worker) -> None:
        """Go back to the old effect when the new one can't be opened."""
        if not self.to or worker.effect != self.to or not worker.station.hopeless:
            return
        crew = self._crew
        name, self.to = self.to, None
        crew.notice(f"The effect {name} can't run here: {worker.station.reason}", "error")
        for other in crew.workers:
            if other.effect == name:
                crew.restart_with(other, crew.effect)
        crew.adopt(param_registry(crew.effect), crew.effect)
