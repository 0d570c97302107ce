"""Where a frame's time goes on the device: kernels by kind, from torch's profiler.

This module imports torch; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch
from torch.profiler import ProfilerActivity, profile

from mirrorfx.diffusion.gpu_bench_timing import camera_pictures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mirrorfx.diffusion.frame_function import FrameFunction

__all__ = ["kernel_kind", "profile_frames", "sorted_kernels"]

# The first that matches counts: a convolution's kernel is often called an implicit gemm.
_KINDS = (
    ("attention", r"flash|fmha|attention|sdpa|softmax"),
    ("convolution", r"conv|fprop|dgrad|winograd|im2col|cudnn.*(gemm|xmma)"),
    ("matmul", r"gemm|gemv|nvjet|cutlass|xmma|matmul|addmm|bmm|::mm\b|splitk|triton_.*_mm_"),
    ("norm", r"norm|welford|rowwise|moments|triton_(red|per)"),
    ("copy", r"memcpy|memset|copy|catarray|nchw|nhwc|transpose|::cat\b|contiguous|::_to_copy|::fill"),
    (
        "elementwise",
        r"elementwise|triton_poi|vectorized|::(add|mul|div|sub|silu|gelu|relu|lerp|clamp|round)|upsample|gelu",
    ),
)
_ROWS_MOST = 40


def kernel_kind(name: str) -> str:
    """Sort a kernel or an operation by its name: attention, convolution, matmul, norm, copy, elementwise or other."""
    return next((kind for kind, pattern in _KINDS if re.search(pattern, name, re.IGNORECASE)), "other")


@torch.no_grad()
def profile_frames(function: FrameFunction, frames: int = 5) -> dict[str, Any]:
    """Profile some frames, uploads included.

    Returns:
        ``frames``; ``busy_ms`` a frame, the sum over kernels; ``kinds``: for each its ``ms`` a frame and its ``share``;
        ``kernels``: the slowest, each ``name``, ``kind``, ``calls`` and ``ms`` a frame. On a CPU operations stand for
        kernels.
    """
    on_gpu = function.painted.device.type == "cuda"
    pictures = camera_pictures(function.size)
    activities = [ProfilerActivity.CPU, ProfilerActivity.CUDA] if on_gpu else [ProfilerActivity.CPU]
    with profile(activities=activities, acc_events=True) as recorded:
        for index in range(frames):
            function.load(pictures[index % len(pictures)])
            function.paint()
        if on_gpu:
            torch.cuda.synchronize(function.painted.device)
    return sorted_kernels(_kernels(recorded.key_averages(), on_gpu=on_gpu), frames)


def _kernels(averages: Iterable[Any], *, on_gpu: bool) -> list[tuple[str, int, float]]:
    """Return (name, calls, microseconds) of what ran on the device itself, without the operations that launched it."""
    if not on_gpu:
        return [(each.key, each.count, each.self_cpu_time_total) for each in averages]
    autograd: Any = torch.autograd
    cuda = autograd.DeviceType.CUDA
    return [
        (each.key, each.count, each.self_device_time_total)
        for each in averages
        if each.device_type == cuda and not getattr(each, "is_user_annotation", False)
    ]


def sorted_kernels(kernels: Iterable[tuple[str, int, float]], frames: int) -> dict[str, Any]:
    """Sum (name, calls, microseconds) up by kind and put the slowest first."""
    rows = sorted(kernels, key=lambda row: -row[2])
    total = sum(us for _, _, us in rows) or 1.0
    kinds: dict[str, float] = {}
    for name, _, us in rows:
        kinds[kernel_kind(name)] = kinds.get(kernel_kind(name), 0.0) + us
    slowest_first = sorted(kinds.items(), key=lambda item: -item[1])
    return {
        "frames": frames,
        "busy_ms": round(total / frames / 1e3, 4),
        "kinds": {
            kind: {"ms": round(us / frames / 1e3, 4), "share": round(us / total, 4)} for kind, us in slowest_first
        },
        "kernels": [
            {"name": name, "kind": kernel_kind(name), "calls": calls / frames, "ms": round(us / frames / 1e3, 4)}
            for name, calls, us in rows[:_ROWS_MOST]
        ],
    }
