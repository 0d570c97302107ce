"""The rungs of the accelerator ladder: what each is made of, what it needs, how it is built.

A rung is a frame function over the networks as they are or compiled, recorded as a CUDA graph or not. On a GPU all of
this is unconfirmed; on the CPU, where nothing is recorded, eager, compile and stable-fast have been run.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import os
import shutil
import sysconfig
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from mirrorfx.diffusion._graph import GraphedFrameFunction, KeptFrameFunction, cuda_recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mirrorfx.diffusion.models import Models
    from mirrorfx.frame import Size

__all__ = ["RUNGS", "Rung", "build"]

_AUTOTUNE = "max-autotune-no-cudagraphs"


def _as_they_are(models: Models) -> Models:
    return models


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One way to run the frame function.

    Attributes:
        summary: what it does, for lists.
        lacking: why it can't run with these models here, "" if it can.
        networks: makes the networks it runs from the plain ones, which stay as they are.
        graphed: whether it is replayed as a CUDA graph on a GPU.
        fp16_accumulation: whether matrix products add up in half precision, on the cards that gain from it.
        weights_in_place: whether a change of the plain networks' weights, in the same storage, shows in the next frame.
        slow_to_build: takes minutes, so that on the CPU it is built only when asked for by name.
    """

    summary: str
    lacking: Callable[[Models], str]
    networks: Callable[[Models], Models] = _as_they_are
    graphed: bool = True
    fp16_accumulation: bool = False
    weights_in_place: bool = True
    slow_to_build: bool = False


def build(rung: Rung, models: Models, size: Size, steps: int) -> KeptFrameFunction:
    """Return the rung's frame function, warmed up; it has painted at least one frame."""
    jit: Any = torch.jit
    with warnings.catch_warnings():
        # Tracers warn of every number that becomes a constant; whether the picture is right is checked by painting.
        warnings.simplefilter("ignore", jit.TracerWarning)
        return _warmed_up(rung, models, size, steps)


def _warmed_up(rung: Rung, models: Models, size: Size, steps: int) -> KeptFrameFunction:
    if not (rung.graphed and models.device.type == "cuda"):
        function = KeptFrameFunction(rung.networks(models), size, steps=steps)
        function.forward()
        return function
    record = cuda_recorder(models.device)
    with _fp16_accumulation(on=rung.fp16_accumulation and not _no_gain_by_fp16_accumulation(models)):
        return GraphedFrameFunction(rung.networks(models), size, steps=steps, record=record)


@contextmanager
def _fp16_accumulation(*, on: bool) -> Iterator[None]:
    """Let matrix products add up in half precision.

    The switch is the whole process's, but a recording keeps the kernels chosen while it was made: nothing else that
    the process computes is touched.
    """
    if not on:
        yield
        return
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_fp16_accumulation
    matmul.allow_fp16_accumulation = True
    try:
        yield
    finally:
        matmul.allow_fp16_accumulation = before


def _compiled(models: Models, mode: str = "default") -> Models:
    """Return the networks as torch.compile makes them at their first frame; CUDA graphs are left to our own."""

    def made(network: Any) -> Any:
        return torch.compile(network, mode=mode, fullgraph=True, dynamic=False)

    return replace(models, unet=made(models.unet), encoder=made(models.encoder), decoder=made(models.decoder))


def _autotuned(models: Models) -> Models:
    return _compiled(models, _AUTOTUNE)


def _stable_fast(models: Models) -> Models:
    """Return the networks as stable-fast traces them at their first frame."""
    library = importlib.import_module("sfast.compilers.diffusion_pipeline_compiler")
    config = library.CompilationConfig.Default()
    config.enable_cuda_graph = False
    config.enable_triton = models.device.type == "cuda" and _installed("triton")
    config.enable_xformers = models.device.type == "cuda" and _installed("xformers")
    config.preserve_parameters = False
    return replace(
        models,
        unet=library.compile_unet(_twin(models.unet), config),
        encoder=library.compile_vae(_twin(models.encoder), config),
        decoder=library.compile_vae(_twin(models.decoder), config),
    )


def _twin(network: Any) -> Any:
    """Return a copy of a network on the same weights, for a library that changes what it is given."""
    tensors = [*network.parameters(), *network.buffers()]
    # Parameters of their own, because the library may change their memory format.
    return copy.deepcopy(network, {id(tensor): _same_storage(tensor) for tensor in tensors})


def _same_storage(tensor: torch.Tensor) -> torch.Tensor:
    if isinstance(tensor, torch.nn.Parameter):
        return torch.nn.Parameter(tensor.detach(), requires_grad=False)
    return tensor.detach()


def _nothing(_models: Models) -> str:
    return ""


def _no_gpu(models: Models) -> str:
    return "" if models.device.type == "cuda" else f"it needs an NVIDIA GPU, and the device is {models.device}"


def _no_gain_by_fp16_accumulation(models: Models) -> str:
    if reason := _no_gpu(models):
        return reason
    if models.dtype != torch.float16:
        return f"it is for half precision, and the models are in {models.dtype}"
    if not hasattr(torch.backends.cuda.matmul, "allow_fp16_accumulation"):
        return f"it needs torch 2.7 or newer, and this is {torch.__version__}"
    card = torch.cuda.get_device_name(models.device)
    return "" if "GeForce" in card else f"only GeForce cards gain by it, and this is a {card}"


def _no_compiler(models: Models) -> str:
    if models.device.type == "cuda" and not _installed("triton"):
        return "it needs the library triton, which torch's CUDA packages bring on Linux"
    # torch reads CXX for the CPU, triton CC for the host's side of its kernels.
    name, usual = ("CC", ("gcc", "clang")) if models.device.type == "cuda" else ("CXX", ("g++",))
    wanted = [os.environ[name]] if os.environ.get(name) else usual
    if any(shutil.which(compiler) for compiler in wanted):
        return _no_python_headers() if models.device.type == "cuda" else _no_way_to_link()
    return f"it needs a C++ compiler, and {' or '.join(wanted)} is not there (apt-get install g++)"


def _no_way_to_link() -> str:
    """What torch compiles for the CPU is linked with torch, whose folder it hands over unquoted."""
    folder = Path(torch.__file__).parent
    broken = any(letter.isspace() for letter in str(folder))
    return f"torch can't link what it compiles where its folder's name has a space: {folder}" if broken else ""


def _no_python_headers() -> str:
    """Triton builds what starts its kernels against Python's headers."""
    header = Path(sysconfig.get_path("include")) / "Python.h"
    return (
        ""
        if header.is_file()
        else f"it needs Python's headers, and {header} is not there (apt-get install python3-dev)"
    )


def _no_stable_fast(_models: Models) -> str:
    if not _installed("sfast"):
        install = "in MirrorFX's folder, pip install -e '.[stable-fast]'"
        return f"stable-fast is not installed ({install}, which brings its own torch)"
    try:
        importlib.import_module("sfast.compilers.diffusion_pipeline_compiler")
    except (ImportError, OSError, RuntimeError) as problem:
        return f"stable-fast can't be imported with torch {torch.__version__}: {problem}"
    return ""


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _not_built(reason: str) -> Callable[[Models], str]:
    return lambda _models: f"it is not built yet: {reason}"


RUNGS: dict[str, Rung] = {
    "eager": Rung(summary="each operation started by itself: the reference", lacking=_nothing, graphed=False),
    "graph": Rung(summary="the whole frame as one CUDA graph", lacking=_no_gpu),
    "fp16-accumulation": Rung(
        summary="graph, with matrix products that add up in half precision",
        lacking=_no_gain_by_fp16_accumulation,
        fp16_accumulation=True,
    ),
    "compile": Rung(
        summary="fp16-accumulation where the card gains by it, over networks compiled by torch.compile",
        lacking=_no_compiler,
        networks=_compiled,
        fp16_accumulation=True,
        slow_to_build=True,
    ),
    "autotune": Rung(
        summary="compile, with every kernel the fastest of many that were tried: minutes more to build",
        lacking=_no_compiler,
        networks=_autotuned,
        fp16_accumulation=True,
        slow_to_build=True,
    ),
    "stable-fast": Rung(
        summary="fp16-accumulation where the card gains by it, over networks compiled by stable-fast",
        lacking=_no_stable_fast,
        networks=_stable_fast,
        fp16_accumulation=True,
        # Tracing turns weights into constants, some of them repacked.
        weights_in_place=False,
        slow_to_build=True,
    ),
    "tensorrt": Rung(
        summary="networks compiled by TensorRT",
        lacking=_not_built("its engines take minutes to build and gigabytes to keep, for each card and size"),
    ),
    "fp8": Rung(
        summary="matrix products in 8 bits",
        lacking=_not_built("its scales need a calibration on the real weights, or the picture suffers"),
    ),
}
"""The ladder, in order: each rung does what the one before does, and more; eager is the reference."""
