"""What the card itself can do: the rates that a frame's time is held against.

Each rate is the median of 20 runs on random data (zeros run faster than real work), by CUDA events.

This module imports torch; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as nn

from mirrorfx.diffusion.gpu_bench_timing import median_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mirrorfx.clock import Clock

__all__ = ["ceilings"]


@dataclass(frozen=True, slots=True)
class _Problem:
    """How much work is given: enough to fill a GPU, or just enough for a CPU to show that the bench runs."""

    matrix: int
    channels: int
    side: int
    batch: int
    tokens: int
    copied_mb: int


_LARGE = _Problem(matrix=8192, channels=512, side=128, batch=8, tokens=4096, copied_mb=512)
_SMALL = _Problem(matrix=256, channels=16, side=32, batch=1, tokens=128, copied_mb=8)
_ATTENTION_HEADS, _HEAD_WIDTH = 10, 64


@torch.no_grad()
def ceilings(device: torch.device, dtype: torch.dtype, clock: Clock) -> dict[str, float | None]:
    """Measure the rates of `device`.

    Returns:
        TFLOP/s of an 8192³ matrix product, with sums in fp32 (``matmul_tflops``) and in fp16
        (``matmul_fp16_sums_tflops``; None where torch can't or the numbers aren't fp16); of a 3×3 convolution of 512
        channels in channels_last; of attention as the UNet's largest (10 heads of 64, 4096 tokens). GB/s of a copy on
        the device, bytes read and written both counted, and of copies from and to pinned memory. A CPU gets small
        problems: enough to show that this runs.
    """
    problem = _LARGE if device.type == "cuda" else _SMALL
    return {
        "matmul_tflops": _matmul(problem, device, dtype, clock),
        "matmul_fp16_sums_tflops": _matmul_fp16_sums(problem, device, dtype, clock),
        "convolution_tflops": _convolution(problem, device, dtype, clock),
        "attention_tflops": _attention(problem, device, dtype, clock),
        **_copies(problem, device, clock),
    }


def _matmul(problem: _Problem, device: torch.device, dtype: torch.dtype, clock: Clock) -> float:
    side = problem.matrix
    a, b = (torch.randn((side, side), device=device, dtype=dtype) for _ in range(2))
    return _tflops(2 * side**3, median_ms(lambda: a @ b, device, clock))


def _matmul_fp16_sums(problem: _Problem, device: torch.device, dtype: torch.dtype, clock: Clock) -> float | None:
    if dtype != torch.float16 or not hasattr(torch.backends.cuda.matmul, "allow_fp16_accumulation"):
        return None
    with _fp16_sums():
        return _matmul(problem, device, dtype, clock)


@contextmanager
def _fp16_sums() -> Iterator[None]:
    switches = torch.backends.cuda.matmul
    before = switches.allow_fp16_accumulation
    switches.allow_fp16_accumulation = True
    try:
        yield
    finally:
        switches.allow_fp16_accumulation = before


def _convolution(problem: _Problem, device: torch.device, dtype: torch.dtype, clock: Clock) -> float:
    channels, side, batch = problem.channels, problem.side, problem.batch
    picture = torch.randn((batch, channels, side, side), device=device, dtype=dtype)
    weight = torch.randn((channels, channels, 3, 3), device=device, dtype=dtype)
    picture, weight = (each.to(memory_format=torch.channels_last) for each in (picture, weight))
    flop = 2 * 9 * channels**2 * side**2 * batch
    return _tflops(flop, median_ms(lambda: nn.conv2d(picture, weight, padding=1), device, clock))


def _attention(problem: _Problem, device: torch.device, dtype: torch.dtype, clock: Clock) -> float:
    shape = (1, _ATTENTION_HEADS, problem.tokens, _HEAD_WIDTH)
    q, k, v = (torch.randn(shape, device=device, dtype=dtype) for _ in range(3))
    flop = 4 * _ATTENTION_HEADS * problem.tokens**2 * _HEAD_WIDTH
    return _tflops(flop, median_ms(lambda: nn.scaled_dot_product_attention(q, k, v), device, clock))


def _copies(problem: _Problem, device: torch.device, clock: Clock) -> dict[str, float]:
    count = problem.copied_mb * 1_000_000
    a = torch.randint(0, 256, (count,), dtype=torch.uint8, device=device)
    b = torch.empty_like(a)
    part = min(count, 256_000_000)
    pinned = torch.randint(0, 256, (part,), dtype=torch.uint8).pin_memory() if device.type == "cuda" else a[:part]
    actions = {
        "copy_gb_s": (2 * count, lambda: b.copy_(a)),
        "upload_gb_s": (part, lambda: b[:part].copy_(pinned, non_blocking=True)),
        "download_gb_s": (part, lambda: pinned.copy_(b[:part], non_blocking=True)),
    }
    return {name: round(size / median_ms(act, device, clock) / 1e6, 2) for name, (size, act) in actions.items()}


def _tflops(flop: int, ms: float) -> float:
    return round(flop / ms / 1e9, 4)
