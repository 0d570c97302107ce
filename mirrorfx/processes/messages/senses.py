"""What the camera and the sound say to the engine, and what the camera hears."""

from __future__ import annotations

from dataclasses import dataclass

from mirrorfx.processes.messages.wire import Message, Text, register

__all__ = ["Captured", "Grant", "Heard"]


@register
@dataclass(frozen=True, slots=True)
class Captured(Message):
    """Camera → engine: a frame stands in `slot`."""

    KIND = 10
    LAYOUT = "HQqq"
    slot: int
    index: int
    t_capture_ns: int
    t_sent_ns: int


@register
@dataclass(frozen=True, slots=True)
class Grant(Text):
    """Engine → camera: write the next frames into these slots; one byte each."""

    KIND = 11


@register
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
