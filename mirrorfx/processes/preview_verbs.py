"""A preview of a preset in a lane of its own: some of the workers' turns paint it, and the wall never sees it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND
from mirrorfx.effects import effect_class
from mirrorfx.errors import ControlError, MirrorFXError
from mirrorfx.processes.taps import Demand

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.params import Value
    from mirrorfx.processes.engine import Engine
    from mirrorfx.processes.preset_verbs import PresetVerbs

__all__ = ["PreviewVerbs"]

_EVERY, _EVERY_LEAST, _EVERY_MOST = 5, 2, 100
_LOOK_NS = SECOND
_TURNS_COUNTED = 120
_NOBODY: frozenset[int] = frozenset()


@dataclass(slots=True)
class _Preview:
    """What is previewed, and who can paint it.

    Attributes:
        name: the preset.
        every: it gets each so many-th turn.
        values: all params.
        began_with: the preset in force when it began; once its own is, it ends.
        asked: tickets of the workers that were asked to make it ready, by (number, generation).
        ready: those that have.
        turns: of the program since the last of the preview.
        service: (nanoseconds, whether for the preview) of the latest turns.
        told: the share that clients know.
    """

    name: str
    every: int
    values: dict[str, Value]
    began_with: str | None
    asked: dict[tuple[int, int], int] = field(default_factory=dict)
    ready: set[tuple[int, int]] = field(default_factory=set)
    turns: int = 0
    service: deque[tuple[int, bool]] = field(default_factory=lambda: deque(maxlen=_TURNS_COUNTED))
    told: float | None = None

    @property
    def cost_share(self) -> float | None:
        """Which share of the workers' time it takes, of the latest turns; None before there are enough."""
        if len(self.service) < 2 * self.every or not any(aside for _, aside in self.service):
            return None
        spent_ns = sum(ns for ns, _ in self.service)
        return round(sum(ns for ns, aside in self.service if aside) / spent_ns, 2) if spent_ns else None


class PreviewVerbs:
    """Which preset is previewed, and which turns that takes.

    It is prepared by the workers beside their frames, before they paint any of it; a worker that comes later joins once
    it has. It follows edits of what the preset leaves open, costs nothing while nobody looks at it, and ends when the
    preset is taken.
    """

    def __init__(self, engine: Engine, presets: PresetVerbs) -> None:
        self._engine = engine
        self._presets = presets
        self._preview: _Preview | None = None
        self._next_look_ns = 0
        self._demand: Demand | None = None

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        """Return what can be asked."""
        return {"preview": self._ask_for}

    def state(self) -> dict[str, Any]:
        """Return what clients are told."""
        preview = self._preview
        if preview is None:
            return {"preview": None}
        preview.told = preview.cost_share
        return {"preview": {"name": preview.name, "every": preview.every, "cost_share": preview.told}}

    def mind(self, now_ns: int) -> bool:
        """Keep the preview to what taking the preset would show; say whether clients are to be told."""
        preview = self._preview
        if preview is None or now_ns < self._next_look_ns:
            return False
        self._next_look_ns = now_ns + _LOOK_NS
        if self._presets.name == preview.name != preview.began_with:
            self._preview = None
            return True
        preview.began_with = self._presets.name
        try:
            values = self._values(preview.name)
        except MirrorFXError as error:
            self._preview = None
            self._engine.notice(f"The preview has ended: {error}", "warning")
            return True
        if values != preview.values:
            preview.values = values
            preview.asked.clear()
        self._have_prepared(preview, now_ns)
        share = preview.cost_share
        return share is not None and (preview.told is None or abs(share - preview.told) >= 0.02)

    # Turns

    def takers(self) -> frozenset[int]:
        """Return the workers that may take the next turn for the preview, if it is its turn and somebody looks.

        Realtime: yes.
        """
        preview, engine = self._preview, self._engine
        if preview is None or preview.turns + 1 < preview.every or engine.crew.carried_by:
            return _NOBODY
        if self._demand is None or not self._demand.there(engine.clock.now_ns()):
            return _NOBODY
        generation = engine.scheduler.generation
        return frozenset(number for number, life in preview.ready if generation(number) == life)

    def dispatched(self, *, aside: bool) -> None:
        """Count a turn. Realtime: yes."""
        if self._preview:
            self._preview.turns = 0 if aside else self._preview.turns + 1

    def painted(self, service_ns: int, *, aside: bool) -> None:
        """Count what a turn took. Realtime: yes."""
        if self._preview:
            self._preview.service.append((service_ns, aside))

    def prepared(self, number: int, ticket: int, problem: str) -> bool:
        """Note that a worker has prepared the preview; False when the ticket is of something else."""
        preview = self._preview
        who = (number, self._engine.scheduler.generation(number))
        if preview is None or preview.asked.get(who) != ticket:
            return False
        if problem:
            self._preview = None
            self._engine.notice(f"There is no preview of {preview.name}: {problem}", "error")
            self._engine.commands.publish_state()
        else:
            preview.ready.add(who)
        return True

    # What can be asked

    def _ask_for(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        name, every = arguments.get("name"), arguments.get("every", _EVERY)
        if name is None:
            self._preview = None
            return {"name": None}
        if not isinstance(every, int) or isinstance(every, bool) or not _EVERY_LEAST <= every <= _EVERY_MOST:
            raise ControlError(
                f'"every" is {every!r}; a preview gets each 2nd to 100th turn, so give a whole number from 2 to 100.'
            )
        taps = self._engine.setup.taps
        if taps is None:
            raise ControlError("This mirror has no monitor, so nobody could look at a preview.")
        self._demand = self._demand or Demand(taps.preview)
        self._presets.library.reload()
        preset = self._presets.library.get(str(name))
        self._preview = _Preview(preset.name, every, self._values(preset.name), self._presets.name)
        self._have_prepared(self._preview, self._engine.clock.now_ns())
        return {"name": preset.name}

    def _values(self, name: str) -> dict[str, Value]:
        """Return all params as they would be once the preset is taken.

        Raises:
            PresetError: there is no such preset, or something in it is not allowed.
            ControlError: it needs other networks, and each worker has but one set.
        """
        engine = self._engine
        preset = self._presets.library.get(name)
        changes = engine.commands.locks.left_free(preset.values_for(engine.editor.registry))
        values = engine.editor.would_be(changes)
        effect = engine.crew.effect
        if effect_class(effect).networks(values) != engine.crew.swaps.in_force(effect):
            raise ControlError(
                f"{preset.name} changes the networks (its prompt names other LoRA files), and a worker has room for "
                "one set: it can't be previewed beside the program."
            )
        return values

    def _have_prepared(self, preview: _Preview, now_ns: int) -> None:
        """Ask those who paint and weren't asked yet."""
        engine = self._engine
        if engine.crew.carried_by:
            return
        state = replace(engine.editor.state.edited(preview.values, now_ns), offsets={})
        for worker in engine.crew.painters:
            who = (worker.number, engine.scheduler.generation(worker.number))
            if who not in preview.asked:
                preview.asked[who] = engine.editor.ticket()
                worker.preview(preview.asked[who], state)
