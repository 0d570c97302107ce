"""What a sound system is to MirrorFX: named devices that ask for blocks and give blocks, and PortAudio as one."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING, Any, Protocol

from mirrorfx.clock import MS, SECOND
from mirrorfx.errors import SoundError, did_you_mean
from mirrorfx.sound.tape import CHANNELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mirrorfx.clock import Clock
    from mirrorfx.sound.analysis import Samples
    from mirrorfx.sound.tape import Stereo

__all__ = ["BlockClock", "PortAudio", "SoundStream", "SoundSystem", "hushed"]

_log = logging.getLogger(__name__)
_LATENCY_S = 0.05
_STALLED_NS = 2 * SECOND
_FOLLOW = 0.02
_JUMP_NS = 60 * MS
PIP_FIX = "pip install sounddevice"
APT_FIX = "apt-get install libportaudio2"


class SoundStream(Protocol):
    """An open device."""

    @property
    def rate_hz(self) -> float:
        """Samples a second."""

    @property
    def alive(self) -> bool:
        """Whether blocks still come and go; not after the device was unplugged."""

    def close(self) -> None:
        """Let go of the device. Safe to call twice."""


class SoundSystem(Protocol):
    """The machine's sound devices, by name. Callbacks are called in a thread of the device."""

    def outputs(self) -> list[str]:
        """Return the names of what can play."""

    def inputs(self) -> list[str]:
        """Return the names of what can hear."""

    def refresh(self) -> None:
        """Look for devices anew; no stream may be open."""

    def output_rate(self, name: str) -> float:
        """Return at how many samples a second a device plays.

        Raises:
            SoundError: there is no such device.
        """

    def open_output(self, name: str, render: Callable[[int, int], Stereo]) -> SoundStream:
        """Play what `render(frames, t_ns)` returns, of which the first frame is heard at `t_ns`.

        Args:
            name: of the device; "" is the usual one.
            render: is called for each block.

        Raises:
            SoundError: there is no such device, or it doesn't open.
        """

    def open_input(self, name: str, hear: Callable[[Samples], None]) -> SoundStream:
        """Give what is heard to `hear`, ``float32[n, channels]``.

        Args:
            name: of the device; "" is the usual one.
            hear: is called for each block.

        Raises:
            SoundError: there is no such device, or it doesn't open.
        """

    def close(self) -> None:
        """Let go of everything."""


class BlockClock:
    """Tells when each block of a stream is heard, from stamps that jitter.

    Blocks follow each other without a gap, so the stamps only correct a count of frames: a first-order loop (compare
    Adriaensen, "Using a DLL to filter time", Linux Audio Conference 2005). Only a jump of more than 60 ms, after a gap
    in the sound, is believed at once.
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._next_ns: float | None = None

    def block(self, stamp_ns: int, frames: int) -> int:
        """Return when the first of `frames` is heard; `stamp_ns` is what the device says."""
        t_ns = self._next_ns
        if t_ns is None or abs(stamp_ns - t_ns) > _JUMP_NS:
            t_ns = float(stamp_ns)
        else:
            t_ns += _FOLLOW * (stamp_ns - t_ns)
        self._next_ns = t_ns + frames * SECOND / self._rate_hz
        return round(t_ns)


class PortAudio:
    """The devices that PortAudio finds. `sounddevice` is loaded here and nowhere else.

    Raises:
        SoundError: the package or PortAudio is missing; its `fix` mends it.
    """

    def __init__(self, clock: Clock) -> None:
        try:
            with hushed():
                import sounddevice
        except ModuleNotFoundError as error:
            raise SoundError("The package sounddevice is not installed.", PIP_FIX) from error
        except (ImportError, OSError, SystemError) as error:
            raise SoundError(f"PortAudio can't be loaded: {error}.", APT_FIX) from error
        self.library: Any = sounddevice
        self.clock = clock

    def outputs(self) -> list[str]:
        """Return the names of what can play."""
        return list(self._named("max_output_channels"))

    def inputs(self) -> list[str]:
        """Return the names of what can hear."""
        return list(self._named("max_input_channels"))

    def refresh(self) -> None:
        """Look for devices anew; PortAudio only does when it starts, so no stream may be open."""
        self.close()
        with hushed():
            self.library._initialize()  # noqa: SLF001  sounddevice has no public way

    def output_rate(self, name: str) -> float:
        """Return at how many samples a second the device `name` plays."""
        return float(self.find(name, "output")["default_samplerate"])

    def open_output(self, name: str, render: Callable[[int, int], Stereo]) -> SoundStream:
        """Play what `render` returns on the device `name`; see `SoundSystem`."""
        return _Output(self, name, render)

    def open_input(self, name: str, hear: Callable[[Samples], None]) -> SoundStream:
        """Give what the device `name` hears to `hear`; see `SoundSystem`."""
        return _Input(self, name, hear)

    def close(self) -> None:
        """Let go of PortAudio."""
        self.library._terminate()  # noqa: SLF001  as above

    def _named(self, channels: str) -> dict[str, dict[str, Any]]:
        """Return the devices with such channels by name, told apart by their driver where there are several."""
        apis = self.library.query_hostapis()
        found = [device for device in self.library.query_devices() if device[channels] > 0]
        drivers = {device["hostapi"] for device in found}
        named: dict[str, dict[str, Any]] = {}
        for device in found:
            name = device["name"] if len(drivers) == 1 else f"{device['name']}, {apis[device['hostapi']]['name']}"
            named.setdefault(name, device)
        return named

    def find(self, name: str, kind: str) -> dict[str, Any]:
        """Return what PortAudio knows of the device `name`; "" is the usual one.

        Raises:
            SoundError: there is none.
        """
        named = self._named(f"max_{kind}_channels")
        if name:
            if name not in named:
                known = f" There are: {', '.join(named)}." if named else " There is none at all."
                raise SoundError(f"There is no sound {kind} {name!r}.{did_you_mean(name, named)}{known}")
            return named[name]
        if not named:
            raise SoundError(f"There is no sound {kind} on this machine.", "Plug one in, or start the sound server.")
        usual = self.library.default.device[0 if kind == "input" else 1]
        return next((device for device in named.values() if device["index"] == usual), next(iter(named.values())))


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Keep ALSA from filling the log with what it didn't find: it writes straight to the standard error."""
    sys.stderr.flush()
    kept = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


class _Stream:
    def __init__(self, system: PortAudio, kind: str, name: str) -> None:
        self._system = system
        self.clock = system.clock
        self._heard_ns = self.clock.now_ns()
        self._stream: Any = None
        self._kind = kind
        self._device = system.find(name, kind)
        self.rate_hz = float(self._device["default_samplerate"])

    def _open(self, callback: Callable[..., None]) -> None:
        sounddevice, kind, device = self._system.library, self._kind, self._device
        make = sounddevice.InputStream if kind == "input" else sounddevice.OutputStream
        try:
            with hushed():
                self._stream = make(
                    device=device["index"],
                    channels=min(CHANNELS, device[f"max_{kind}_channels"]),
                    samplerate=self.rate_hz,
                    dtype="float32",
                    latency=_LATENCY_S,
                    callback=callback,
                )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            self.close()
            raise SoundError(f"The sound {kind} {device['name']!r} doesn't open: {error}.") from error

    @property
    def alive(self) -> bool:
        if self._stream is None or not self._stream.active:
            return False
        return self.clock.now_ns() - self._heard_ns < _STALLED_NS

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close(ignore_errors=True)


class _Output(_Stream):
    def __init__(self, system: PortAudio, name: str, render: Callable[[int, int], Stereo]) -> None:
        super().__init__(system, "output", name)
        self._render = render
        self._blocks = BlockClock(self.rate_hz)
        self._open(self._play)

    def _play(self, out: Any, frames: int, times: Any, status: Any) -> None:
        if status:
            _log.info("sound output: %s", status)
        self._heard_ns = now_ns = self.clock.now_ns()
        ahead_s = times.outputBufferDacTime - times.currentTime
        if not 0 < ahead_s < 2:  # some drivers don't tell
            ahead_s = float(self._stream.latency) if self._stream is not None else _LATENCY_S
        block = self._render(frames, self._blocks.block(now_ns + round(ahead_s * SECOND), frames))
        out[:] = block if out.shape[1] == CHANNELS else block.mean(axis=1, keepdims=True)


class _Input(_Stream):
    def __init__(self, system: PortAudio, name: str, hear: Callable[[Samples], None]) -> None:
        super().__init__(system, "input", name)
        self._hear = hear
        self._open(self._take)

    def _take(self, samples: Any, _frames: int, _times: Any, _status: Any) -> None:
        self._heard_ns = self.clock.now_ns()
        self._hear(samples.copy())
