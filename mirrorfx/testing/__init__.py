"""Fakes for tests of your own effects, sources and shows: no camera, no GPU, no screen, no waiting."""

from mirrorfx.clock import FakeClock
from mirrorfx.effects.sleep import Sleep as SleepEffect
from mirrorfx.sinks.memory import MemorySink
from mirrorfx.sources.memory import MemorySource
from mirrorfx.testing.sound import FakeSoundDevices, FakeSoundStream

__all__ = ["FakeClock", "FakeSoundDevices", "FakeSoundStream", "MemorySink", "MemorySource", "SleepEffect"]
