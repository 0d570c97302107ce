"""Whether two ways of painting paint the same: under changed pictures, noise, strength and embeddings.

A graph that replays values it once saw, or a network that ignores one of them, agrees under one set of values and not
under the next. The picture is compared before it becomes bytes, where not-a-number still shows, and after.

This module imports torch; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from mirrorfx.diffusion._graph import KeptFrameFunction
from mirrorfx.diffusion.gpu_bench_timing import camera_pictures

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mirrorfx.diffusion.frame_function import FrameFunction
    from mirrorfx.diffusion.gpu_bench_models import BenchModels

__all__ = ["Probed", "changed_weights", "compared", "in_fp32", "probed", "set_values"]


@dataclass(frozen=True, slots=True)
class _Probe:
    picture: int
    strength: float
    noise_seed: int
    embeddings_gain: float


_PROBES = (_Probe(0, 0.5, 0, 1.0), _Probe(1, 0.5, 0, 1.0), _Probe(1, 0.3, 1, 1.0), _Probe(1, 0.7, 1, -1.0))


@dataclass(frozen=True, slots=True)
class Probed:
    """What was painted under one set of values, on the CPU.

    Attributes:
        picture: ``float32[1, 3, H, W]``, around -1..1.
        painted: ``uint8[H, W, 4]`` BGRX.
    """

    picture: torch.Tensor
    painted: torch.Tensor


def set_values(function: FrameFunction, bench: BenchModels, steps: int, probe: _Probe = _PROBES[0]) -> None:
    """Set noise, strength and embeddings; without a probe those of a usual frame, at strength 0.5."""
    draw = torch.Generator().manual_seed(probe.noise_seed)
    noises = torch.randn((steps, *function.latent_shape), generator=draw)
    function.set_noise(noises[0], noises[1:])
    function.set_strength(probe.strength)
    function.set_conditioning(bench.embeddings * probe.embeddings_gain, bench.pooled)


def probed(function: FrameFunction, bench: BenchModels, steps: int) -> list[Probed]:
    """Return what `function` paints under one set of values after the other."""
    pictures = camera_pictures(function.size)
    found = []
    for probe in _PROBES:
        set_values(function, bench, steps, probe)
        function.load(pictures[probe.picture])
        painted = function.paint()
        if not isinstance(function, KeptFrameFunction):
            raise TypeError("Only a frame function that keeps its picture can be checked.")
        found.append(Probed(function.picture.float().cpu(), painted.cpu()))
    return found


def compared(found: Sequence[Probed], reference: Sequence[Probed]) -> dict[str, Any]:
    """Return how far pictures are from the reference's, the worst of all.

    Returns:
        ``finite``: no picture of either holds infinite values or not-a-number. ``relative_error``: ‖a − b‖ / ‖b‖, None
        if it is no number. ``levels_most`` and ``levels_mean``: the difference in the painted bytes, 0..255.
    """
    pairs = list(zip(found, reference, strict=True))
    errors = [float((a.picture - b.picture).norm() / b.picture.norm()) for a, b in pairs]
    levels = [(a.painted.float() - b.painted.float()).abs() for a, b in pairs]
    finite = all(bool(torch.isfinite(each.picture).all()) for each in (*found, *reference))
    return {
        "finite": finite,
        "relative_error": max(errors) if finite else None,
        "levels_most": max(float(each.max()) for each in levels),
        "levels_mean": round(max(float(each.mean()) for each in levels), 4),
    }


@contextmanager
def changed_weights(bench: BenchModels) -> Iterator[None]:
    """Change weights of the UNet in place for a while, as LoRA files do."""
    weight = bench.models.unet.conv_out.weight
    before = weight.clone()
    weight.mul_(1.5)
    try:
        yield
    finally:
        weight.copy_(before)


def in_fp32(bench: BenchModels) -> BenchModels:
    """Return copies of the networks that compute in fp32 (twice the memory), with the same weights."""
    models = bench.models
    single = replace(
        models,
        unet=deepcopy(models.unet).float(),
        encoder=deepcopy(models.encoder).float(),
        decoder=deepcopy(models.decoder).float(),
        dtype=torch.float32,
    )
    return replace(bench, models=single)
