"""The drifting noise on the device: keyframes are uploaded ahead of need and added up there.

A frame costs at most a handful of additions. The weights travel as arguments of the additions, so nothing is copied
and nothing waits. CPU and GPU add in the same order in float32; they may differ in the last bit, where one fuses
multiplication and addition and the other does not: at most about 1e-6 of a standard deviation.

This module imports torch; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

import torch

from mirrorfx.params import Params

if TYPE_CHECKING:
    from mirrorfx.diffusion.noise import DriftNoise, KeyframeId
    from mirrorfx.effects._turbo_lanes import Lanes

__all__ = ["DeviceNoise"]

_KEYFRAMES_MOST = 64


class DeviceNoise:
    """The noise of one latent size on one device.

    Threads: `mix` in the one that paints, the rest in any.

    Args:
        drift: says which keyframes with which weights, and makes them.
        steps: UNet calls a frame; each after the first has noise of its own, which does not drift.
        lanes: of the device.

    Attributes:
        start: ``float32[1, 4, h, w]``, what the picture starts from; static.
        later: ``float32[steps - 1, 1, 4, h, w]``, what is added between steps; static.
    """

    def __init__(self, drift: DriftNoise, steps: int, lanes: Lanes) -> None:
        self._drift = drift
        self._steps = steps
        self._lanes = lanes
        self._kept: OrderedDict[KeyframeId, torch.Tensor] = OrderedDict()
        self._lock = Lock()
        self._plans: list[list[tuple[KeyframeId, float]]] = []
        self._before: Params | None = None
        self.start = torch.zeros((1, *drift.shape), device=lanes.device)
        self.later = torch.zeros((steps - 1, 1, *drift.shape), device=lanes.device)

    def __len__(self) -> int:
        return len(self._kept)

    def mix(self, params: Params) -> bool:
        """Add up `start` and `later` for a frame in the current lane; return whether anything changed.

        Realtime: yes, when `look_ahead` was called in time; a missing keyframe is made on the spot.
        """
        plans = [self._drift.plan(params, step) for step in range(self._steps)]
        if plans == self._plans:
            return False
        self._plans = []
        self._add_up(plans[0], self.start[0])
        for step, plan in enumerate(plans[1:]):
            self._add_up(plan, self.later[step, 0])
        self._plans = plans
        return True

    def _add_up(self, plan: list[tuple[KeyframeId, float]], total: torch.Tensor) -> None:
        total.zero_()
        for key, weight in plan:
            total.add_(self._keyframe(key), alpha=weight)

    def forget(self) -> None:
        """Let the next `mix` add everything up anew."""
        self._plans = []

    def prepare(self, params: Params) -> None:
        """Make what `mix` needs at `params` and on a fade there from those prepared before. Realtime: no."""
        self.look_ahead(params)
        before, self._before = self._before, params
        if before is not None and before.seed != params.seed:
            both = ((before.seed, 0.5), (params.seed, 0.5))
            self.look_ahead(Params(params.values, params.revision, {"seed": both}, params.phase))

    def look_ahead(self, params: Params) -> None:
        """Make what `mix` needs now and until the keyframe after the next. Realtime: no."""
        self._drift.prepare(params, self._steps)
        for key in self._wanted(params):
            self._keyframe(key)

    def ready(self, params: Params) -> bool:
        """Say whether `look_ahead` has nothing left to do. Realtime: yes."""
        with self._lock:
            return all(key in self._kept for key in self._wanted(params))

    def _wanted(self, params: Params) -> list[KeyframeId]:
        from mirrorfx.diffusion.noise import KeyframeId

        first = math.floor(params.phase)
        seeds = [int(seed) for seed, _ in params.mix("seed")]
        walking = [KeyframeId(seed, index) for seed in seeds for index in range(first - 1, first + 4)]
        return walking + [KeyframeId(seed, 0, step) for seed in seeds for step in range(1, self._steps)]

    def _keyframe(self, key: KeyframeId) -> torch.Tensor:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        placed = self._placed(key)
        with self._lock:
            self._kept[key] = placed
            while len(self._kept) > _KEYFRAMES_MOST:
                self._kept.popitem(last=False)
        return placed

    def _placed(self, key: KeyframeId) -> torch.Tensor:
        """Make a keyframe on the CPU and bring it to the device; it is there when this returns."""
        host = self._lanes.host(self._drift.shape, torch.float32)
        host.numpy()[...] = self._drift.keyframe(key)
        with self._lanes.aside.entered():
            placed = host.to(self._lanes.device, non_blocking=True)
        self._lanes.aside.drain()
        return self._lanes.compute.borrows(placed)
