"""The moving background of the demo clip: drifting clouds of coloured light, two beams and lights out of focus."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["Stage"]

Plane = npt.NDArray[np.float32]

_WORK_PX = 512
_DARK = (0.20, 0.13, 0.07)
_TEAL = (0.62, 0.50, 0.16)
_VIOLET = (0.55, 0.22, 0.34)
_WARM = (0.30, 0.55, 0.95)
_LIGHTS = 34
_LIGHT_COLOURS = ((0.35, 0.68, 1.0), (0.85, 0.75, 0.35), (0.8, 0.45, 0.85), (0.55, 0.85, 1.0))


@dataclass(frozen=True, slots=True)
class _Light:
    """One light out of focus: a disc that wanders round a point; lengths are shares of the picture's side."""

    centre: tuple[float, float]
    reach: tuple[float, float]
    radius: float
    colour: tuple[float, float, float]
    phase: float
    turns: int


class Stage:
    """A background that moves and comes back to where it began.

    Args:
        size_px: the side of the square pictures.
        seed: which clouds and lights.
    """

    def __init__(self, size_px: int, seed: int = 3) -> None:
        rng = np.random.Generator(np.random.Philox(key=seed))
        self._size_px = size_px
        self._clouds = [_clouds(rng, slope) for slope in (1.9, 1.6, 1.9)]
        self._lights = [_light(rng) for _ in range(_LIGHTS)]

    def at(self, turn: float) -> Plane:
        """Return the background at `turn` (0 to 1 is one round): ``float32[H, W, 3]`` BGR, 0 to 1."""
        picture = self._ground(turn) + self._beams(turn)
        for light in self._lights:
            _add_light(picture, light, turn)
        picture = cv2.resize(picture, (self._size_px, self._size_px), interpolation=cv2.INTER_CUBIC)
        return np.clip(picture, 0, 1)

    def _ground(self, turn: float) -> Plane:
        first = _shifted(self._clouds[0], turn, 0)
        second = _shifted(self._clouds[1], -turn, 0.25 * math.sin(2 * math.pi * turn) / 2)
        third = _shifted(self._clouds[2], 0, turn)
        y, x = np.mgrid[0 : 1 : _WORK_PX * 1j, 0 : 1 : _WORK_PX * 1j].astype(np.float32)
        glow = np.exp(-((x - 0.5) ** 2 + (y - 0.35) ** 2) / 0.22)[..., None]
        teal, violet, warm = (np.array(colour, np.float32) for colour in (_TEAL, _VIOLET, _WARM))
        ground = np.array(_DARK, np.float32) * (0.7 + 0.5 * glow)
        ground = ground + teal * (0.5 * first[..., None] ** 2 * (0.4 + glow))
        ground = ground + violet * (0.42 * third[..., None] ** 2)
        return ground + warm * (0.5 * (first * second)[..., None] ** 2 * glow)

    def _beams(self, turn: float) -> Plane:
        y, x = np.mgrid[0 : 1 : _WORK_PX * 1j, 0 : 1 : _WORK_PX * 1j].astype(np.float32)
        light = np.zeros((_WORK_PX, _WORK_PX, 3), np.float32)
        for base, side, colour in ((0.1, 1, _WARM), (0.92, -1, _TEAL)):
            angle = side * (0.45 + 0.28 * math.sin(2 * math.pi * turn + base * 5))
            across = (x - base) * math.cos(angle) - (y + 0.25) * math.sin(angle)
            along = np.maximum((x - base) * math.sin(angle) + (y + 0.25) * math.cos(angle), 0)
            beam = np.exp(-((across / (0.03 + 0.11 * along)) ** 2)) * np.exp(-1.1 * along)
            light += 0.55 * beam[..., None] * np.array(colour, np.float32)
        return light


def _clouds(rng: np.random.Generator, slope: float) -> Plane:
    """Return ``float32[512, 512]``, 0 to 1: noise whose power falls with frequency, so that it tiles without a seam."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(_WORK_PX), np.fft.fftfreq(_WORK_PX)))
    frequency[0, 0] = 1
    spectrum = np.fft.fft2(rng.standard_normal((_WORK_PX, _WORK_PX))) / frequency**slope
    # The lowest two waves alone would be one big blob, the highest grain.
    spectrum[frequency < 1.5 / _WORK_PX] = 0
    noise = np.fft.ifft2(spectrum * np.exp(-((frequency * 40) ** 2))).real
    return np.clip(0.5 + noise / (4 * noise.std()), 0, 1).astype(np.float32)


def _shifted(tile: Plane, right: float, down: float) -> Plane:
    """Return `tile` moved by shares of its side, wrapping round."""
    x, y = np.meshgrid(*[np.arange(_WORK_PX, dtype=np.float32)] * 2)
    x, y = (x - right * _WORK_PX) % _WORK_PX, (y - down * _WORK_PX) % _WORK_PX
    return cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def _light(rng: np.random.Generator) -> _Light:
    colour = _LIGHT_COLOURS[rng.integers(len(_LIGHT_COLOURS))]
    share = 0.10 + 0.25 * rng.random()
    return _Light(
        centre=(rng.random(), 0.85 * rng.random()),
        reach=(0.03 + 0.1 * rng.random(), 0.02 + 0.07 * rng.random()),
        radius=0.012 + 0.035 * rng.random() ** 1.5,
        colour=(colour[0] * share, colour[1] * share, colour[2] * share),
        phase=2 * math.pi * rng.random(),
        turns=int(rng.integers(1, 3)),
    )


def _add_light(picture: Plane, light: _Light, turn: float) -> None:
    angle = 2 * math.pi * light.turns * turn + light.phase
    x = (light.centre[0] + light.reach[0] * math.sin(angle)) * _WORK_PX
    y = (light.centre[1] + light.reach[1] * math.cos(angle)) * _WORK_PX
    radius = light.radius * _WORK_PX
    left, top = max(int(x - radius) - 3, 0), max(int(y - radius) - 3, 0)
    part = picture[top : int(y + radius) + 4, left : int(x + radius) + 4]
    if not part.size:
        return
    rows, columns = np.mgrid[0 : part.shape[0], 0 : part.shape[1]].astype(np.float32)
    distance = np.hypot(columns + left - x, rows + top - y)
    disc = np.clip((radius - distance) / 1.6 + 0.5, 0, 1) * (0.65 + 0.35 * (distance / radius) ** 3)
    part += (disc * (0.75 + 0.25 * math.sin(angle + 1)))[..., None] * np.array(light.colour, np.float32)
