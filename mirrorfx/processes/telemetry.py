"""How warm, full and busy the workers' devices are: read once a second, in a thread beside the engine's loop."""

from __future__ import annotations

import logging
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mirrorfx.diffusion.gpu_sensors import GpuSensors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["CpuSensors", "Telemetry"]

_log = logging.getLogger(__name__)
_EVERY_S = 1.0
_END_S = 2.0
_MB = 1 << 20
_CPU_CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "cpu-thermal")


class CpuSensors:
    """Load and memory of processes, and the processor's temperature, by psutil. Threads: one. Realtime: no."""

    def __init__(self) -> None:
        import psutil

        self._psutil = psutil
        self._cores = psutil.cpu_count() or 1
        self._total_mb = psutil.virtual_memory().total / _MB
        self._processes: dict[int, Any] = {}

    def read(self, pid: int) -> dict[str, Any]:
        """Return the figures of process `pid`: its memory and its share of all cores since it was last asked."""
        missing = {"power_w": "A CPU tells no power."}
        told: dict[str, Any] = {"memory_total_mb": self._total_mb, "power_w": None, "missing": missing}
        told["temperature_c"], missing["temperature_c"] = self._temperature()
        try:
            known = pid in self._processes
            process = self._processes.setdefault(pid, self._psutil.Process(pid))
            busy = process.cpu_percent() / 100 / self._cores
            told["memory_mb"] = process.memory_info().rss / _MB
        except self._psutil.Error:
            self._processes.pop(pid, None)
            return told | {"busy": None, "memory_mb": None} | _all_missing(missing, "It is not running.")
        if not known:
            missing["busy"] = "It is being measured."
        return told | {"busy": min(busy, 1.0) if known else None}

    def forget_all_but(self, pids: set[int]) -> None:
        """Forget processes that are gone."""
        self._processes = {pid: process for pid, process in self._processes.items() if pid in pids}

    def _temperature(self) -> tuple[float | None, str]:
        read = getattr(self._psutil, "sensors_temperatures", None)
        try:
            chips = read() if read else {}
        except (OSError, RuntimeError):
            chips = {}
        warmest = max((s.current for name in _CPU_CHIPS for s in chips.get(name, ())), default=None)
        return warmest, "" if warmest is not None else "This machine shows no CPU temperature."


class Telemetry:
    """Reads the sensors of each worker's device.

    The engine says whom to look at and takes the latest; it never waits.

    Args:
        open_gpus: opens NVML; tests give a fake.
    """

    def __init__(self, open_gpus: Callable[[], GpuSensors] = GpuSensors) -> None:
        self._open_gpus = open_gpus
        self._gpus: GpuSensors | None = None
        self._cpu: CpuSensors | None = None
        self._targets: Mapping[str, tuple[str, int]] = {}
        self._latest: dict[str, dict[str, Any]] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)

    def start(self) -> None:
        """Begin to read, once a second."""
        self._thread.start()

    def look_at(self, targets: Mapping[str, tuple[str, int]]) -> None:
        """Read these from now on: (device, process id) by the worker's name. Threads: any. Realtime: yes."""
        self._targets = targets

    def of(self, name: str) -> dict[str, Any] | None:
        """Return the latest figures of a worker, None before the first. Threads: any. Realtime: yes."""
        return self._latest.get(name)

    def close(self) -> None:
        """End the thread; a driver that hangs is not waited for. Safe to call twice."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(_END_S)

    def read_once(self) -> None:
        """Read all sensors now. Threads: the reading one."""
        targets = self._targets
        self._latest = {name: self._read(device, pid) for name, (device, pid) in targets.items()}
        if self._cpu:
            self._cpu.forget_all_but({pid for _, pid in targets.values()})

    def _read(self, device: str, pid: int) -> dict[str, Any]:
        if device.startswith("cuda"):
            if self._gpus is None:
                self._gpus = self._open_gpus()
            return {"kind": "gpu"} | _rounded(asdict(self._gpus.read(device)))
        if self._cpu is None:
            self._cpu = CpuSensors()
        return {"kind": "cpu"} | _rounded(self._cpu.read(pid))

    def _run(self) -> None:
        try:
            while not self._ending.wait(_EVERY_S):
                self.read_once()
        except Exception:  # noqa: BLE001  the mirror goes on without its thermometers
            _log.exception("the workers' devices can't be read any more")
        finally:
            if self._gpus:
                self._gpus.close()


def _all_missing(missing: Mapping[str, str], reason: str) -> dict[str, Any]:
    return {"missing": {**missing, "busy": reason, "memory_mb": reason}}


def _rounded(figures: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()}
    return told | {"missing": {name: why for name, why in figures["missing"].items() if why}}
