"""What the engine and its workers say to each other."""

from __future__ import annotations

from dataclasses import dataclass

from mirrorfx.processes.messages.wire import Message, Text, Ticket, register

__all__ = ["Dispatch", "Done", "ParamsAre", "Prepare", "Prepared", "Preview", "Progress", "Ready", "Swap"]


@register
@dataclass(frozen=True, slots=True)
class Progress(Message):
    """Worker → engine: still loading; `share` of it is done."""

    KIND = 3
    LAYOUT = "d"
    HAS_TEXT = True
    share: float
    text: bytes


@register
@dataclass(frozen=True, slots=True)
class Ready(Text):
    """Worker → engine: warmed up; `text` is JSON about how it runs."""

    KIND = 4


@register
@dataclass(frozen=True, slots=True)
class Dispatch(Message):
    """Engine → worker: paint this frame slot into that result slot."""

    KIND = 20
    LAYOUT = "HHIQQqQ"
    frame_slot: int
    result_slot: int
    generation: int
    seq: int
    index: int
    t_capture_ns: int
    revision: int


@register
@dataclass(frozen=True, slots=True)
class Done(Message):
    """Worker → engine: painted; the effect ran from `t_start_ns` to `t_end_ns`.

    Where frames overlap, it had been there for `early_ns` when the one before was done; negative: it came later.
    """

    KIND = 21
    LAYOUT = "IQqqq"
    generation: int
    seq: int
    t_start_ns: int
    t_end_ns: int
    early_ns: int


@register
@dataclass(frozen=True, slots=True)
class ParamsAre(Message):
    """Engine → worker: the params from this revision on (a `ParamState` as JSON)."""

    KIND = 22
    LAYOUT = "Q"
    HAS_TEXT = True
    revision: int
    text: bytes


@register
@dataclass(frozen=True, slots=True)
class Prepare(Ticket):
    """Engine → worker: make ready what this `ParamState` will need."""

    KIND = 23


@register
@dataclass(frozen=True, slots=True)
class Swap(Ticket):
    """Engine → worker out of the pool: change the networks to what this `ParamState` asks for, and prepare it."""

    KIND = 25


@register
@dataclass(frozen=True, slots=True)
class Preview(Ticket):
    """Engine → worker: prepare this `ParamState`, and from then on paint with it what is dispatched as `ASIDE`."""

    KIND = 26


@register
@dataclass(frozen=True, slots=True)
class Prepared(Ticket):
    """Worker → engine: that is prepared, or swapped and prepared; `text` says why not, if it failed."""

    KIND = 24
