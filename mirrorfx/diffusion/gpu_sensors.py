"""A GPU's temperature, memory, load and power, asked of NVML by ctypes: no CUDA is started, and nothing is installed.

Names and layouts: NVML API reference (nvml.h): ``nvmlMemory_t`` is three uint64 (total, free, used),
``nvmlUtilization_t`` two uint32 in percent; power is in milliwatts.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass, field
from typing import Any

from mirrorfx.diffusion.gpus import NVML_LIBRARY

__all__ = ["GpuReading", "GpuSensors"]

_GPU_TEMPERATURE = 0
_MB = 1 << 20
_NAMES = ("temperature_c", "memory_mb", "memory_total_mb", "busy", "power_w")


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


@dataclass(slots=True)
class GpuReading:
    """What could be read; None where it couldn't, with the reason in `missing` under the same name."""

    temperature_c: float | None = None
    memory_mb: float | None = None
    memory_total_mb: float | None = None
    busy: float | None = None
    power_w: float | None = None
    missing: dict[str, str] = field(default_factory=dict)


class GpuSensors:
    """NVML while it is open. Threads: one. Realtime: no, a driver may take many milliseconds.

    Args:
        library: NVML's functions; the driver's own when left out.

    Attributes:
        problem: why nothing can be read at all; empty when something can.
    """

    def __init__(self, library: Any = None) -> None:
        self.problem = ""
        self._nvml: Any = None
        self._handles: dict[str, ctypes.c_void_p] = {}
        try:
            nvml = ctypes.CDLL(NVML_LIBRARY) if library is None else library
        except OSError:
            self.problem = "There is no NVIDIA driver here (NVML is missing)."
            return
        nvml.nvmlErrorString.restype = ctypes.c_char_p
        code = nvml.nvmlInit_v2()
        if code:
            self.problem = f"The NVIDIA driver does not answer: {_reason(nvml, code)}."
        else:
            self._nvml = nvml

    def read(self, device: str) -> GpuReading:
        """Read the sensors of ``cuda:N``, N counting what ``CUDA_VISIBLE_DEVICES`` leaves."""
        reading = GpuReading()
        problem = self.problem or self._find(device)
        if problem:
            reading.missing = dict.fromkeys(_NAMES, problem)
            return reading
        celsius, milliwatts, memory, load = ctypes.c_uint(), ctypes.c_uint(), _Memory(), _Utilization()
        if self._ask(reading, ("temperature_c",), "nvmlDeviceGetTemperature", device, _GPU_TEMPERATURE, celsius):
            reading.temperature_c = float(celsius.value)
        if self._ask(reading, ("memory_mb", "memory_total_mb"), "nvmlDeviceGetMemoryInfo", device, memory):
            reading.memory_mb, reading.memory_total_mb = memory.used / _MB, memory.total / _MB
        if self._ask(reading, ("busy",), "nvmlDeviceGetUtilizationRates", device, load):
            reading.busy = load.gpu / 100
        if self._ask(reading, ("power_w",), "nvmlDeviceGetPowerUsage", device, milliwatts):
            reading.power_w = milliwatts.value / 1000
        return reading

    def close(self) -> None:
        """Let go of the driver. Safe to call twice."""
        if self._nvml:
            self._nvml.nvmlShutdown()
            self._nvml = None
            self.problem = "It is closed."

    def _ask(self, reading: GpuReading, names: tuple[str, ...], function: str, device: str, *arguments: Any) -> bool:
        """Call ``function(handle, …, &last)``; note the reason under `names` if it fails."""
        *given, out = arguments
        code = getattr(self._nvml, function)(self._handles[device], *given, ctypes.byref(out))
        if code:
            reading.missing |= dict.fromkeys(names, f"The driver doesn't tell: {_reason(self._nvml, code)}.")
        return not code

    def _find(self, device: str) -> str:
        """Look `device` up once; say why it can't be found."""
        if device in self._handles:
            return ""
        name, handle = _physical(device), ctypes.c_void_p()
        if name.isdigit():
            code = self._nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(int(name)), ctypes.byref(handle))
        else:
            code = self._nvml.nvmlDeviceGetHandleByUUID(name.encode(), ctypes.byref(handle))
        if code:
            return f"The driver does not know GPU {name}: {_reason(self._nvml, code)}."
        self._handles[device] = handle
        return ""


def _physical(device: str) -> str:
    """Return what the driver calls ``cuda:N``: its number, or the name that ``CUDA_VISIBLE_DEVICES`` gives it."""
    number = int(device.partition(":")[2] or 0)
    visible = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return visible[number] if number < len(visible) else str(number)


def _reason(nvml: Any, code: int) -> str:
    text: bytes | None = nvml.nvmlErrorString(code)
    return text.decode(errors="replace") if text else f"error {code}"
