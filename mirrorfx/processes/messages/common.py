"""What any process may say to its parent, or hear from it."""

from __future__ import annotations

from dataclasses import dataclass

from mirrorfx.processes.messages.wire import Message, Text, register

__all__ = ["Failed", "Say", "Stop"]


@register
@dataclass(frozen=True, slots=True)
class Stop(Message):
    """To any process: finish in order."""

    KIND = 1


@register
@dataclass(frozen=True, slots=True)
class Say(Text):
    """Anything that isn't of the hot path, as JSON: states, hellos, reports."""

    KIND = 2


@register
@dataclass(frozen=True, slots=True)
class Failed(Message):
    """Any process → its parent: it can't go on, and why; it exits right after."""

    KIND = 5
    LAYOUT = "?"
    HAS_TEXT = True
    hopeless: bool
    """Trying again won't help: the effect isn't available here."""
    text: bytes
