"""The control protocol: JSON text messages over one WebSocket on loopback.

A client sends *requests* and gets one *reply* to each; the engine sends *events* to every client at any time.

    request  {"id": 1, "do": "set", "with": {"params": {"strength": 0.5}, "fade_s": 0.3}}
    reply    {"id": 1, "ok": true, "result": {...}}   or   {"id": 1, "ok": false, "error": "what to do about it"}
    event    {"event": "figures", "data": {...}}

Requests: ``hello``; ``set``, ``lock``, ``effect``, ``stop``; ``camera``, ``source``, ``wall``; for presets ``preset``,
``cue``, ``go``, ``save``, ``duplicate``, ``rename``, ``delete``, ``undelete``, ``import``, ``export``; for the cue
list ``list_set``, ``list_go``, ``list_back``, ``list_jump``, ``list_hold``; ``sound``, ``modulation``; ``session``;
``panic``, with ``what`` (blackout, freeze, bypass, safe) and ``on``; ``preview``, with ``name`` (null ends it) and
``every`` (each so many-th turn is its). Pictures come from the monitor, at the state's ``monitor_url``: see
`mirrorfx.control.pictures`. Any of them may carry ``origin``, the client's own name for itself, which the next
``state`` repeats as ``changed_by``. Every result has ``changed``: pairs of before and after, of params and of the
preset in force, for undo. Events: ``state`` (what is set), ``figures`` (the report so far), ``levels`` (what is heard,
15 times a second), ``notice`` (something happened: a worker died, a preset was set aside).
"""

from __future__ import annotations

from typing import Any

import msgspec

from mirrorfx.errors import ControlError

__all__ = ["PROTOCOL_VERSION", "Event", "Reply", "Request", "decode_reply_or_event", "decode_request", "encode"]

PROTOCOL_VERSION = 1


class Request(msgspec.Struct, frozen=True, rename={"arguments": "with"}):
    """Something a client wants done."""

    id: int
    do: str
    arguments: dict[str, Any] = {}


class Reply(msgspec.Struct, frozen=True):
    """What became of a request."""

    id: int
    ok: bool
    result: dict[str, Any] = {}
    error: str = ""


class Event(msgspec.Struct, frozen=True):
    """Something all clients are told."""

    event: str
    data: dict[str, Any] = {}


def encode(message: Request | Reply | Event) -> bytes:
    """Return the message as JSON."""
    return msgspec.json.encode(message)


def decode_request(text: str | bytes) -> Request:
    """Read a request.

    Raises:
        ControlError: it is not a request of this protocol.
    """
    try:
        return msgspec.json.decode(text, type=Request)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ControlError(
            f'That is no request ({error}). It must look like {{"id": 1, "do": "set", "with": {{"params": {{}}}}}}.'
        ) from error


def decode_reply_or_event(text: str | bytes) -> Reply | Event:
    """Read what the engine sent.

    Raises:
        ControlError: it is neither a reply nor an event of this protocol.
    """
    try:
        plain = msgspec.json.decode(text)
        return msgspec.convert(plain, Event) if "event" in plain else msgspec.convert(plain, Reply)
    except (msgspec.DecodeError, msgspec.ValidationError, TypeError) as error:
        raise ControlError(f"The engine said something that this client does not understand: {error}.") from error
