"""What the frame's way may do on a GPU, held against SDXL Turbo's own shapes in half precision, without a GPU.

Everything lies on torch's ``meta`` device, which has shapes, types and layouts and no storage. It stands for the GPU:
an operation that needs a tensor beside it, or reads a number back, is what a CUDA graph can't record, or waits for.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the diffusion extra is not installed")
pytest.importorskip("diffusers", reason="the diffusion extra is not installed")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402

from mirrorfx.diffusion._graph import KeptFrameFunction  # noqa: E402
from mirrorfx.diffusion.gpu_bench_models import random_models  # noqa: E402

META = torch.device("meta")
HEAVY = ("convolution", "mm.", "addmm")
WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "equal.", "is_nonzero", "_pin_memory")
DRAWS = ("rand", "normal_", "bernoulli", "dropout")


class Rules(TorchDispatchMode):
    """Notes all that leaves the device, waits for it, or draws random numbers, which a recording would repeat."""

    def __init__(self):
        super().__init__()
        self.broken: list[str] = []
        self.heavy: Counter[tuple[torch.dtype, ...]] = Counter()
        self.operations: Counter[str] = Counter()

    def __torch_dispatch__(self, operation, _types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        name = str(operation).removeprefix("aten.")
        self.operations[name] += 1
        tensors = [each for each in tree_leaves((args, kwargs, result)) if isinstance(each, torch.Tensor)]
        self.broken += [f"{name} touches {each.device}" for each in tensors if each.device != META]
        self.broken += [name for words in (WAITS, DRAWS) if name.startswith(words)]
        if name.startswith(HEAVY) and not name.startswith("bmm"):
            self.heavy[tuple(each.dtype for each in tensors)] += 1
        return result


def half(model_size):
    made = random_models(model_size, META)
    for network in (made.models.unet, made.autoencoder):
        network.half().to(memory_format=torch.channels_last)
    return replace(made.models, dtype=torch.float16)


@pytest.fixture(scope="module")
def tiny():
    return half("tiny")


def function_over(models, size=(64, 128), steps=1):
    return KeptFrameFunction(models, size, steps=steps)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_painting_stays_on_the_device_and_waits_for_nothing(tiny, steps):
    function = function_over(tiny, steps=steps)
    with Rules() as rules:
        function.forward()
        output = function.hand_out()
    assert rules.broken == []
    assert (output.device, output.dtype, function.picture.dtype) == (META, torch.uint8, torch.float32)


def test_the_real_networks_compute_in_half_precision_alone():
    """A type that is lost on the way would cost half the speed, or raise on a GPU where it is first mixed."""
    function = function_over(half("full"), (832, 512))
    with Rules() as rules:
        function.forward()
    assert rules.broken == []
    assert {kind for types in rules.heavy for kind in types} == {torch.float16}
    assert sum(rules.heavy.values()) > 800
    assert tuple(function.picture.shape) == (1, 3, 512, 832)


def test_values_are_set_without_leaving_the_device(tiny):
    function = function_over(tiny, steps=2)
    noise, step_noise = (torch.zeros(shape, device=META) for shape in function.noise_shapes)
    tokens, pooled = (torch.zeros(shape, device=META, dtype=torch.float16) for shape in function.conditioning_shapes)
    pixels = torch.zeros((128, 64, 3), dtype=torch.uint8, device=META)
    with Rules() as rules:
        function.set_strength(0.3)
        function.set_mix(0.2)
        function.set_noise(noise, step_noise)
        function.set_conditioning(tokens, pooled)
        function.load(pixels)
    assert rules.broken == []


def test_every_frame_has_the_same_operations(tiny):
    """So a recording of one is right for all: no value decides in Python what is done."""
    function = function_over(tiny)
    seen = []
    for strength in (0.5, 0.0, 1.0):
        function.set_strength(strength)
        with Rules() as rules:
            function.forward()
        seen.append(rules.operations)
    assert seen[0] == seen[1] == seen[2]


class Leaving(KeptFrameFunction):
    """Makes a number on the CPU on its way."""

    def decode(self, latents):
        return super().decode(latents * torch.tensor(1.0))


class Waiting(KeptFrameFunction):
    """Looks at a value on its way."""

    def decode(self, latents):
        return super().decode(latents) if torch.isnan(latents).any() else latents


class Widening(KeptFrameFunction):
    """Forgets the networks' type."""

    def decode(self, latents):
        return self._models.decoder(latents).float()


def test_the_rules_find_what_breaks_them(tiny):
    with Rules() as rules:
        Leaving(tiny, (64, 64)).forward()
    assert any("touches cpu" in each for each in rules.broken)
    with pytest.raises(RuntimeError, match="meta"):
        Waiting(tiny, (64, 64)).forward()
    with pytest.raises(RuntimeError, match=r"dtype|same"):
        Widening(tiny, (64, 64)).forward()
