"""The situations that pacing is judged by: pools of workers, what befalls them, cameras and displays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

__all__ = ["CAMERAS_FPS", "DISPLAYS_HZ", "POOLS", "Fault", "Pool", "Scenario", "ServiceModel", "scenarios"]

CAMERAS_FPS = (30.0, 60.0)
DISPLAYS_HZ = (50.0, 59.95, 60.0, 120.0)


@dataclass(frozen=True, slots=True)
class ServiceModel:
    """How long a simulated worker takes: uniform between two bounds, now and then a spike. Milliseconds."""

    low_ms: float
    high_ms: float
    spike_ms: float = 0.0
    spike_share: float = 0.0

    def draw_ms(self, source: random.Random) -> float:
        """Return one service time."""
        if self.spike_share and source.random() < self.spike_share:
            return self.spike_ms
        return source.uniform(self.low_ms, self.high_ms)


@dataclass(frozen=True, slots=True)
class Fault:
    """A worker that fails again and again.

    Attributes:
        worker: which one.
        first_s: when for the first time.
        every_s: and how often from then on.
        back_after_s: it dies and is ready again after so long; None: it hangs, is killed at the deadline and respawned.
    """

    worker: int
    first_s: float
    every_s: float
    back_after_s: float | None


@dataclass(frozen=True, slots=True)
class Pool:
    """Workers and what befalls them."""

    name: str
    workers: tuple[ServiceModel, ...]
    faults: tuple[Fault, ...] = ()
    start_s: float = 3.0
    """From respawn to ready, for a worker that was killed."""
    overlaps: bool = False
    """Whether a worker takes its next frame while it paints one."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A pool between a camera and a display."""

    pool: Pool
    camera_fps: float
    display_hz: float

    @property
    def name(self) -> str:
        """Its name, such as ``2x4090/60fps/59.95Hz``."""
        return f"{self.pool.name}/{self.camera_fps:g}fps/{self.display_hz:g}Hz"

    @property
    def workers(self) -> tuple[ServiceModel, ...]:
        """How long each worker takes."""
        return self.pool.workers

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What befalls them."""
        return self.pool.faults

    @property
    def overlaps(self) -> bool:
        """Whether they take the next frame while they paint one."""
        return self.pool.overlaps

    @property
    def start_s(self) -> float:
        """From respawn to ready."""
        return self.pool.start_s


_RTX_4090 = ServiceModel(70, 74)
_STEADY = ServiceModel(72, 72)

_A100 = ServiceModel(120, 220)

_REAL = (Pool("2x4090", (_RTX_4090,) * 2), Pool("5xA100", (_A100,) * 5))
_FAULTY = (
    Pool("2x72-spiky", (ServiceModel(72, 72, spike_ms=300, spike_share=0.005),) * 2),
    Pool("2x72-dying", (_STEADY,) * 2, (Fault(1, 20, 40, 20),)),
    Pool("2x72-hanging", (_STEADY,) * 2, (Fault(1, 20, 60, None),)),
    Pool("2x72-slow", (_STEADY, ServiceModel(144, 144))),
)
_EQUAL = tuple(Pool(f"{count}x72", (_STEADY,) * count) for count in range(1, 9))
_OVERLAPPING = (
    Pool("2x72-overlap", (_STEADY,) * 2, overlaps=True),
    Pool("2x4090-overlap", (_RTX_4090,) * 2, overlaps=True),
    Pool("5xA100-overlap", (_A100,) * 5, overlaps=True),
    Pool("2x72-spiky-overlap", (ServiceModel(72, 72, spike_ms=300, spike_share=0.005),) * 2, overlaps=True),
    Pool("2x72-hanging-overlap", (_STEADY,) * 2, (Fault(1, 20, 60, None),), overlaps=True),
)

POOLS: tuple[Pool, ...] = (*_REAL, *_FAULTY, *_EQUAL, *_OVERLAPPING)
"""Pools by what was measured on real cards, one for each fault, one to eight equal workers, workers that overlap."""


def scenarios() -> tuple[Scenario, ...]:
    """Return the situations to compare policies in.

    The two pools of real cards meet every camera and display; all others both cameras on 59.95 Hz; and those with
    faults also a 60 fps camera on 50 Hz, where LOCK is at home.
    """
    return tuple(
        Scenario(pool, camera, display)
        for pool in POOLS
        for camera in CAMERAS_FPS
        for display in DISPLAYS_HZ
        if pool in _REAL or display == 59.95 or (pool in _FAULTY and (camera, display) == (60, 50))
    )
