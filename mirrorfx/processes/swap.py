"""Which worker has which networks and has prepared what, and the errands that bring those up to date who lag behind."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mirrorfx.effects import effect_class
from mirrorfx.errors import MirrorFXError
from mirrorfx.processes.param_editor import SWAP_NS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mirrorfx.params import ParamState
    from mirrorfx.processes.param_editor import ParamEditor

__all__ = ["Swapper", "Swaps"]


class Swapper(Protocol):
    """What is needed of a worker."""

    @property
    def number(self) -> int:
        """Its number in the pool."""

    @property
    def ready(self) -> bool:
        """Whether it can paint."""

    @property
    def effect(self) -> str:
        """What it paints with."""

    def tell(self, state: ParamState) -> None:
        """Make sure that it knows the params in force."""

    def swap(self, ticket: int, state: ParamState) -> None:
        """Have it change its networks to those of `state` and prepare it."""


@dataclass(frozen=True, slots=True)
class _Errand:
    """A worker out of the pool that changes its networks, or only prepares."""

    ticket: int
    before: str
    networks: str
    revision: int | None
    t_give_up_ns: int

    @property
    def swaps(self) -> bool:
        """Whether the networks change."""
        return self.networks != self.before


class Swaps:
    """Sees to it that a worker paints only with the networks in force, and only what it has prepared.

    An edit that changes the networks begins with one worker, the *leader*: it is asked before the edit is committed.
    All others are then behind, which is the same as for a worker that was ready after an edit: each goes on an errand
    out of the pool and comes back. Errands that change networks go one at a time.

    Threads: one.
    """

    def __init__(self, editor: ParamEditor) -> None:
        self._editor = editor
        self._networks: dict[int, str] = {}
        self._errands: dict[int, _Errand] = {}
        self._next: dict[int, tuple[int, ParamState]] = {}
        self._in_force: dict[str, tuple[int, str]] = {}

    def in_force(self, effect: str) -> str:
        """Name the networks that `effect` has to paint with."""
        state = self._editor.state
        revision, name = self._in_force.get(effect, (-1, ""))
        if revision != state.revision:
            # A file that is gone by now changes nothing for those who have read it; others will complain themselves.
            with contextlib.suppress(MirrorFXError):
                name = effect_class(effect).networks(state.values)
            self._in_force[effect] = (state.revision, name)
        return name

    def plan(self, effect: str, changes: Mapping[str, object]) -> tuple[bool, bool]:
        """Look at an edit: whether it names other networks than are meant now, and whether than are in force.

        Raises:
            InvalidValue: what it asks for can't be.
        """
        named = effect_class(effect).networks
        after = named(self._editor.would_be(changes))
        meant = named(self._editor.would_be({})) if self._editor.pending else self.in_force(effect)
        return after != meant, after != self.in_force(effect)

    def started(self, worker: Swapper) -> None:
        """Note that a worker was started: while it warms up it makes ready what is in force now."""
        self.lost(worker.number)
        self._networks[worker.number] = self.in_force(worker.effect)
        self._editor.knows(worker.number, self._editor.state.revision)

    def lost(self, number: int) -> None:
        """Forget a worker that is gone."""
        for known in (self._networks, self._errands, self._next):
            known.pop(number, None)

    def fits(self, worker: Swapper) -> bool:
        """Say whether a worker can paint, now, what is in force."""
        number = worker.number
        return (
            worker.ready
            and number not in self._errands
            and self._networks.get(number) == self.in_force(worker.effect)
            and self._editor.up_to_date(number)
        )

    def is_away(self, number: int) -> bool:
        """Say whether a worker is on an errand."""
        return number in self._errands

    def ask(self, worker: Swapper, ticket: int, state: ParamState, now_ns: int) -> None:
        """Have a worker make `state` ready; it is out of the pool from now on. The newest word counts."""
        if worker.number in self._errands:
            self._next[worker.number] = (ticket, state)
            return
        in_force = self._editor.state
        committed = state.revision <= in_force.revision
        self._errands[worker.number] = _Errand(
            ticket,
            before=self._networks.get(worker.number, ""),
            networks=self.in_force(worker.effect) if committed else effect_class(worker.effect).networks(state.values),
            revision=state.revision if committed else None,
            t_give_up_ns=now_ns + SWAP_NS,
        )
        worker.tell(in_force)  # what it goes back to when this fails
        worker.swap(ticket, state)

    def answered(self, worker: Swapper, ticket: int, problem: str, now_ns: int) -> bool:
        """Take note that a worker is back from the errand with that ticket; False when it has none such."""
        errand = self._errands.get(worker.number)
        if errand is None or errand.ticket != ticket:
            return False
        del self._errands[worker.number]
        if problem:
            self._networks[worker.number] = self.in_force(worker.effect)
        else:
            self._networks[worker.number] = errand.networks
            if errand.revision is not None:
                self._editor.knows(worker.number, errand.revision)
        following = self._next.pop(worker.number, None)
        if following:
            self.ask(worker, *following, now_ns)
        return True

    def send_those_behind(self, workers: Iterable[Swapper], now_ns: int) -> None:
        """Send workers that lag behind on an errand: to prepare at once, to change networks one after the other."""
        state = self._editor.state
        for worker in workers:
            if not worker.ready or worker.number in self._errands or self.fits(worker):
                continue
            swaps = self._networks.get(worker.number) != self.in_force(worker.effect)
            if not (swaps and any(errand.swaps for errand in self._errands.values())):
                self.ask(worker, self._editor.ticket(), state, now_ns)

    def overdue(self, now_ns: int) -> list[int]:
        """Return the workers whose errand takes too long: they hang."""
        return [number for number, errand in self._errands.items() if now_ns >= errand.t_give_up_ns]
