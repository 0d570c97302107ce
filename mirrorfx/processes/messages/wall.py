"""What the engine and the wall say to each other, and what the launcher says to the wall."""

from __future__ import annotations

from dataclasses import dataclass

from mirrorfx.processes.messages.wire import Message, Text, register

__all__ = [
    "CurtainIs",
    "EngineLink",
    "Figures",
    "FramesShown",
    "Hold",
    "ModeIs",
    "NewBeat",
    "PanicIs",
    "Release",
    "Result",
    "SafeFrom",
    "Switch",
    "Vsync",
]


@register
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


@register
@dataclass(frozen=True, slots=True)
class Release(Text):
    """Wall → engine: these slots are no longer looked at; one byte each."""

    KIND = 31


@register
@dataclass(frozen=True, slots=True)
class Vsync(Message):
    """Wall → engine: the display's latest tick and its period, for LOCK."""

    KIND = 32
    LAYOUT = "qq"
    t_ns: int
    period_ns: int


@register
@dataclass(frozen=True, slots=True)
class ModeIs(Message):
    """Engine → wall: frames come for ticks that they are meant for (1, LOCK) or are due by their age (0, PACED)."""

    KIND = 34
    LAYOUT = "B"
    lock: int


@register
@dataclass(frozen=True, slots=True)
class Hold(Message):
    """Engine → wall: hold the picture until new ones come, however long (1), or only as usual (0)."""

    KIND = 35
    LAYOUT = "B"
    on: int


@register
@dataclass(frozen=True, slots=True)
class Switch(Message):
    """Engine → wall: switch a panic state (`mirrorfx.safety.Panic`) on (1) or off (0)."""

    KIND = 36
    LAYOUT = "BB"
    what: int
    on: int


@register
@dataclass(frozen=True, slots=True)
class PanicIs(Message):
    """Wall → engine: which panic states are on; `below` is 0 for the program."""

    KIND = 37
    LAYOUT = "BB"
    blackout: int
    below: int


@register
@dataclass(frozen=True, slots=True)
class SafeFrom(Message):
    """Engine → wall: pictures of this revision and later are of the safe preset."""

    KIND = 38
    LAYOUT = "Q"
    revision: int


@register
@dataclass(frozen=True, slots=True)
class CurtainIs(Message):
    """Engine → wall: the show is closed (1): fade to black and stay so; or open (0): fade to the next new picture."""

    KIND = 39
    LAYOUT = "Bq"
    shut: int
    fade_ns: int


@register
@dataclass(frozen=True, slots=True)
class Figures(Text):
    """Wall → engine and launcher: the display's statistics as JSON."""

    KIND = 33


@register
@dataclass(frozen=True, slots=True)
class FramesShown(Text):
    """Wall → engine: the frames shown since the last of these; records of `mirrorfx.processes.frame_log`."""

    KIND = 41


@register
@dataclass(frozen=True, slots=True)
class NewBeat(Message):
    """Engine → wall: frames are wanted more or less often from now on; what lags is judged anew."""

    KIND = 42


@register
@dataclass(frozen=True, slots=True)
class EngineLink(Message):
    """Launcher → wall: a new engine's channel follows as a handle."""

    KIND = 40
    LAYOUT = "I"
    engine_generation: int
