"""The accelerator ladder, measured: every rung at every size, against the card's ceilings and against diffusers.

The networks have SDXL Turbo's structure and random weights, so nothing is downloaded; times are those of real weights,
pictures are not. Every rung's pictures are held against the plain one's.

Unconfirmed on a GPU. This module imports torch; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

import contextlib
import platform
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from mirrorfx.clock import SECOND
from mirrorfx.diffusion._graph import KeptFrameFunction
from mirrorfx.diffusion._trial import free_memory
from mirrorfx.diffusion.accelerators import RUNGS, accelerate
from mirrorfx.diffusion.gpu_bench_ceilings import ceilings
from mirrorfx.diffusion.gpu_bench_checks import Probed, changed_weights, compared, in_fp32, probed, set_values
from mirrorfx.diffusion.gpu_bench_figures import accepted, derive
from mirrorfx.diffusion.gpu_bench_jobs import WAITING, Job, cut_off, outcome, reason, run_jobs, watched
from mirrorfx.diffusion.gpu_bench_models import bench_device, count_flop, random_models
from mirrorfx.diffusion.gpu_bench_peer import Peer
from mirrorfx.diffusion.gpu_bench_profile import profile_frames
from mirrorfx.diffusion.gpu_bench_timing import time_frames, time_overlapped, time_stages
from mirrorfx.diffusion.libraries import diffusers
from mirrorfx.errors import EffectUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.clock import Clock
    from mirrorfx.diffusion.frame_function import FrameFunction
    from mirrorfx.frame import Size

__all__ = ["BenchSettings", "GpuBench"]

_FRAME = (
    "A whole frame begins with a picture in ordinary memory and ends with the painted one there: upload, painting, "
    "download through pinned memory, one last copy, all waiting. Device time is the painting alone. In neither: "
    "camera, resizing, new noise, prompts, the way between processes. Memory is the most that torch had allocated, "
    "weights included."
)
_STAGE_FRAMES = 30
_EXPECTED_S = 30.0
_SLOW_EXPECTED_S = 180.0
"""What a rung that compiles may take; a guess until one was seen on a GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSettings:
    """What to measure.

    Attributes:
        device: ``cpu`` or ``cuda:0``.
        model_size: ``full`` or ``tiny``.
        sizes: of the frames, in pixels.
        rungs: names of the ladder's rungs; empty for all, without those that are slow to build on a CPU.
        frames: measured a rung.
        warmup: painted before that.
        steps: UNet calls a frame.
        peer: measure diffusers' pipeline too.
        profile: profile the fastest rung at the first size.
        time_limit_s: skip what would end later than this after the start; None for no limit.
    """

    device: str
    model_size: str
    sizes: tuple[Size, ...]
    rungs: tuple[str, ...] = ()
    frames: int = 200
    warmup: int = 20
    steps: int = 1
    peer: bool = True
    profile: bool = False
    time_limit_s: float | None = None


class GpuBench:
    """Measures, and keeps the figures whole after each measurement.

    Args:
        settings: what to measure.
        clock: whole frames and the time limit go by it.
        began_ns: when the time limit began to run; before the libraries were imported, which takes long.
        said: is told what was found, a line at a time.
        kept: is given all figures before and after each measurement, so that a run that is cut off leaves those it has.

    Raises:
        EffectUnavailable: no such device, or diffusers is not installed.
    """

    def __init__(
        self,
        settings: BenchSettings,
        clock: Clock,
        began_ns: int,
        *,
        said: Callable[[str], None],
        kept: Callable[[dict[str, Any]], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._said = said
        self._kept = kept
        self._began_ns = began_ns
        self._device = bench_device(settings.device)
        self._bench = random_models(settings.model_size, self._device)
        self._rungs = settings.rungs or tuple(RUNGS)
        self._plain: dict[Size, list[Probed]] = {}
        self._entries = {size: self._entry(size) for size in settings.sizes}
        self._figures: dict[str, Any] = {
            "complete": False,
            "frame": _FRAME,
            "settings": asdict(settings),
            "machine": self._machine(),
            "ceilings": dict(WAITING),
            "sizes": list(self._entries.values()),
            "profile": dict(WAITING) if settings.profile else {"status": "skipped", "reason": "not asked for"},
        }
        self._last: dict[str, Any] = self._figures

    def run(self, late: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
        """Measure everything that fits into the time limit; return all figures.

        Args:
            late: is given the figures when the time limit comes while a measurement is at work; it has to end the
                process. Called from a thread of its own. None: nothing is cut off.
        """
        limit_s = self._settings.time_limit_s
        deadline_ns = None if limit_s is None else self._began_ns + round(limit_s * SECOND)
        self._said(f"{self._elapsed_s():6.1f} s  networks: {self._bench.weights / 1e6:.1f} million random weights")
        with contextlib.ExitStack() as stack:
            if deadline_ns is not None and late is not None:
                left_s = (deadline_ns - self._clock.now_ns()) / SECOND
                end = partial(self._end_late, late)
                stack.enter_context(watched(left_s, end))
            run_jobs(self._jobs(), self._clock, deadline_ns, before=self._keep, after=self._after)
        self._figures["complete"] = True
        self._keep()
        return self._figures

    def cut_off(self, why: str) -> dict[str, Any]:
        """Return the figures as they were kept last, with `why` where there are none. Threads: any."""
        figures = deepcopy(self._last)
        cut_off(_entries(figures), why)
        derive(figures)
        figures["elapsed_s"] = round(self._elapsed_s(), 1)
        return figures

    def _end_late(self, late: Callable[[dict[str, Any]], None]) -> None:
        late(self.cut_off("the time limit came"))

    def _keep(self) -> None:
        """Hand the figures on, and keep a copy that no measurement changes any more."""
        self._last = deepcopy(self._figures)
        self._kept(self._last)

    def _entry(self, size: Size) -> dict[str, Any]:
        not_asked = {"status": "skipped", "reason": "not asked for"}
        return {
            "size": _spelled(size),
            "flop": dict(count_flop(self._settings.model_size, size, self._settings.steps)),
            "rungs": [{"rung": name, **WAITING} for name in self._rungs],
            "peer": dict(WAITING) if self._settings.peer else not_asked,
            "half_precision": dict(WAITING) if size == min(self._settings.sizes) else not_asked,
        }

    def _machine(self) -> dict[str, Any]:
        machine = {
            "device": platform.processor() or platform.machine(),
            "torch": torch.__version__,
            "diffusers": diffusers().__version__,
            "python": platform.python_version(),
            "dtype": str(self._bench.models.dtype).removeprefix("torch."),
            "weights": self._bench.weights,
        }
        if self._device.type == "cuda":
            cudnn: Any = torch.backends.cudnn
            card = torch.cuda.get_device_properties(self._device)
            machine |= {
                "device": card.name,
                "memory_mb": round(card.total_memory / 1e6),
                "capability": f"{card.major}.{card.minor}",
                "cuda": torch.version.cuda,
                "cudnn": cudnn.version(),
            }
        return machine

    def _jobs(self) -> list[Job]:
        """Return the jobs, what is surest and cheapest first: compiling may eat up the rest of the time."""
        sizes = self._settings.sizes
        quick = [name for name in self._rungs if not RUNGS[name].slow_to_build]
        slow = [name for name in self._rungs if RUNGS[name].slow_to_build]
        return [
            Job("ceilings", "ceilings", _EXPECTED_S, self._figures["ceilings"], self._measure_ceilings),
            *(self._rung_job(name, size, _EXPECTED_S) for name in quick for size in sizes),
            *(self._peer_job(size) for size in sizes if self._settings.peer),
            self._precision_job(min(sizes)),
            *([self._profile_job()] if self._settings.profile else []),
            *(self._rung_job(name, size, _SLOW_EXPECTED_S) for name in slow for size in sizes),
        ]

    def _after(self, job: Job) -> str:
        """Keep what a job has found; return why no other can run any more, "" if they can."""
        lost = self._lost(job)
        derive(self._figures)
        self._figures["elapsed_s"] = round(self._elapsed_s(), 1)
        self._keep()
        self._said(f"{self._elapsed_s():6.1f} s  {job.name}: {_told(job.entry)}")
        return lost

    def _lost(self, job: Job) -> str:
        """Free what a job held; say so if the GPU no longer answers: CUDA's errors stick to the process."""
        try:
            free_memory(self._device)
        except RuntimeError as problem:
            text = reason(problem).splitlines()[0]
            return f"the GPU answers this process no longer since {job.name}: {text}. Run the rest with --rungs"
        return ""

    def _measure_ceilings(self) -> dict[str, Any]:
        return dict(ceilings(self._device, self._bench.models.dtype, self._clock))

    def _rung_job(self, name: str, size: Size, expected_s: float) -> Job:
        entry = self._entry_of(name, size)
        return Job(f"{name} at {_spelled(size)}", name, expected_s, entry, lambda: self._measure_rung(name, size))

    def _entry_of(self, name: str, size: Size) -> dict[str, Any]:
        found: dict[str, Any] = self._entries[size]["rungs"][self._rungs.index(name)]
        return found

    def _measure_rung(self, name: str, size: Size) -> dict[str, Any]:
        if RUNGS[name].slow_to_build and self._device.type == "cpu" and not self._settings.rungs:
            raise EffectUnavailable("it is slow to build; on the CPU ask for it by name")
        settings, plain = self._settings, self._plain_pictures(size)
        self._reset_peak()
        began_ns = self._clock.now_ns()
        function = accelerate(name, self._bench.models, size, steps=settings.steps)
        figures: dict[str, Any] = {"prepare_s": round((self._clock.now_ns() - began_ns) / SECOND, 3)}
        figures |= compared(probed(function, self._bench, settings.steps), plain)
        figures["follows_weights_promised"] = RUNGS[name].weights_in_place
        set_values(function, self._bench, settings.steps)
        figures |= time_frames(function, settings.frames, settings.warmup, self._clock)
        figures["peak_memory_mb"] = self._peak_mb()
        self._entry_of(name, size).update(status="measured", **figures)
        self._keep()
        self._add_further(name, size, function, figures)
        return figures

    def _add_further(self, name: str, size: Size, function: FrameFunction, figures: dict[str, Any]) -> None:
        """Add what a rung can be judged without; what fails here costs only itself."""
        frames = self._settings.frames
        measures: dict[str, Callable[[], Any]] = {
            "overlapped_fps": lambda: time_overlapped(function, frames, self._clock),
            "follows_weights": lambda: self._follows_weights(function, size),
            "stages_ms": lambda: time_stages(function, min(frames, _STAGE_FRAMES), self._clock),
        }
        for what, measure in measures.items():
            try:
                figures[what] = measure()
            except Exception as problem:  # noqa: BLE001 - whatever fails, the times above are measured
                figures.setdefault("failed", {})[what] = reason(problem)
        if RUNGS[name].slow_to_build:
            self._profile_if_fastest(name, size, function, figures)

    def _follows_weights(self, function: FrameFunction, size: Size) -> bool:
        """Say whether a change of the plain networks' weights in place, by a LoRA file say, shows in the next frame."""
        with changed_weights(self._bench):
            wanted = self._pictures(self._bench, size)
            found = probed(function, self._bench, self._settings.steps)
        return accepted({"status": "measured", **compared(found, wanted)})

    def _profile_job(self) -> Job:
        """Profile the quick rungs behind all other quick measurements: a profiler may slow down what comes after it."""
        return Job("profile", "profile", _EXPECTED_S, self._figures["profile"], self._measure_profile)

    def _measure_profile(self) -> dict[str, Any]:
        size = self._settings.sizes[0]
        right = [rung for rung in self._entries[size]["rungs"] if accepted(rung)]
        if not right:
            raise EffectUnavailable("no rung has painted right")
        name = min(right, key=lambda rung: float(rung["frame_ms"]["median"]))["rung"]
        function = accelerate(name, self._bench.models, size, steps=self._settings.steps)
        set_values(function, self._bench, self._settings.steps)
        return {"rung": name, "size": _spelled(size), **profile_frames(function)}

    def _profile_if_fastest(self, name: str, size: Size, function: FrameFunction, figures: dict[str, Any]) -> None:
        """Profile a slow rung while it is there, if it beats those before it: building it again takes minutes."""
        if not self._settings.profile or size != self._settings.sizes[0]:
            return
        others = [rung for rung in self._entries[size]["rungs"] if accepted(rung) and rung["rung"] != name]
        fastest_ms = min((rung["frame_ms"]["median"] for rung in others), default=float("inf"))
        if accepted({"status": "measured", **figures}) and figures["frame_ms"]["median"] < fastest_ms:
            profiled = outcome(lambda: profile_frames(function))
            if profiled["status"] == "measured":
                self._figures["profile"] = {"rung": name, "size": _spelled(size), **profiled}

    def _peer_job(self, size: Size) -> Job:
        entry = self._entries[size]["peer"]
        return Job(f"diffusers at {_spelled(size)}", "peer", _EXPECTED_S, entry, lambda: self._measure_peer(size))

    def _measure_peer(self, size: Size) -> dict[str, Any]:
        peer = Peer(self._bench, self._settings.steps)
        self._reset_peak()
        calls = peer.unet_calls(size)
        times = peer.time_frames(size, self._settings.frames, self._settings.warmup, self._clock)
        return {"unet_calls": calls, **times, "peak_memory_mb": self._peak_mb()}

    def _precision_job(self, size: Size) -> Job:
        entry = self._entries[size]["half_precision"]
        name = f"fp16 against fp32 at {_spelled(size)}"
        return Job(name, "precision", _EXPECTED_S, entry, lambda: self._measure_precision(size))

    def _measure_precision(self, size: Size) -> dict[str, Any]:
        """Hold the plain rung against the same networks in fp32, without convolutions in tf32, torch's default."""
        if self._bench.models.dtype == torch.float32:
            raise EffectUnavailable("the networks compute in fp32 anyway")
        cudnn: Any = torch.backends.cudnn
        with cudnn.flags(enabled=True, allow_tf32=False):
            return compared(self._plain_pictures(size), self._pictures(in_fp32(self._bench), size))

    def _plain_pictures(self, size: Size) -> list[Probed]:
        """Return what the plain frame function paints, the reference for every rung at this size."""
        if size not in self._plain:
            self._plain[size] = self._pictures(self._bench, size)
        return self._plain[size]

    def _pictures(self, bench: Any, size: Size) -> list[Probed]:
        steps = self._settings.steps
        return probed(KeptFrameFunction(bench.models, size, steps=steps), bench, steps)

    def _reset_peak(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)

    def _peak_mb(self) -> float | None:
        """Return the most memory that torch had allocated, weights included; None on a CPU."""
        return round(torch.cuda.max_memory_allocated(self._device) / 1e6, 1) if self._device.type == "cuda" else None

    def _elapsed_s(self) -> float:
        return (self._clock.now_ns() - self._began_ns) / SECOND


def _entries(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """Return everything in the figures that has a status."""
    parts = [entry[part] for entry in figures["sizes"] for part in ("peer", "half_precision")]
    rungs = [rung for entry in figures["sizes"] for rung in entry["rungs"]]
    return [figures["ceilings"], figures["profile"], *parts, *rungs]


def _spelled(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _told(entry: dict[str, Any]) -> str:
    """Say in one line what a job came to."""
    if entry["status"] != "measured":
        return f"{entry['status']}: {entry['reason']}"
    if "frame_ms" in entry:
        times, note = entry["frame_ms"], entry.get("problem") or f"error {entry['relative_error']:.1e}"
        return (
            f"{times['median']:.2f} ms a frame, p99 {times['p99']:.2f}; {note}; ready after {entry['prepare_s']:.1f} s"
        )
    if "arrays_ms" in entry:
        arrays, tensors = entry["arrays_ms"]["median"], entry["tensors_ms"]["median"]
        return f"{arrays:.2f} ms a frame with arrays, {tensors:.2f} with tensors"
    shown = {name: value for name, value in entry.items() if name != "status" and not isinstance(value, dict | list)}
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in shown.items()
    )
