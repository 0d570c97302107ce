"""How long frames take: on the clock, bytes to bytes, and on the device alone.

A *whole frame* begins with a picture in ordinary memory and ends with the painted one there: upload, painting,
download through pinned memory, one last copy, and all waiting. *Device time* is `FrameFunction.paint` alone, between
two CUDA events. Not in either: camera, resizing, new noise, prompts, the way between processes.

This module imports torch; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mirrorfx.clock import MS, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mirrorfx.clock import Clock
    from mirrorfx.diffusion.frame_function import FrameFunction
    from mirrorfx.frame import Image, Size

__all__ = ["Fetch", "Marks", "camera_pictures", "median_ms", "summary", "time_frames", "time_overlapped", "time_stages"]


def summary(times_ms: Sequence[float]) -> dict[str, float]:
    """Return median, p95, p99 (nearest rank), minimum, maximum, mean and standard deviation, in milliseconds."""
    ordered = sorted(times_ms)
    figures = {
        "median": statistics.median(ordered),
        "p95": _ranked(ordered, 0.95),
        "p99": _ranked(ordered, 0.99),
        "min": ordered[0],
        "max": ordered[-1],
        "mean": statistics.fmean(ordered),
        "std": statistics.pstdev(ordered),
    }
    return {name: round(value, 4) for name, value in figures.items()}


def _ranked(ordered: Sequence[float], quantile: float) -> float:
    return ordered[max(0, math.ceil(quantile * len(ordered)) - 1)]


class Marks:
    """Moments in the order of the device's work: CUDA events, or the clock where a call returns with its work done."""

    def __init__(self, device: torch.device, clock: Clock) -> None:
        self._device = device
        self._clock = clock
        self._marks: list[Any] = []

    def mark(self) -> None:
        """Put a mark behind what was launched so far; on a GPU without waiting for it."""
        if self._device.type == "cuda":
            event = _event(self._device, timed=True)
            self._marks.append(event)
        else:
            self._marks.append(self._clock.now_ns())

    def gaps_ms(self) -> list[float]:
        """Wait for the last mark; return the milliseconds from each to the next."""
        pairs = list(zip(self._marks, self._marks[1:], strict=False))
        if self._device.type != "cuda":
            return [(after - before) / MS for before, after in pairs]
        self._marks[-1].synchronize()
        return [before.elapsed_time(after) for before, after in pairs]


class Fetch:
    """Brings painted pictures back: to pinned memory without blocking, then to an ordinary array."""

    def __init__(self, size: Size, device: torch.device) -> None:
        self._device = device
        width, height = size
        self._pinned = torch.empty((height, width, 4), dtype=torch.uint8, pin_memory=device.type == "cuda")
        self._arrived: Any = None
        self.out: Image = np.empty((height, width, 4), np.uint8)

    def start(self, painted: torch.Tensor) -> None:
        """Launch the copy to pinned memory."""
        self._pinned.copy_(painted, non_blocking=True)
        if self._device.type == "cuda":
            self._arrived = _event(self._device)

    def finish(self) -> Image:
        """Wait for it and copy it on to `out`."""
        if self._arrived is not None:
            self._arrived.synchronize()
        np.copyto(self.out, self._pinned.numpy())
        return self.out


def _event(device: torch.device, *, timed: bool = False) -> Any:
    """Return an event behind what was launched on the device's current stream."""
    cuda: Any = torch.cuda
    event = cuda.Event(enable_timing=timed)
    event.record(cuda.current_stream(device))
    return event


def camera_pictures(size: Size, count: int = 8) -> list[Image]:
    """Return smooth pictures with a little sensor noise, ``uint8[H, W, 3]`` BGR, the same ones every time."""
    width, height = size
    draw = torch.Generator().manual_seed(0)
    coarse = torch.rand((count, 3, 6, 6), generator=draw)
    smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic") * 255
    noisy = smooth + torch.randn(smooth.shape, generator=draw) * 3
    pixels = noisy.clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
    return list(pixels)


def time_frames(function: FrameFunction, frames: int, warmup: int, clock: Clock) -> dict[str, dict[str, float]]:
    """Paint frames one after the other, a new picture each; return the summaries ``frame_ms`` and ``device_ms``."""
    device = function.painted.device
    pictures, fetch = camera_pictures(function.size), Fetch(function.size, device)
    whole, on_device = [], []
    for index in range(-warmup, frames):
        marks, began_ns = Marks(device, clock), clock.now_ns()
        function.load(pictures[index % len(pictures)])
        marks.mark()
        painted = function.paint()
        marks.mark()
        fetch.start(painted)
        fetch.finish()
        took_ms = (clock.now_ns() - began_ns) / MS
        if index >= 0:
            whole.append(took_ms)
            on_device.append(marks.gaps_ms()[0])
    return {"frame_ms": summary(whole), "device_ms": summary(on_device)}


def time_overlapped(function: FrameFunction, frames: int, clock: Clock) -> float:
    """Return frames a second with two under way: the next is launched before the last is waited for.

    Pictures come from pinned memory, on one stream. On a CPU nothing overlaps.
    """
    device = function.painted.device
    pinned = [torch.from_numpy(picture) for picture in camera_pictures(function.size)]
    if device.type == "cuda":
        pinned = [picture.pin_memory() for picture in pinned]
    fetches = [Fetch(function.size, device) for _ in range(2)]
    began_ns = clock.now_ns()
    for index in range(frames):
        function.load(pinned[index % len(pinned)])
        fetches[index % 2].start(function.paint())
        if index:
            fetches[(index - 1) % 2].finish()
    fetches[(frames - 1) % 2].finish()
    return round(frames * SECOND / max(1, clock.now_ns() - began_ns), 3)


@torch.no_grad()
def time_stages(function: FrameFunction, frames: int, clock: Clock) -> dict[str, float]:
    """Return the median milliseconds of each stage on the device, launched one by one, outside any graph."""
    device = function.painted.device
    pictures, fetch = camera_pictures(function.size), Fetch(function.size, device)
    gaps: list[list[float]] = []
    for index in range(frames + 2):
        marks = Marks(device, clock)
        marks.mark()
        function.load(pictures[index % len(pictures)])
        marks.mark()
        latents = function.encode()
        marks.mark()
        clean = function.denoise(latents)
        marks.mark()
        picture = function.decode(clean)
        marks.mark()
        function.quantise(picture)
        marks.mark()
        fetch.start(function.hand_out())
        marks.mark()
        gaps.append(marks.gaps_ms())
        fetch.finish()
    names = ("upload", "encode", "denoise", "decode", "quantise", "download")
    medians = (statistics.median(times) for times in zip(*gaps[2:], strict=True))
    return {name: round(ms, 4) for name, ms in zip(names, medians, strict=True)}


def median_ms(action: Callable[[], object], device: torch.device, clock: Clock, *, repeats: int = 20) -> float:
    """Return the median milliseconds that `action` takes on the device, after three runs to warm up."""
    times = []
    for index in range(repeats + 3):
        marks = Marks(device, clock)
        marks.mark()
        action()
        marks.mark()
        if index >= 3:
            times += marks.gaps_ms()
    return statistics.median(times)
