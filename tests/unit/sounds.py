"""Sounds made for tests."""

from __future__ import annotations

import wave

import numpy as np

RATE = 48000


def tone(hz, seconds, rate=RATE, volume=0.5):
    wave_ = volume * 32767 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return np.stack([wave_, wave_], axis=1).astype(np.int16)


def write_wav(path, samples, rate=RATE):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path
