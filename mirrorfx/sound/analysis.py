"""How loud it is, in three bands, and when something begins."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SOUND_SOURCES", "Analyser", "Levels", "Samples"]

Samples: TypeAlias = "NDArray[np.float32]"
"""``float32[n]``, one channel, full scale -1..1."""

SOUND_SOURCES = ("level", "low", "mid", "high", "onset")

_HOP = 512
_WINDOW = 2048
_BANDS_HZ = ((20.0, 250.0), (250.0, 2000.0), (2000.0, 16000.0))
_QUIET_DB = -60.0
_ONSETS_S = 0.1
_FLUX_HISTORY = 43  # about half a second: what an onset has to stand out from
_FLUX_FACTOR = 2.5
_FLUX_LEAST = 0.05
_SILENT = 1e-9


@dataclass(frozen=True, slots=True)
class Levels:
    """What is heard now, each 0 to 1.

    Attributes:
        level: loudness (RMS), -60 dB to 0 dB of a full-scale sine.
        low: the same for 20 to 250 Hz,
        mid: for 250 to 2000 Hz,
        high: for 2 to 16 kHz.
        onset: 1 when something begins (a beat, a clap), falling to 0 within a tenth of a second.
    """

    level: float = 0.0
    low: float = 0.0
    mid: float = 0.0
    high: float = 0.0
    onset: float = 0.0

    def named(self, source: str) -> float:
        """Return one of `SOUND_SOURCES`."""
        return float(getattr(self, source))


class Analyser:
    """Turns samples into `Levels`, 512 at a time. Threads: one. Realtime: yes, a fraction of a millisecond a hop.

    Onsets are found by spectral flux against its own median (Bello et al., "A tutorial on onset detection in music
    signals", IEEE Trans. Speech Audio Process. 13, 2005).

    Args:
        rate_hz: samples a second.
    """

    def __init__(self, rate_hz: float) -> None:
        self.levels = Levels()
        self.rate_hz = rate_hz
        self._waiting: Samples = np.zeros(0, np.float32)
        self._heard: Samples = np.zeros(_WINDOW, np.float32)
        self._window = np.hanning(_WINDOW).astype(np.float32)
        frequencies = np.fft.rfftfreq(_WINDOW, 1 / rate_hz)
        self._bands = [(frequencies >= low) & (frequencies < high) for low, high in _BANDS_HZ]
        self._before: NDArray[np.float64] | None = None
        self._flux: deque[float] = deque(maxlen=_FLUX_HISTORY)
        self._onset = 0.0

    def feed(self, samples: Samples) -> Levels:
        """Take what was heard since the last call, of any length; return what is heard at its end.

        Args:
            samples: ``float32[n]`` or ``float32[n, channels]``, which are averaged; what is no number is silence.
        """
        mono = samples.mean(axis=1) if samples.ndim == 2 else samples
        self._waiting = np.concatenate([self._waiting, np.nan_to_num(mono, posinf=0.0, neginf=0.0)])
        while len(self._waiting) >= _HOP:
            self._hop(self._waiting[:_HOP])
            self._waiting = self._waiting[_HOP:]
        return self.levels

    def _hop(self, hop: Samples) -> None:
        self._heard = np.concatenate([self._heard[_HOP:], hop])
        # A Hann window halves the amplitude of a sine's peak and takes 3/8 of its power: 2 / sum(w²) makes up for it.
        spectrum = np.abs(np.fft.rfft(self._heard * self._window)).astype(np.float64)
        power = 4 * spectrum**2 / (_WINDOW * float(np.sum(self._window**2)))
        self._mark_onset(np.sqrt(power))
        low, mid, high = (_as_share(float(power[band].sum())) for band in self._bands)
        loud = _as_share(2 * float(np.mean(np.square(self._heard[-2 * _HOP :], dtype=np.float64))))
        self.levels = Levels(loud, low, mid, high, self._onset)

    def _mark_onset(self, amplitude: NDArray[np.float64]) -> None:
        logarithmic = np.log1p(1000 * amplitude)
        before, self._before = self._before, logarithmic
        flux = 0.0 if before is None else float(np.maximum(logarithmic - before, 0).mean())
        usual = float(np.median(self._flux)) if self._flux else 0.0
        rising = flux > max(_FLUX_FACTOR * usual, _FLUX_LEAST)
        self._flux.append(flux)
        falling = max(self._onset - _HOP / self.rate_hz / _ONSETS_S, 0.0)
        self._onset = 1.0 if rising else falling


def _as_share(power: float) -> float:
    """Return 0..1 for -60..0 dB; `power` 1 is a full-scale sine."""
    return float(np.clip(1 - 10 * np.log10(max(power, _SILENT)) / _QUIET_DB, 0.0, 1.0))
