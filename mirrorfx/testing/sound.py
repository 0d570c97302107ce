"""Sound devices that are none: they play into memory and hear what a test gives them, on the fake clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mirrorfx.clock import MS, SECOND
from mirrorfx.errors import SoundError
from mirrorfx.sound.tape import CHANNELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mirrorfx.clock import FakeClock
    from mirrorfx.sound.analysis import Samples
    from mirrorfx.sound.tape import Stereo

__all__ = ["FakeSoundDevices", "FakeSoundStream"]


class FakeSoundStream:
    """An open fake device."""

    def __init__(self, name: str, rate_hz: float) -> None:
        self.name = name
        self.rate_hz = rate_hz
        self.alive = True
        self.closed = False

    def close(self) -> None:
        """Let go of the device."""
        self.closed, self.alive = True, False


class FakeSoundDevices:
    """A sound system for tests. Nothing happens but in `run`, which moves the clock on.

    Attributes:
        output_names: what can play; change it to plug in and out.
        input_names: what can hear.
        output: the stream that plays, if one does.
        input: the stream that hears, if one does.

    Args:
        clock: is advanced block by block.
        rate_hz: of all devices.
        block: frames that are asked for at a time.
        latency_ns: from the moment a block is rendered until its first frame is heard.
    """

    def __init__(
        self, clock: FakeClock, *, rate_hz: float = 48000.0, block: int = 480, latency_ns: int = 30 * MS
    ) -> None:
        self.output_names = ["Speakers", "Headphones"]
        self.input_names = ["Microphone"]
        self.output: FakeSoundStream | None = None
        self.input: FakeSoundStream | None = None
        self.rate_hz = rate_hz
        self._clock = clock
        self._block = block
        self._latency_ns = latency_ns
        self._render: Callable[[int, int], Stereo] | None = None
        self._hear: Callable[[Samples], None] | None = None
        self._known = (list(self.output_names), list(self.input_names))
        self._blocks: list[tuple[int, Stereo]] = []

    def outputs(self) -> list[str]:
        """Return the names of what can play, as of the last `refresh`."""
        return self._known[0]

    def inputs(self) -> list[str]:
        """Return the names of what can hear, as of the last `refresh`."""
        return self._known[1]

    def refresh(self) -> None:
        """Look for devices anew."""
        assert not any(stream and not stream.closed for stream in (self.output, self.input)), "a stream is open"
        self._known = (list(self.output_names), list(self.input_names))

    def output_rate(self, name: str) -> float:
        """Return at how many samples a second a device plays."""
        self._check("output", name, self._known[0])
        return self.rate_hz

    def open_output(self, name: str, render: Callable[[int, int], Stereo]) -> FakeSoundStream:
        """Play into memory."""
        self.output, self._render = FakeSoundStream(self._check("output", name, self._known[0]), self.rate_hz), render
        return self.output

    def open_input(self, name: str, hear: Callable[[Samples], None]) -> FakeSoundStream:
        """Hear what `run` is given."""
        self.input, self._hear = FakeSoundStream(self._check("input", name, self._known[1]), self.rate_hz), hear
        return self.input

    def close(self) -> None:
        """Let go of everything."""
        for stream in (self.output, self.input):
            if stream:
                stream.close()

    def run(self, seconds: float, heard: Callable[[NDArray[np.float64]], Samples] | None = None) -> None:
        """Let time pass.

        Args:
            seconds: how much.
            heard: what the input hears: samples for times in seconds.
        """
        for _ in range(round(seconds * self.rate_hz / self._block)):
            now_ns = self._clock.now_ns()
            if self.output and self.output.alive and self._render:
                at_ns = now_ns + self._latency_ns
                self._blocks.append((at_ns, self._render(self._block, at_ns)))
            self._clock.advance_ns(round(self._block * SECOND / self.rate_hz))
            if self.input and self.input.alive and self._hear and heard:
                self._hear(heard(now_ns / SECOND + np.arange(self._block) / self.rate_hz).astype(np.float32))

    @property
    def played(self) -> Stereo:
        """What was played so far, without gaps, ``float32[n, 2]``."""
        return np.concatenate([block for _, block in self._blocks]) if self._blocks else np.zeros((0, CHANNELS), "f4")

    def first_sound_ns(self, threshold: float = 1e-3) -> int | None:
        """Return when the first frame louder than `threshold` was heard; None when all was silent."""
        for at_ns, block in self._blocks:
            loud = np.flatnonzero(np.abs(block).max(axis=1) > threshold)
            if len(loud):
                return at_ns + round(int(loud[0]) * SECOND / self.rate_hz)
        return None

    def _check(self, kind: str, name: str, names: list[str]) -> str:
        if not names or (name and name not in names):
            raise SoundError(f"There is no sound {kind} {name!r}. There are: {', '.join(names)}.")
        return name or names[0]
