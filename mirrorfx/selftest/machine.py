"""What the pictures were painted on, for people who were not there. No names of people, machines or folders."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import mirrorfx

__all__ = ["device_name", "facts"]

_SMI_TIMEOUT_S = 5.0
_PACKAGES = ("torch", "diffusers", "transformers", "stable-fast-pruna", "onnxruntime", "numpy")
_GIB = 1024**3


def facts() -> dict[str, str]:
    """Return version, system, processor, memory, graphics cards and libraries, as people read them."""
    import psutil

    cards = _cards()
    return {
        "MirrorFX": mirrorfx.__version__,
        "System": f"{_system()}, {platform.machine()}, Python {platform.python_version()}",
        "Processor": f"{_processor()}, {os.cpu_count()} threads",
        "Memory": f"{psutil.virtual_memory().total / _GIB:.0f} GiB",
        "Graphics cards": "; ".join(", ".join(card) for card in cards) or "no NVIDIA driver answers",
        "Libraries": ", ".join(f"{name} {found}" for name in _PACKAGES if (found := _version(name))),
    }


def device_name(device: str) -> str:
    """Return what a device is, such as ``NVIDIA GeForce RTX 4090``; the device's own name when nobody knows."""
    kind, _, number = device.partition(":")
    if kind != "cuda":
        return _processor()
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    index = visible[int(number)] if int(number) < len(visible) else number
    cards = _cards()
    return cards[int(index)][0] if index.isdigit() and int(index) < len(cards) else device


def _cards() -> list[list[str]]:
    """Return name, memory and driver of each NVIDIA card."""
    smi = shutil.which("nvidia-smi")
    if smi is None:
        return []
    query = [smi, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=_SMI_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [_card(line) for line in answer.stdout.splitlines() if line.strip()]


def _card(line: str) -> list[str]:
    parts = [part.strip() for part in line.split(",")]
    return [*parts[:-1], f"driver {parts[-1]}"]


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return f"{platform.system()} {platform.release()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
