"""What `mirrorfx doctor` asks the machine: Python, processor, memory, disk, graphics card, cameras."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mirrorfx.cli._doctor_finding import Finding
from mirrorfx.errors import ProcessFailed

if TYPE_CHECKING:
    from mirrorfx.cli._doctor_finding import State

__all__ = ["cameras", "disk", "folders", "gpu", "processor", "python", "shared_memory", "system"]

_PYTHON_OLDEST = (3, 11)
_CORES_FEWEST = 2
_MEMORY_LEAST_GB = 1.5
_DISK_LEAST_GB = 3.0
_BLOCK_BYTES = 4 << 20
_SMI_TIMEOUT_S = 2.5
_GB = 1e9


def python() -> list[Finding]:
    """Look at the Python that runs."""
    found = f"{platform.python_version()} in {sys.prefix}"
    if sys.version_info >= _PYTHON_OLDEST:
        return [Finding("Python", "ok", found, required=True)]
    fix = "install Python 3.11 or newer, remove .venv, and start scripts/run again"
    return [Finding("Python", "missing", f"{found}: MirrorFX needs 3.11 or newer", fix, required=True)]


def system() -> list[Finding]:
    """Look at the operating system."""
    if sys.platform != "linux":
        found = f"{platform.platform()}: MirrorFX is built for Linux and untested here"
        return [Finding("System", "warning", found, "run it on Linux")]
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        name = "Linux"
    return [Finding("System", "ok", f"{name}, {platform.machine()}")]


def processor() -> list[Finding]:
    """Count the cores and the memory that this process may use."""
    import psutil

    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    memory = psutil.virtual_memory()
    free = f"{memory.available / _GB:.1f} GB free of {memory.total / _GB:.1f} GB"
    return [
        _at_least(
            cores,
            _CORES_FEWEST,
            "Processor",
            f"{cores} cores{_model()}",
            "until it has two cores: --size 512 --workers 1",
        ),
        _at_least(memory.available / _GB, _MEMORY_LEAST_GB, "Memory", free, "close other programs"),
    ]


def shared_memory() -> list[Finding]:
    """Share a block of memory as the processes do: make it, and attach it by its handle."""
    from mirrorfx.processes.memory import attach_block, create_block

    try:
        block = create_block(_BLOCK_BYTES)
    except OSError as error:
        fix = "make room in /dev/shm: mount -o remount,size=1g /dev/shm (a container: --shm-size=1g)"
        return [Finding("Shared memory", "missing", f"can't be made: {error}", fix, required=True)]
    try:
        attach_block(block.handle).close()
    except ProcessFailed as error:
        fix = "allow /proc/PID/fd to this user's own processes (a sandbox or hidepid forbids it)"
        return [Finding("Shared memory", "missing", str(error), fix, required=True)]
    finally:
        block.close()
    return [Finding("Shared memory", "ok", "processes can share pictures", required=True)]


def folders() -> list[Finding]:
    """Try to write where presets, caches and logs go; nothing stays behind."""
    from mirrorfx.resources import cache_dir, config_dir, state_dir

    return [
        _folder("Settings", config_dir(), "presets and screens can't be saved", "CONFIG"),
        _folder("Cache", cache_dir(), "prepared networks are made anew at every start", "CACHE"),
        _folder("Logs", state_dir(), "logs and sessions can't be kept", "STATE"),
    ]


def disk() -> list[Finding]:
    """Look for room where films go when nobody names a place."""
    from mirrorfx.resources import output_dir

    folder = _existing(output_dir())
    free_gb = shutil.disk_usage(folder).free / _GB
    refused = _write_refused(folder)
    if refused:
        fix = "start MirrorFX in a folder of your own, or name a file: --record ~/film.mp4"
        return [Finding("Films", "warning", f"{folder} can't be written: {refused}", fix)]
    found = f"{free_gb:.0f} GB free in {folder}"
    return [
        _at_least(free_gb, _DISK_LEAST_GB, "Films", found, "make room; an hour of film at 1024x1024 takes about 3 GB")
    ]


def gpu() -> list[Finding]:
    """Ask the NVIDIA driver for its cards; name the torch that is installed, without loading it."""
    return [_cards(), _torch()]


def cameras(root: Path = Path("/")) -> list[Finding]:
    """List the cameras and whether this user may open them; none is touched.

    Args:
        root: where ``/sys`` and ``/dev`` are.
    """
    from mirrorfx.sources import list_cameras

    found = list_cameras(root)
    if found is None:
        return [Finding("Camera", "ok", "this system has no list of cameras; --source camera:0 is the first")]
    if not found:
        return [Finding("Camera", "warning", "none; the demo clip is shown instead", "plug a camera in")]
    return [_camera(root / f"dev/video{camera.index}", str(camera)) for camera in found]


def _model() -> str:
    """Return the processor's name after a comma; empty where the system doesn't tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return ""
    return next((f", {line.partition(':')[2].strip()}" for line in lines if line.startswith("model name")), "")


def _camera(device: Path, name: str) -> Finding:
    if not device.exists():
        fix = f"give {device} to the container: --device {device}"
        return Finding("Camera", "warning", f"{name}: {device} isn't visible in here", fix)
    if not os.access(device, os.R_OK | os.W_OK):
        fix = 'sudo usermod -aG video "$USER", then log out and in again'
        return Finding("Camera", "warning", f"{name}: this user may not open {device}", fix)
    return Finding("Camera", "ok", name)


def _cards() -> Finding:
    smi = shutil.which("nvidia-smi")
    if smi is None:
        return Finding("Graphics card", "ok", "no NVIDIA driver found; only the effect turbo needs one")
    query = [smi, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=_SMI_TIMEOUT_S, check=True)
    except subprocess.TimeoutExpired:
        return Finding("Graphics card", "warning", "the NVIDIA driver doesn't answer", "look at nvidia-smi; restart")
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stdout", "") or str(error)
        found = f"the NVIDIA driver fails: {reason.strip().splitlines()[-1]}"
        return Finding("Graphics card", "warning", found, "install the driver that fits the kernel, then restart")
    return Finding("Graphics card", "ok", "; ".join(answer.stdout.strip().splitlines()))


def _torch() -> Finding:
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("torch")
    except PackageNotFoundError:
        found = "not installed; only the effect turbo needs it"
    return Finding("torch", "ok", found)


def _at_least(value: float, least: float, name: str, found: str, fix: str) -> Finding:
    state: State = "ok" if value >= least else "warning"
    return Finding(name, state, found, fix if state == "warning" else "")


def _folder(name: str, folder: Path, harm: str, kind: str) -> Finding:
    refused = _write_refused(_existing(folder))
    if not refused:
        return Finding(name, "ok", str(folder))
    fix = f"export MIRRORFX_{kind}_DIR=~/mirrorfx, or any folder of your own"
    return Finding(name, "warning", f"{folder} can't be written ({refused}): {harm}", fix)


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _write_refused(folder: Path) -> str:
    """Say why no file can be made in `folder`; empty when one can."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x" * 4096)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""
