"""How many NVIDIA GPUs there are, asked of the driver itself: without torch, and without starting CUDA here."""

from __future__ import annotations

import ctypes
import os
from functools import cache

__all__ = ["NVML_LIBRARY", "absent", "visible_gpus"]

NVML_LIBRARY = "libnvidia-ml.so.1"
"""NVML, which comes with the driver; `nvidia-smi` asks it, too."""


def visible_gpus() -> int:
    """Return how many GPUs a worker may be given: those of the driver that ``CUDA_VISIBLE_DEVICES`` leaves."""
    found = _driver_gpus()
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None or not found:
        return found
    names = [name.strip() for name in chosen.split(",")]
    usable = [name for name in names if name and not name.startswith("-")]
    # Numbers beyond the last GPU name nothing; identifiers (GPU-…, MIG-…) are the driver's own.
    return sum(not name.isdigit() or int(name) < found for name in usable)


def absent(device: str, gpus: int) -> str:
    """Say that ``cuda:1`` is not among so many `gpus`, and what to do; empty when it is, and for ``cpu``."""
    kind, _, number = device.partition(":")
    if kind != "cuda" or int(number or 0) < gpus:
        return ""
    found = f"{gpus or 'no'} NVIDIA GPU{'' if gpus == 1 else 's'}"
    return (
        f"The device {device} was asked for, and {found} can be seen here. Choose another with --devices, or look "
        "at nvidia-smi and mirrorfx doctor."
    )


@cache
def _driver_gpus() -> int:
    """Ask NVML once; no driver, or one that fails, is no GPU."""
    try:
        nvml = ctypes.CDLL(NVML_LIBRARY)
    except OSError:
        return 0
    if nvml.nvmlInit_v2():
        return 0
    count = ctypes.c_uint(0)
    failed = nvml.nvmlDeviceGetCount_v2(ctypes.byref(count))
    nvml.nvmlShutdown()
    return 0 if failed else int(count.value)
