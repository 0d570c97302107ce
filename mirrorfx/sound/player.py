"""Plays a soundtrack so that each sample is heard at its time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mirrorfx.clock import MS, SECOND
from mirrorfx.sound.tape import CHANNELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.sound.tape import Stereo, Tape

__all__ = ["Player"]

_STOP_S = 0.5
_CROSS_S = 0.03
_VOLUME_S = 0.03
_LATE_NS = 50 * MS
_LOST_NS = SECOND
_SLEW = 0.002
_SLEW_FROM_NS, _SLEW_TO_NS = 10 * MS, MS


@dataclass(slots=True)
class _Voice:
    """One playing of the tape; a new start overlaps with the one before for a moment."""

    tape: Tape
    t_start_ns: int
    place: float | None = None
    """The next frame of the tape; None before it has begun."""
    fade_in: bool = False
    t_end_ns: int | None = None
    end_s: float = _STOP_S
    ended: int = 0
    """Frames since it began to fade out."""
    slewing: bool = False


class Player:
    """Renders the soundtrack block by block for a sound device.

    A start at time t is heard at t + delay: the delay of the wall, so that sound meets picture. What begins less than
    50 ms too late begins at its beginning; what is later joins where it should be. While it plays, it runs 0.2 % faster
    or slower when it is more than 10 ms from its place (the delay has changed, the sound device's clock is not ours),
    which nobody hears; only after a standstill of more than a second it jumps.

    Threads: `render` in the device's, the rest in one other.

    Args:
        rate_hz: of the device.
    """

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self.loop = False
        self.delay_ns = 0
        self.volume = 1.0
        self._heard_volume = 1.0
        self._orders: deque[Callable[[], None]] = deque()
        self._voices: list[_Voice] = []
        self._settling = np.exp(-np.arange(1, 8193) / (_VOLUME_S * rate_hz)).astype(np.float32)

    @property
    def silent(self) -> bool:
        """Whether nothing plays and nothing is about to."""
        return not self._voices and not self._orders

    def start(self, tape: Tape, t_ns: int) -> None:
        """Play `tape` from its beginning, as if begun at `t_ns`; what plays is faded out over 30 ms then."""
        self._orders.append(lambda: self._start(tape, t_ns))

    def stop(self, t_ns: int) -> None:
        """Fade out over half a second from `t_ns` on."""
        self._orders.append(lambda: self._end_all(t_ns, _STOP_S))

    def render(self, frames: int, t_ns: int) -> Stereo:
        """Return the next block, ``float32[frames, 2]`` within -1..1, of which the first is heard at `t_ns`."""
        while self._orders:
            self._orders.popleft()()
        out: Stereo = np.zeros((frames, CHANNELS), np.float32)
        for voice in self._voices:
            self._add(voice, out, t_ns)
        self._voices = [voice for voice in self._voices if not self._over(voice)]
        clipped: Stereo = np.clip(out * self._gains(frames)[:, None], -1.0, 1.0)
        return clipped

    def _start(self, tape: Tape, t_ns: int) -> None:
        self._end_all(t_ns, _CROSS_S)
        self._voices.append(_Voice(tape, t_ns))

    def _end_all(self, t_ns: int, seconds: float) -> None:
        for voice in self._voices:
            if voice.t_end_ns is None or (voice.ended <= 0 and t_ns < voice.t_end_ns):
                voice.t_end_ns, voice.end_s, voice.ended = t_ns, seconds, 0
        self._voices = [voice for voice in self._voices if voice.place is not None or voice.t_start_ns < t_ns]

    def _frames_from(self, t_ns: int, due_ns: int) -> int:
        """Return how many frames lie between `t_ns` and `due_ns`."""
        return round((due_ns - t_ns) * self.rate_hz / SECOND)

    def _add(self, voice: _Voice, out: Stereo, t_ns: int) -> None:
        first = 0
        if voice.place is None:
            first = self._frames_from(t_ns, voice.t_start_ns + self.delay_ns)
            if first >= len(out):
                return
            late_ns = t_ns - voice.t_start_ns - self.delay_ns
            voice.fade_in = late_ns > _LATE_NS
            voice.place = float(-first) if voice.fade_in else 0.0
            first = max(first, 0)
        count = len(out) - first
        self._stay_on_tape(voice)
        speed = self._speed(voice, t_ns + round(first * SECOND / self.rate_hz), count)
        samples = voice.tape.read(voice.place, count, speed=speed, loop=self.loop)
        voice.place += count * speed
        if not voice.slewing:
            voice.place = float(round(voice.place))  # it is whole but for the last bit
        if voice.fade_in:
            voice.fade_in = False
            samples *= np.minimum(np.arange(count) / (_CROSS_S * self.rate_hz), 1.0).astype(np.float32)[:, None]
        if voice.t_end_ns is not None:
            samples *= self._fade_out(voice, voice.t_end_ns, count, t_ns, first)
        out[first:] += samples

    def _stay_on_tape(self, voice: _Voice) -> None:
        """Count whole passes as over, so that the last one is played to its end when the loop is switched off."""
        assert voice.place is not None
        length = voice.tape.length
        if self.loop and voice.tape.complete and voice.place >= length > 0:
            passes = voice.place // length
            voice.place -= passes * length
            voice.t_start_ns += round(passes * length * SECOND / self.rate_hz)

    def _speed(self, voice: _Voice, t_ns: int, count: int) -> float:
        """Return how fast to play so that it comes to where it should be, or put it there when that is far off."""
        assert voice.place is not None
        behind_ns = t_ns - voice.t_start_ns - self.delay_ns - round(voice.place * SECOND / self.rate_hz)
        if abs(behind_ns) > _LOST_NS:
            voice.place = float(max(self._frames_from(voice.t_start_ns + self.delay_ns, t_ns), 0))
            voice.fade_in, voice.slewing = True, False
            self._stay_on_tape(voice)
            return 1.0
        voice.slewing = abs(behind_ns) > (_SLEW_TO_NS if voice.slewing else _SLEW_FROM_NS)
        if not voice.slewing:  # and back to whole frames, of which nothing is lost by interpolation
            return (round(voice.place + count) - voice.place) / count
        return 1.0 + _SLEW if behind_ns > 0 else 1.0 - _SLEW

    def _fade_out(self, voice: _Voice, t_end_ns: int, count: int, t_ns: int, first: int) -> Stereo:
        if voice.ended == 0:
            voice.ended = min(first - self._frames_from(t_ns, t_end_ns + self.delay_ns), 0)
        passed = voice.ended + np.arange(count)
        voice.ended += count
        gains: Stereo = np.clip(1.0 - passed / (voice.end_s * self.rate_hz), 0.0, 1.0).astype(np.float32)[:, None]
        return gains

    def _over(self, voice: _Voice) -> bool:
        if voice.place is None:
            return False
        faded = voice.ended >= voice.end_s * self.rate_hz
        return faded or (not self.loop and voice.tape.complete and voice.place >= voice.tape.length)

    def _gains(self, frames: int) -> Stereo:
        """Return the volume for each frame: a change settles within a tenth of a second."""
        if frames > len(self._settling):
            self._settling = np.exp(-np.arange(1, frames + 1) / (_VOLUME_S * self.rate_hz)).astype(np.float32)
        gains: Stereo = self.volume + (self._heard_volume - self.volume) * self._settling[:frames]
        self._heard_volume = float(gains[-1]) if frames else self._heard_volume
        return gains
