"""What processes say to each other: explicit, versioned byte layouts, never pickles.

Every message is ``<BB`` (kind, version), then its fixed fields, then for some a JSON text. Times are int64 nanoseconds
of the monotonic clock. Pixels never travel: a slot's number does.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from mirrorfx.errors import ProcessFailed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Captured",
    "CurtainIs",
    "Dispatch",
    "Done",
    "EngineLink",
    "Failed",
    "Figures",
    "FramesShown",
    "Grant",
    "Heard",
    "Hold",
    "Message",
    "ModeIs",
    "NewBeat",
    "PanicIs",
    "ParamsAre",
    "Prepare",
    "Prepared",
    "Preview",
    "Progress",
    "Ready",
    "Release",
    "Result",
    "SafeFrom",
    "Say",
    "Stop",
    "Swap",
    "Switch",
    "Vsync",
    "pack",
    "unpack",
]

VERSION = 2
_HEAD = struct.Struct("<BB")


class Message:
    """Base of all messages: fixed fields in the order of the class, then `text` where `HAS_TEXT`."""

    KIND: ClassVar[int]
    LAYOUT: ClassVar[str] = ""
    HAS_TEXT: ClassVar[bool] = False


_M = TypeVar("_M", bound=type[Message])
_BY_KIND: dict[int, tuple[type[Message], struct.Struct]] = {}
_STRUCTS: dict[type[Message], struct.Struct] = {}
_FIELDS: dict[type[Message], tuple[str, ...]] = {}


def _message(cls: _M) -> _M:
    layout = struct.Struct("<BB" + cls.LAYOUT)
    if cls.KIND in _BY_KIND:
        raise AssertionError(f"message kind {cls.KIND} is taken")
    _BY_KIND[cls.KIND] = (cls, layout)
    _STRUCTS[cls] = layout
    names = tuple(cls.__dataclass_fields__)  # type: ignore[attr-defined]
    _FIELDS[cls] = names[:-1] if cls.HAS_TEXT else names
    return cls


@dataclass(frozen=True, slots=True)
class _Text(Message):
    """A message that is all text, or bytes that its readers know."""

    HAS_TEXT = True
    text: bytes


@dataclass(frozen=True, slots=True)
class _Ticket(Message):
    """A text that belongs to a ticket: what is asked for and what is answered have the same."""

    LAYOUT = "Q"
    HAS_TEXT = True
    ticket: int
    text: bytes


@_message
@dataclass(frozen=True, slots=True)
class Stop(Message):
    """To any process: finish in order."""

    KIND = 1


@_message
@dataclass(frozen=True, slots=True)
class Say(_Text):
    """Anything that isn't of the hot path, as JSON: states, hellos, reports."""

    KIND = 2


@_message
@dataclass(frozen=True, slots=True)
class Progress(Message):
    """Worker → engine: still loading; `share` of it is done."""

    KIND = 3
    LAYOUT = "d"
    HAS_TEXT = True
    share: float
    text: bytes


@_message
@dataclass(frozen=True, slots=True)
class Ready(_Text):
    """Worker → engine: warmed up; `text` is JSON about how it runs."""

    KIND = 4


@_message
@dataclass(frozen=True, slots=True)
class Failed(Message):
    """Any process → its parent: it can't go on, and why; it exits right after."""

    KIND = 5
    LAYOUT = "?"
    HAS_TEXT = True
    hopeless: bool
    """Trying again won't help: the effect isn't available here."""
    text: bytes


@_message
@dataclass(frozen=True, slots=True)
class Captured(Message):
    """Camera → engine: a frame stands in `slot`."""

    KIND = 10
    LAYOUT = "HQqq"
    slot: int
    index: int
    t_capture_ns: int
    t_sent_ns: int


@_message
@dataclass(frozen=True, slots=True)
class Grant(_Text):
    """Engine → camera: write the next frames into these slots; one byte each."""

    KIND = 11


@_message
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


@_message
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


@_message
@dataclass(frozen=True, slots=True)
class ParamsAre(Message):
    """Engine → worker: the params from this revision on (a `ParamState` as JSON)."""

    KIND = 22
    LAYOUT = "Q"
    HAS_TEXT = True
    revision: int
    text: bytes


@_message
@dataclass(frozen=True, slots=True)
class Prepare(_Ticket):
    """Engine → worker: make ready what this `ParamState` will need."""

    KIND = 23


@_message
@dataclass(frozen=True, slots=True)
class Swap(_Ticket):
    """Engine → worker out of the pool: change the networks to what this `ParamState` asks for, and prepare it."""

    KIND = 25


@_message
@dataclass(frozen=True, slots=True)
class Preview(_Ticket):
    """Engine → worker: prepare this `ParamState`, and from then on paint with it what is dispatched as `ASIDE`."""

    KIND = 26


@_message
@dataclass(frozen=True, slots=True)
class Prepared(_Ticket):
    """Worker → engine: that is prepared, or swapped and prepared; `text` says why not, if it failed."""

    KIND = 24


@_message
@dataclass(frozen=True, slots=True)
class Result(Message):
    """Engine → wall: a painted picture stands in `slot`."""

    KIND = 30
    LAYOUT = "HQQqqqQIH"
    slot: int
    seq: int
    index: int
    t_capture_ns: int
    target_ns: int
    t_ready_ns: int
    revision: int
    look: int
    """Which effect and networks painted it, as a number; where it changes, the wall dissolves."""
    worker: int = 0
    """The number of the worker that painted it."""


@_message
@dataclass(frozen=True, slots=True)
class Release(_Text):
    """Wall → engine: these slots are no longer looked at; one byte each."""

    KIND = 31


@_message
@dataclass(frozen=True, slots=True)
class Vsync(Message):
    """Wall → engine: the display's latest tick and its period, for LOCK."""

    KIND = 32
    LAYOUT = "qq"
    t_ns: int
    period_ns: int


@_message
@dataclass(frozen=True, slots=True)
class ModeIs(Message):
    """Engine → wall: frames come for ticks that they are meant for (1, LOCK) or are due by their age (0, PACED)."""

    KIND = 34
    LAYOUT = "B"
    lock: int


@_message
@dataclass(frozen=True, slots=True)
class Hold(Message):
    """Engine → wall: hold the picture until new ones come, however long (1), or only as usual (0)."""

    KIND = 35
    LAYOUT = "B"
    on: int


@_message
@dataclass(frozen=True, slots=True)
class Switch(Message):
    """Engine → wall: switch a panic state (`mirrorfx.safety.Panic`) on (1) or off (0)."""

    KIND = 36
    LAYOUT = "BB"
    what: int
    on: int


@_message
@dataclass(frozen=True, slots=True)
class PanicIs(Message):
    """Wall → engine: which panic states are on; `below` is 0 for the program."""

    KIND = 37
    LAYOUT = "BB"
    blackout: int
    below: int


@_message
@dataclass(frozen=True, slots=True)
class SafeFrom(Message):
    """Engine → wall: pictures of this revision and later are of the safe preset."""

    KIND = 38
    LAYOUT = "Q"
    revision: int


@_message
@dataclass(frozen=True, slots=True)
class CurtainIs(Message):
    """Engine → wall: the show is closed (1): fade to black and stay so; or open (0): fade to the next new picture."""

    KIND = 39
    LAYOUT = "Bq"
    shut: int
    fade_ns: int


@_message
@dataclass(frozen=True, slots=True)
class Figures(_Text):
    """Wall → engine and launcher: the display's statistics as JSON."""

    KIND = 33


@_message
@dataclass(frozen=True, slots=True)
class Heard(Message):
    """Sound → engine: what is heard now, each 0 to 1 (`mirrorfx.sound.Levels`)."""

    KIND = 50
    LAYOUT = "fffff"
    level: float
    low: float
    mid: float
    high: float
    onset: float


@_message
@dataclass(frozen=True, slots=True)
class FramesShown(_Text):
    """Wall → engine: the frames shown since the last of these; records of `mirrorfx.processes.frame_log`."""

    KIND = 41


@_message
@dataclass(frozen=True, slots=True)
class NewBeat(Message):
    """Engine → wall: frames are wanted more or less often from now on; what lags is judged anew."""

    KIND = 42


@_message
@dataclass(frozen=True, slots=True)
class EngineLink(Message):
    """Launcher → wall: a new engine's channel follows as a handle."""

    KIND = 40
    LAYOUT = "I"
    engine_generation: int


def pack(message: Message) -> bytes:
    """Return the message's bytes. Realtime: yes."""
    cls = type(message)
    fixed = _STRUCTS[cls].pack(cls.KIND, VERSION, *[getattr(message, name) for name in _FIELDS[cls]])
    return fixed + message.text if cls.HAS_TEXT else fixed  # type: ignore[attr-defined]


def unpack(data: bytes) -> Message:
    """Return the message in `data`. Realtime: yes.

    Raises:
        ProcessFailed: an unknown kind, another version or a wrong length: the two processes are of different releases.
    """
    kind, version = _HEAD.unpack_from(data)
    known = _BY_KIND.get(kind)
    if known is None or version != VERSION:
        raise ProcessFailed(f"Message kind {kind} version {version} is unknown here (version {VERSION}).")
    cls, layout = known
    if len(data) < layout.size or (len(data) > layout.size and not cls.HAS_TEXT):
        raise ProcessFailed(f"A {cls.__name__} of {len(data)} bytes is not of the layout known here ({layout.size}).")
    values: tuple[Any, ...] = layout.unpack_from(data)[2:]
    make: Callable[..., Message] = cls
    return make(*values, data[layout.size :]) if cls.HAS_TEXT else make(*values)
