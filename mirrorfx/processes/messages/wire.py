"""How messages become bytes and messages again, and what they have in common."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from mirrorfx.errors import ProcessFailed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Message", "Text", "Ticket", "pack", "register", "unpack"]

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


def register(cls: _M) -> _M:
    """Make a dataclass known as a message; its kind must not be taken."""
    layout = struct.Struct("<BB" + cls.LAYOUT)
    if cls.KIND in _BY_KIND:
        raise AssertionError(f"message kind {cls.KIND} is taken")
    _BY_KIND[cls.KIND] = (cls, layout)
    _STRUCTS[cls] = layout
    names = tuple(cls.__dataclass_fields__)  # type: ignore[attr-defined]
    _FIELDS[cls] = names[:-1] if cls.HAS_TEXT else names
    return cls


@dataclass(frozen=True, slots=True)
class Text(Message):
    """A message that is all text, or bytes that its readers know."""

    HAS_TEXT = True
    text: bytes


@dataclass(frozen=True, slots=True)
class Ticket(Message):
    """A text that belongs to a ticket: what is asked for and what is answered have the same."""

    LAYOUT = "Q"
    HAS_TEXT = True
    ticket: int
    text: bytes


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
