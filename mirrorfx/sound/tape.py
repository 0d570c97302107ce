"""A soundtrack in memory: decoded once, then read at any place and at nearly any speed."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mirrorfx.errors import SoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av import AudioFrame
    from av.container import InputContainer
    from numpy.typing import NDArray

__all__ = ["CHANNELS", "Stereo", "Tape", "decode"]

Stereo: TypeAlias = "NDArray[np.float32]"
"""``float32[n, 2]``, left and right, full scale -1..1."""

CHANNELS = 2
LONGEST_S = 3600.0
_FULL_SCALE = 32768.0
_FIRST_S = 30.0
_FFMPEG_SPEAKS = 24
"""FFmpeg's own log level: warnings of a half-broken file would fill a log for weeks."""


class Tape:
    """Samples of 16 bits that one thread appends while others already read what is there.

    A minute takes 11.5 MB at 48 kHz.

    Args:
        rate_hz: samples a second.
    """

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self.complete = False
        self._samples: NDArray[np.int16] = np.zeros((round(_FIRST_S * rate_hz), CHANNELS), np.int16)
        self._length = 0

    @property
    def length(self) -> int:
        """How many frames (pairs of samples) there are so far."""
        return self._length

    @property
    def duration_s(self) -> float:
        """How long it is, as far as it is there."""
        return self._length / self.rate_hz

    def append(self, samples: NDArray[np.int16]) -> None:
        """Add ``int16[n, 2]`` at the end."""
        end = self._length + len(samples)
        if end > len(self._samples):
            grown = np.zeros((max(end, 2 * len(self._samples)), CHANNELS), np.int16)
            grown[: self._length] = self._samples[: self._length]
            self._samples = grown  # who reads keeps the old array, which holds all that was promised to it
        self._samples[self._length : end] = samples
        self._length = end

    def finish(self) -> None:
        """Note that nothing more comes."""
        self.complete = True

    def read(self, start: float, count: int, *, speed: float = 1.0, loop: bool = False) -> Stereo:
        """Return `count` frames from `start` on, silence where there is nothing. Realtime: yes.

        Between two samples it interpolates by a cubic (Catmull and Rom): at speeds within a percent of 1 nothing of it
        can be heard.

        Args:
            start: the place, in frames.
            count: how many.
            speed: frames of the tape for each that is returned.
            loop: after the last comes the first, as soon as the tape is complete.
        """
        length, samples = self._length, self._samples
        if speed == 1.0 and float(start).is_integer():
            return _picked(samples, int(start) + np.arange(count), length, loop=loop and self.complete)
        places = start + speed * np.arange(count)
        whole = np.floor(places).astype(np.int64)
        part = (places - whole).astype(np.float32)[:, None]
        wraps = loop and self.complete
        a, b, c, d = (_picked(samples, whole + step, length, loop=wraps) for step in (-1, 0, 1, 2))
        curve: Stereo = b + 0.5 * part * (c - a + part * (2 * a - 5 * b + 4 * c - d + part * (3 * (b - c) + d - a)))
        return curve


def _picked(samples: NDArray[np.int16], places: NDArray[np.int64], length: int, *, loop: bool) -> Stereo:
    if loop and length:
        return samples[places % length].astype(np.float32) / _FULL_SCALE
    out = np.zeros((len(places), CHANNELS), np.float32)
    there = (places >= 0) & (places < length)
    out[there] = samples[places[there]].astype(np.float32) / _FULL_SCALE
    return out


def decode(file: str, tape: Tape, cancelled: Callable[[], bool] = lambda: False) -> None:
    """Decode an audio file, or a film's first sound, onto `tape`, at its rate. Takes time; the tape grows meanwhile.

    Raises:
        SoundError: there is no such file, it has no sound, it can't be decoded, or it is longer than an hour.
    """
    import av
    import av.error

    path = Path(file).expanduser()
    try:
        with _quiet_ffmpeg(), av.open(str(path)) as container:
            if not container.streams.audio:
                raise SoundError(f"{path} has no sound. Choose an audio file, or a film with sound.")
            if (container.duration or 0) / av.time_base > LONGEST_S:
                raise _too_long(path)
            if not _copy(container, tape, path, cancelled):
                return
    except FileNotFoundError as error:
        raise SoundError(f"There is no file {path}. Check the spelling, and that the disk is there.") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if not tape.length:
            reason = getattr(error, "strerror", None) or error
            raise SoundError(
                f"{path} can't be played: {reason}. Choose an audio file (WAV, FLAC, MP3, OGG …)."
            ) from error
    if not tape.length:
        raise SoundError(f"{path} holds no sound at all. Copy it again from where it came from.")
    tape.finish()


@contextmanager
def _quiet_ffmpeg() -> Iterator[None]:
    import av

    level_before = av.logging.get_level()
    av.logging.set_level(_FFMPEG_SPEAKS)
    try:
        yield
    finally:
        av.logging.set_level(level_before)


def _copy(container: InputContainer, tape: Tape, path: Path, cancelled: Callable[[], bool]) -> bool:
    """Put the first sound on `tape`; say no when it was cancelled."""
    import av

    # FFmpeg would make one channel 3 dB quieter on both.
    layout = "mono" if container.streams.audio[0].codec_context.channels == 1 else "stereo"
    resampler = av.AudioResampler(format="s16", layout=layout, rate=round(tape.rate_hz))
    for frame in container.decode(audio=0):
        if cancelled():
            return False
        _append(tape, resampler.resample(frame), path)
    _append(tape, resampler.resample(None), path)
    return True


def _append(tape: Tape, frames: list[AudioFrame], path: Path) -> None:
    for frame in frames:
        samples = frame.to_ndarray().astype(np.int16, copy=False).reshape(-1, len(frame.layout.channels))
        tape.append(np.broadcast_to(samples, (len(samples), CHANNELS)))
    if tape.duration_s > LONGEST_S:
        raise _too_long(path)


def _too_long(path: Path) -> SoundError:
    return SoundError(f"{path} is longer than {LONGEST_S / 60:.0f} minutes, the most that is kept in memory. Cut it.")
