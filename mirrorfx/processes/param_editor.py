"""Edits of the params: checked, prepared by all workers where that takes time, then committed together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from mirrorfx.clock import SECOND
from mirrorfx.params import Morph, ParamState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mirrorfx.params import ParamRegistry, Value

__all__ = ["ParamEditor"]

_PREPARE_NS = 10 * SECOND


@dataclass(slots=True)
class _Pending:
    """An edit that the workers prepare."""

    ticket: int
    changes: dict[str, Value]
    fade_s: float
    t_give_up_ns: int
    waiting: set[int] = field(default_factory=set)


class ParamEditor:
    """Holds the params' state and what is about to become it.

    An edit whose params mix (prompts, seeds) is *prepared* by every ready worker and *committed* once all have it, so
    that no frame waits and no two workers paint different edits in turn. Other edits hold from the next frame on.
    """

    def __init__(self, registry: ParamRegistry, values: Mapping[str, object], now_ns: int) -> None:
        self.registry = registry
        self.state = ParamState.initial(registry, values, now_ns)
        self._pending: _Pending | None = None
        self._tickets = 0

    @property
    def pending(self) -> Mapping[str, Value]:
        """What is being prepared."""
        return self._pending.changes if self._pending else {}

    def edit(
        self, changes: Mapping[str, object], fade_s: float, now_ns: int, workers: Iterable[int]
    ) -> tuple[int, ParamState] | None:
        """Take an edit.

        Returns:
            The ticket and the state that `workers` must prepare before it is committed; None when it holds at once.

        Raises:
            InvalidValue: a name or a value that the registry refuses; nothing has changed then.
        """
        checked = self.registry.check(changes)
        fresh = {name: value for name, value in checked.items() if self._target(name) != value}
        if self._pending is None and not self._needs_preparing(fresh):
            self._commit(fresh, fade_s, now_ns)
            return None
        if self._pending and not self._needs_preparing(fresh):
            # A slider moved while a prompt is prepared: it must not wait, and the newest word counts.
            self._commit(fresh, fade_s, now_ns)
            for name in fresh:
                self._pending.changes.pop(name, None)
            return None
        return self._start_preparing(fresh, fade_s, now_ns, workers)

    def prepared(self, worker: int, ticket: int, problem: str, now_ns: int) -> str:
        """Note that a worker has prepared an edit; commit it when it was the last. Return the problem, if any."""
        if self._pending is None or ticket != self._pending.ticket:
            return ""
        if problem:
            self._pending = None
            return problem
        self._pending.waiting.discard(worker)
        self._commit_if_prepared(now_ns)
        return ""

    def forget_worker(self, worker: int, now_ns: int) -> None:
        """Stop waiting for a worker that is gone."""
        if self._pending:
            self._pending.waiting.discard(worker)
            self._commit_if_prepared(now_ns)

    def give_up_if_due(self, now_ns: int) -> str:
        """Drop an edit that takes too long to prepare; say so."""
        if self._pending and now_ns >= self._pending.t_give_up_ns:
            slow = sorted(self._pending.waiting)
            self._pending = None
            return f"The edit was dropped: worker {slow} did not prepare it within {_PREPARE_NS // SECOND} s."
        return ""

    def adopt(self, registry: ParamRegistry) -> None:
        """Go on with another effect's params: values that both know stay, the others get their defaults."""
        values = registry.defaults() | dict(self.state.values)
        morphs = {name: param.morph for name, param in registry.items()}
        self.registry = registry
        self.state = replace(
            self.state,
            values=MappingProxyType(values),
            morphs=dict(self.state.morphs) | morphs,
            revision=self.state.revision + 1,
        )

    def _target(self, name: str) -> Value:
        return self.pending.get(name, self.state.values[name])

    def _needs_preparing(self, changes: Mapping[str, Value]) -> bool:
        return any(self.registry[name].morph is Morph.MIX for name in changes)

    def _start_preparing(
        self, fresh: dict[str, Value], fade_s: float, now_ns: int, workers: Iterable[int]
    ) -> tuple[int, ParamState] | None:
        self._tickets += 1
        changes = dict(self.pending) | fresh
        self._pending = _Pending(self._tickets, changes, fade_s, now_ns + _PREPARE_NS, set(workers))
        if not self._pending.waiting:
            self._commit_if_prepared(now_ns)
            return None
        return self._tickets, self.state.edited(changes, now_ns)

    def _commit_if_prepared(self, now_ns: int) -> None:
        if self._pending and not self._pending.waiting:
            pending, self._pending = self._pending, None
            self._commit(pending.changes, pending.fade_s, now_ns)

    def _commit(self, changes: Mapping[str, Value], fade_s: float, now_ns: int) -> None:
        if changes:
            self.state = self.state.edited(changes, now_ns, fade_s)
