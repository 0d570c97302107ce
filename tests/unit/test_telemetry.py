"""How warm, full and busy devices are, with an NVML of our own and the machine's real processes."""

from __future__ import annotations

import os

import pytest

from mirrorfx.clock import SECOND
from mirrorfx.diffusion.gpu_sensors import GpuSensors
from mirrorfx.processes.lag_watch import LagWatch
from mirrorfx.processes.telemetry import Telemetry
from mirrorfx.processes.worker import _show_only

NOT_SUPPORTED = 3


class ErrorString:
    restype = None

    def __call__(self, code):
        return {NOT_SUPPORTED: b"Not Supported", 6: b"Not Found", 9: b"Driver Not Loaded"}.get(code)


class FakeNvml:
    """Two GPUs behind NVML's own signatures; what `fails` names answers with that code."""

    def __init__(self, **fails):
        self.fails = fails
        self.nvmlErrorString = ErrorString()
        self.looked_up = []
        self.open = 0

    def nvmlInit_v2(self):  # noqa: N802
        self.open += 1
        return self.fails.get("init", 0)

    def nvmlShutdown(self):  # noqa: N802
        self.open -= 1
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index, handle):  # noqa: N802
        self.looked_up.append(index.value)
        handle._obj.value = 100 + index.value
        return 0 if index.value < 2 else 6

    def nvmlDeviceGetHandleByUUID(self, name, handle):  # noqa: N802
        self.looked_up.append(name)
        handle._obj.value = 200
        return 0

    def nvmlDeviceGetTemperature(self, handle, sensor, out):  # noqa: N802
        assert sensor == 0
        out._obj.value = handle.value - 36
        return self.fails.get("temperature", 0)

    def nvmlDeviceGetMemoryInfo(self, _handle, out):  # noqa: N802
        out._obj.total, out._obj.used = 24 << 30, 10 << 30
        return 0

    def nvmlDeviceGetUtilizationRates(self, _handle, out):  # noqa: N802
        out._obj.gpu = 97
        return 0

    def nvmlDeviceGetPowerUsage(self, _handle, out):  # noqa: N802
        out._obj.value = 310_500
        return self.fails.get("power", 0)


def test_a_gpu_is_read_and_looked_up_only_once(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    nvml = FakeNvml()
    sensors = GpuSensors(nvml)
    for _ in range(2):
        reading = sensors.read("cuda:1")
    assert nvml.looked_up == [1]
    assert (reading.temperature_c, reading.busy, reading.power_w) == (65.0, 0.97, 310.5)
    assert (reading.memory_mb, reading.memory_total_mb) == (10240.0, 24576.0)
    assert reading.missing == {}
    sensors.close()
    sensors.close()
    assert nvml.open == 0
    assert "closed" in sensors.read("cuda:1").missing["busy"]


@pytest.mark.parametrize(("visible", "asked"), [("3,1", 1), ("GPU-a,GPU-b", b"GPU-b"), ("", 1), ("0", 1)])
def test_the_visible_gpus_are_counted_as_cuda_counts_them(monkeypatch, visible, asked):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    nvml = FakeNvml()
    GpuSensors(nvml).read("cuda:1")
    assert nvml.looked_up == [asked]


def test_a_worker_counts_gpus_as_the_driver_does(monkeypatch):
    monkeypatch.setattr(os, "environ", {"CUDA_VISIBLE_DEVICES": "3,1"})
    _show_only("cuda:1")
    assert os.environ == {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def test_a_sensor_that_a_gpu_lacks_is_missing_with_the_drivers_reason():
    reading = GpuSensors(FakeNvml(power=NOT_SUPPORTED)).read("cuda:0")
    assert reading.power_w is None
    assert "Not Supported" in reading.missing["power_w"]
    assert reading.temperature_c == 64.0
    assert set(reading.missing) == {"power_w"}


def test_no_such_gpu_and_no_driver_are_told(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert "Not Found" in GpuSensors(FakeNvml()).read("cuda:5").missing["temperature_c"]
    broken = GpuSensors(FakeNvml(init=9))
    assert "Driver Not Loaded" in broken.problem
    assert broken.read("cuda:0").missing["memory_mb"] == broken.problem


def test_workers_on_gpus_and_cpus_are_read_side_by_side():
    telemetry = Telemetry(lambda: GpuSensors(FakeNvml()))
    telemetry.look_at({"worker-0": ("cuda:0", 1), "carrier": ("cpu", os.getpid()), "gone": ("cpu", 2**22 + 1)})
    assert telemetry.of("worker-0") is None, "nothing has been read yet"
    telemetry.read_once()
    assert "measured" in telemetry.of("carrier")["missing"]["busy"]
    telemetry.read_once()
    gpu, cpu, gone = (telemetry.of(name) for name in ("worker-0", "carrier", "gone"))
    assert (gpu["kind"], gpu["temperature_c"]) == ("gpu", 64.0)
    assert cpu["kind"] == "cpu"
    assert 1 < cpu["memory_mb"] < cpu["memory_total_mb"]
    assert 0 <= cpu["busy"] <= 1
    assert cpu["power_w"] is None
    assert gone["memory_mb"] is None
    assert "not running" in gone["missing"]["memory_mb"]
    telemetry.look_at({})
    telemetry.read_once()
    assert telemetry.of("worker-0") is None


def test_the_thread_ends_and_lets_go_of_the_driver(monkeypatch):
    monkeypatch.setattr("mirrorfx.processes.telemetry._EVERY_S", 0.001)
    nvml = FakeNvml()
    telemetry = Telemetry(lambda: GpuSensors(nvml))
    telemetry.look_at({"worker-0": ("cuda:0", 1)})
    telemetry.start()
    while telemetry.of("worker-0") is None:
        """It reads within a millisecond or so; the test's own time limit ends a thread that never does."""
    telemetry.close()
    telemetry.close()
    assert not telemetry._thread.is_alive()
    assert nvml.open == 0


def lag(frames, share):
    level = "bad" if share > 0.05 else "warning" if share > 0.01 else "good"
    return {"frames": frames, "share": share, "level": level, "beat_ms": 37.0}


NO_BEAT = {"frames": 0, "share": 0.0, "level": "", "beat_ms": None}


def test_lag_is_told_when_it_starts_gets_worse_and_is_over():
    watch = LagWatch()
    later_ns = 20 * SECOND
    watch.note(lag(0, 0.0), 0)
    told = [
        watch.note(lag(*what), later_ns) for what in [(0, 0.0), (2, 0.01), (3, 0.011), (4, 0.02), (9, 0.051), (9, 0.06)]
    ]
    assert [news and news[1] for news in told] == [None, None, "warning", None, "error", None]
    assert "1.1 %" in told[2][0]
    assert [watch.note(lag(*what), later_ns) for what in [(5, 0.03), (1, 0.004)]] == [None, None], (
        "it must be over first"
    )
    assert watch.note(lag(0, 0.0), later_ns)[1] == "info"
    assert watch.note(lag(0, 0.0), later_ns) is None
    assert watch.note(lag(3, 0.02), later_ns)[1] == "warning"


def test_the_uneven_beat_of_a_start_is_no_news_but_one_that_stays_is():
    watch = LagWatch()
    assert [watch.note(lag(9, 0.06), second * SECOND) for second in range(15)] == [None] * 15
    assert watch.note(lag(9, 0.06), 15 * SECOND)[1] == "error"
    watch.note(NO_BEAT, 16 * SECOND)
    assert watch.note(lag(0, 0.0), 17 * SECOND)[1] == "info"
    assert watch.note(lag(9, 0.06), 18 * SECOND) is None, "another beat, whose start is uneven again"
