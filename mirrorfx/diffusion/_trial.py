"""Trying a rung: one input, the eager picture for it, how far another one is from that, and how long a frame takes."""

from __future__ import annotations

import gc
import statistics
import sys
from typing import TYPE_CHECKING, Any

import torch

from mirrorfx.clock import MS, SECOND, MonotonicClock
from mirrorfx.diffusion._graph import KeptFrameFunction
from mirrorfx.errors import EffectUnavailable

if TYPE_CHECKING:
    from mirrorfx.diffusion.frame_function import FrameFunction
    from mirrorfx.diffusion.models import Models
    from mirrorfx.frame import Size

__all__ = ["TOLERANCE", "Trial", "free_memory", "median_ms", "relative_error"]

TOLERANCE = {torch.float16: 0.05, torch.float32: 1e-3}
"""The largest `relative_error` of a right picture, by the models' type.

Half precision: a number is off by up to 1/2048, and by more after thousands of sums. 0.05 of a picture whose values
have an RMS of 0.5 around grey is an RMS of three levels in 255, less than a camera's noise. A wrong picture (a stale
buffer, a lost layer) is off by 0.1 to 1. Single precision: other orders of sums bring some 1e-6; 1e-3 is a sixteenth of
a level, and leaves room for TF32's 1/2048.
"""

_SEED = 20_231_128
_STRENGTH = 0.5
_FRAMES = 20
_FRAMES_LEAST = 3
_WARM_UPS = 3
_TIME_MOST_NS = 2 * SECOND


class Trial:
    """One input for every rung, and the eager picture for it.

    Args:
        models: what to paint with, all plain.
        size: (width, height) in pixels.
        steps: UNet calls a frame.

    Raises:
        EffectUnavailable: the eager picture itself is not finite.
    """

    def __init__(self, models: Models, size: Size, steps: int) -> None:
        self._dtype = models.dtype
        self._reference = self._painted(KeptFrameFunction(models, size, steps=steps))
        if not torch.isfinite(self._reference).all():
            raise EffectUnavailable(
                f"The model paints numbers that are not finite in {models.dtype}, without any accelerator. "
                "Choose another model, or one whose weights are made for half precision."
            )

    def error(self, function: KeptFrameFunction) -> tuple[float | None, str]:
        """Return the relative error of a function's picture, and why it is not right, "" if it is.

        The error is None for a picture that is not finite. The function is left with the values that a new one has.
        """
        picture = self._painted(function)
        if not torch.isfinite(picture).all():
            return None, "it paints numbers that are not finite"
        error = relative_error(picture, self._reference)
        tolerance = TOLERANCE[self._dtype]
        if error <= tolerance:
            return error, ""
        return error, f"its picture is off by {error:.2g} of the eager one, and {tolerance:g} is the most allowed"

    @torch.no_grad()
    def _painted(self, function: KeptFrameFunction) -> torch.Tensor:
        _set_input(function)
        function.forward()
        picture = function.picture.clone()
        _clear_input(function)
        return picture


def relative_error(picture: torch.Tensor, reference: torch.Tensor) -> float:
    """Return the norm of the difference over the norm of `reference`.

    Both are ``float32[1, 3, H, W]`` around -1..1, before they become bytes, which would hide small errors.
    """
    return float((picture - reference).norm() / reference.norm().clamp_min(1e-12))


def _set_input(function: KeptFrameFunction) -> None:
    """Give noise of a fixed seed as frame, noise and prompt: every part of the networks matters to the picture.

    Hidden states of the text encoders, too, have values around 0 with a spread of about 1.
    """
    generator = torch.Generator().manual_seed(_SEED)
    width, height = function.size
    coarse = torch.rand((1, 3, 8, 8), generator=generator)
    frame = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
    function.load((frame[0] * 255).permute(1, 2, 0).to(torch.uint8).contiguous())
    function.set_noise(*_drawn(function.noise_shapes, generator))
    function.set_conditioning(*_drawn(function.conditioning_shapes, generator))
    function.set_strength(_STRENGTH)


def _clear_input(function: KeptFrameFunction) -> None:
    function.load(torch.zeros((function.size[1], function.size[0], 3), dtype=torch.uint8))
    function.set_noise(*map(torch.zeros, function.noise_shapes))
    function.set_conditioning(*map(torch.zeros, function.conditioning_shapes))
    function.set_strength(0.0)


def _drawn(shapes: tuple[tuple[int, ...], ...], generator: torch.Generator) -> list[torch.Tensor]:
    return [torch.randn(shape, generator=generator) for shape in shapes]


def median_ms(function: FrameFunction) -> float:
    """Return the median milliseconds of `paint`: all of a frame but the camera's copy."""
    device = function.painted.device
    once = _gpu_ms if device.type == "cuda" else _clock_ms
    clock = MonotonicClock()
    for _ in range(_WARM_UPS if device.type == "cuda" else 0):
        function.paint()
    end_ns = clock.now_ns() + _TIME_MOST_NS
    times: list[float] = []
    while len(times) < _FRAMES_LEAST or (len(times) < _FRAMES and clock.now_ns() < end_ns):
        times.append(once(function))
    return statistics.median(times)


def _gpu_ms(function: FrameFunction) -> float:
    cuda: Any = torch.cuda  # its events carry no types
    with cuda.device(function.painted.device):
        began, ended = (cuda.Event(enable_timing=True) for _ in range(2))
        began.record()
        function.paint()
        ended.record()
        ended.synchronize()
    return float(began.elapsed_time(ended))


def _clock_ms(function: FrameFunction) -> float:
    clock = MonotonicClock()
    began_ns = clock.now_ns()
    function.paint()
    return (clock.now_ns() - began_ns) / MS


def free_memory(device: torch.device) -> None:
    """Give back what a dropped rung held.

    Raises:
        RuntimeError: the GPU no longer answers this process.
    """
    if "torch._dynamo" in sys.modules:  # compiled code would keep its networks
        torch.compiler.reset()
    gc.collect()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.empty_cache()
