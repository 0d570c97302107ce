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

__all__ = ["SWAP_NS", "ParamEditor"]

_PREPARE_NS = 10 * SECOND
SWAP_NS = 120 * SECOND
"""How long a worker may take to change its networks: files of hundreds of megabytes, from a slow disk."""


@dataclass(slots=True)
class _Pending:
    """An edit that the workers prepare; for a swap, the one worker that changes its networks first."""

    ticket: int
    changes: dict[str, Value]
    fade_s: float
    t_asked_ns: int
    swap: bool
    asked: set[int]
    waiting: set[int] = field(default_factory=set)

    @property
    def limit_ns(self) -> int:
        """How long it may take."""
        return SWAP_NS if self.swap else _PREPARE_NS


class ParamEditor:
    """Holds the params' state and what is about to become it.

    An edit whose params mix (prompts, seeds) is *prepared* by every ready worker and *committed* once all have it, so
    that no frame waits and no two workers paint different edits in turn. Other edits hold from the next frame on.

    An edit that changes the networks (a *swap*) is prepared by a single worker, outside the pool.
    """

    def __init__(self, registry: ParamRegistry, values: Mapping[str, object], now_ns: int) -> None:
        self.registry = registry
        self.state = ParamState.initial(registry, values, now_ns)
        self._pending: _Pending | None = None
        self._tickets = 0
        self._mixed_at = 0
        self._prepared: dict[int, int] = {}

    @property
    def pending(self) -> Mapping[str, Value]:
        """What is being prepared."""
        return self._pending.changes if self._pending else {}

    @property
    def pending_ticket(self) -> int:
        """The ticket of the edit that is being prepared; 0 when none is."""
        return self._pending.ticket if self._pending else 0

    @property
    def swapping(self) -> set[int]:
        """Who is asked to change its networks before an edit is committed."""
        return self._pending.waiting if self._pending and self._pending.swap else set()

    def ticket(self) -> int:
        """Return a number that no other request to a worker has."""
        self._tickets += 1
        return self._tickets

    def would_be(self, changes: Mapping[str, object]) -> dict[str, Value]:
        """Return all values as they would be after an edit, with the one that is being prepared.

        Raises:
            InvalidValue: a name or a value that the registry refuses.
        """
        return dict(self.state.values) | dict(self.pending) | self.registry.check(changes)

    def edit(
        self, changes: Mapping[str, object], fade_s: float, now_ns: int, workers: Iterable[int], *, swap: bool = False
    ) -> tuple[int, ParamState] | None:
        """Take an edit.

        Args:
            changes: new values by name.
            fade_s: how long the way there takes.
            now_ns: the time.
            workers: who has to prepare it, if it needs preparing; for a swap, who changes its networks first.
            swap: whether it changes the networks.

        Returns:
            The ticket and the state that `workers` must prepare before it is committed; None when it holds at once.

        Raises:
            InvalidValue: a name or a value that the registry refuses; nothing has changed then.
        """
        checked = self.registry.check(changes)
        fresh = {name: value for name, value in checked.items() if self._target(name) != value}
        if not swap and not self._needs_preparing(fresh):
            # A slider moved while a prompt is prepared: it must not wait, and the newest word counts.
            self._commit(fresh, fade_s, now_ns)
            if self._pending:
                self._pending.changes = {n: value for n, value in self._pending.changes.items() if n not in fresh}
            return None
        return self._start_preparing(fresh, fade_s, now_ns, frozenset(workers), swap=swap)

    def knows(self, worker: int, revision: int) -> None:
        """Note that a worker has prepared all that this revision of the state needs."""
        self._prepared[worker] = revision

    def up_to_date(self, worker: int) -> bool:
        """Say whether a worker has prepared what the state in force needs."""
        return self._prepared.get(worker, -1) >= self._mixed_at

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

    def forget_worker(self, worker: int, now_ns: int) -> str:
        """Stop waiting for a worker that is gone; return why an edit is dropped for it, if one is."""
        self._prepared.pop(worker, None)
        if self._pending is None:
            return ""
        self._pending.asked.discard(worker)  # its next life has prepared nothing of it
        if worker not in self._pending.waiting:
            return ""
        if self._pending.swap:
            self._pending = None
            return f"worker {worker} was lost while it changed its networks"
        self._pending.waiting.discard(worker)
        self._commit_if_prepared(now_ns)
        return ""

    def give_up_if_due(self, now_ns: int) -> str:
        """Drop an edit that takes too long to prepare; say so."""
        pending = self._pending
        if pending and now_ns >= pending.t_asked_ns + pending.limit_ns:
            self._pending = None
            slow = sorted(pending.waiting)
            return f"The edit was dropped: worker {slow} did not prepare it within {pending.limit_ns // SECOND} s."
        return ""

    def adopt(self, registry: ParamRegistry) -> None:
        """Go on with another effect's params: values that both know stay, the others get their defaults."""
        self.registry = registry
        self.lend(registry)

    def lend(self, registry: ParamRegistry) -> None:
        """Give the params of an effect that is only to carry values too; nobody can edit them."""
        values = registry.defaults() | dict(self.state.values)
        morphs = {name: param.morph for name, param in registry.items()}
        self.state = replace(
            self.state,
            values=MappingProxyType(values),
            morphs=morphs | dict(self.state.morphs) | {name: param.morph for name, param in self.registry.items()},
            revision=self.state.revision + 1,
        )

    def _target(self, name: str) -> Value:
        return self.pending.get(name, self.state.values[name])

    def _needs_preparing(self, changes: Mapping[str, Value]) -> bool:
        return any(self.registry[name].morph is Morph.MIX for name in changes)

    def _start_preparing(
        self, fresh: dict[str, Value], fade_s: float, now_ns: int, workers: frozenset[int], *, swap: bool
    ) -> tuple[int, ParamState] | None:
        changes = dict(self.pending) | fresh
        swap = swap or (self._pending is not None and self._pending.swap and self._pending.asked == workers)
        self._pending = _Pending(self.ticket(), changes, fade_s, now_ns, swap, set(workers), set(workers))
        if not workers:
            self._commit_if_prepared(now_ns)
            return None
        return self._pending.ticket, self.state.edited(changes, now_ns)

    def _commit_if_prepared(self, now_ns: int) -> None:
        if self._pending and not self._pending.waiting:
            pending, self._pending = self._pending, None
            if not pending.changes:
                return
            self._commit(pending.changes, pending.fade_s, now_ns)
            self._mixed_at = self.state.revision
            for worker in pending.asked:
                self._prepared[worker] = self.state.revision

    def _commit(self, changes: Mapping[str, Value], fade_s: float, now_ns: int) -> None:
        if changes:
            self.state = self.state.edited(changes, now_ns, fade_s)
