"""The rungs of the accelerator ladder: what each needs and how it is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mirrorfx.diffusion._graph import GraphedFrameFunction, KeptFrameFunction, cuda_recorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.diffusion.models import Models
    from mirrorfx.frame import Size

__all__ = ["RUNGS", "Rung", "build"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One way to run the frame function.

    Attributes:
        summary: what it does, for lists.
        lacking: why it can't run with these models here, "" if it can.
        graphed: whether it is replayed as a CUDA graph on a GPU.
        weights_in_place: whether a change of the networks' weights, in the same storage, shows in the next frame.
    """

    summary: str
    lacking: Callable[[Models], str]
    graphed: bool = True
    weights_in_place: bool = True


def _nothing(_models: Models) -> str:
    return ""


def _gpu(models: Models) -> str:
    return "" if models.device.type == "cuda" else f"it needs an NVIDIA GPU, and the device is {models.device}"


def _not_built(reason: str) -> Callable[[Models], str]:
    return lambda _models: f"it is not built yet ({reason})"


RUNGS: dict[str, Rung] = {
    "eager": Rung(summary="every operation launched by itself: the reference", lacking=_nothing, graphed=False),
    "graph": Rung(summary="the whole frame as one CUDA graph", lacking=_gpu),
    "fp16-accumulation": Rung(summary="matrix products add up in half precision", lacking=_not_built("next")),
    "compile": Rung(summary="networks compiled by torch.compile", lacking=_not_built("next")),
    "stable-fast": Rung(summary="networks compiled by stable-fast", lacking=_not_built("next")),
    "tensorrt": Rung(summary="networks compiled by TensorRT", lacking=_not_built("engines take minutes to build")),
    "fp8": Rung(summary="matrix products in 8 bits", lacking=_not_built("needs a calibration on real weights")),
}


def build(rung: Rung, models: Models, size: Size, steps: int) -> KeptFrameFunction:
    """Return the rung's frame function, warmed up."""
    if rung.graphed and models.device.type == "cuda":
        return GraphedFrameFunction(models, size, steps=steps, record=cuda_recorder(models.device))
    function = KeptFrameFunction(models, size, steps=steps)
    function.forward()
    return function
