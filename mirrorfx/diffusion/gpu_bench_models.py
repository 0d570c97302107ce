"""Networks of SDXL Turbo's structure with random weights, made on the device: for speed and wiring, not for pictures.

Nothing is downloaded. Weights are N(0, 1/√fan-in), norms 1, biases 0, so values stay finite in half precision. The
autoencoder's last layer is scaled so that its pictures use the range of a byte; with saturated pictures a comparison
between two ways of computing them would prove nothing.

This module imports torch; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mirrorfx.diffusion.frame_function import FrameFunction
from mirrorfx.diffusion.libraries import diffusers
from mirrorfx.diffusion.models import Models
from mirrorfx.diffusion.schedule import NoiseSchedule
from mirrorfx.errors import EffectUnavailable, UnknownName

__all__ = ["MODEL_SIZES", "BenchModels", "bench_device", "count_flop", "flop_by_kind", "random_models"]

_SHARED: dict[str, Any] = {
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "layers_per_block": 2,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
}
_PICTURE_SPREAD = 0.25


@dataclass(frozen=True, slots=True)
class _Dimensions:
    """What differs between the real networks and the tiny ones.

    Attributes:
        unet: arguments of diffusers' `UNet2DConditionModel`.
        autoencoder: arguments of its `AutoencoderTiny`.
        text_widths: of the two text encoders' hidden states; the second is the pooled embedding's too.
    """

    unet: dict[str, Any]
    autoencoder: dict[str, Any]
    text_widths: tuple[int, int]


# The published configurations of stabilityai/sdxl-turbo (unet) and madebyollin/taesdxl.
_FULL = _Dimensions(
    unet={
        "sample_size": 128,
        "block_out_channels": (320, 640, 1280),
        "transformer_layers_per_block": (1, 2, 10),
        "attention_head_dim": (5, 10, 20),
        "cross_attention_dim": 2048,
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
    autoencoder={},
    text_widths=(768, 1280),
)
_TINY = _Dimensions(
    unet={
        "sample_size": 16,
        "block_out_channels": (16, 32, 32),
        "transformer_layers_per_block": (1, 1, 2),
        "attention_head_dim": (1, 2, 2),
        "norm_num_groups": 8,
        "cross_attention_dim": 48,
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 80,
    },
    autoencoder={
        "encoder_block_out_channels": (16,) * 4,
        "decoder_block_out_channels": (16,) * 4,
        "num_encoder_blocks": (1,) * 4,
        "num_decoder_blocks": (1,) * 4,
    },
    text_widths=(16, 32),
)
MODEL_SIZES = {"full": _FULL, "tiny": _TINY}


@dataclass(frozen=True, slots=True)
class BenchModels:
    """The networks, and what to feed them.

    Attributes:
        models: as the frame function takes them; the text encoders are only their widths.
        autoencoder: the same encoder and decoder as one, for diffusers' pipeline.
        embeddings: random, ``[1, 77, width]``; see `FrameFunction.set_conditioning`.
        pooled: random, ``[1, width]``.
    """

    models: Models
    autoencoder: Any
    embeddings: torch.Tensor
    pooled: torch.Tensor

    @property
    def weights(self) -> int:
        """The number of weights in UNet and autoencoder."""
        return sum(weight.numel() for part in (self.models.unet, self.autoencoder) for weight in part.parameters())


def bench_device(name: str) -> torch.device:
    """Return the device to measure on.

    Raises:
        EffectUnavailable: it is neither the CPU nor a GPU that torch finds here.
    """
    try:
        device = torch.device(name)
    except RuntimeError as problem:
        raise EffectUnavailable(f"There is no device called {name!r}: write cpu or cuda:0.") from problem
    if device.type == "cpu":
        return device
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type != "cuda" or (device.index or 0) >= gpus:
        raise EffectUnavailable(
            f"The device {name} was asked for, but torch finds {gpus or 'no'} GPU(s) here. Write --device cpu to see "
            "that the bench runs (its times then say nothing about a GPU), or check the driver with nvidia-smi."
        )
    return torch.device("cuda", device.index or 0)


@torch.no_grad()
def random_models(model_size: str, device: torch.device, *, seed: int = 0) -> BenchModels:
    """Make the networks on `device`: fp16 and channels_last on a GPU, fp32 elsewhere.

    Args:
        model_size: ``"full"``, SDXL's own dimensions (5.1 GB in fp16), or ``"tiny"``.
        device: where; ``meta`` makes shapes alone.
        seed: of the random weights.

    Raises:
        UnknownName: another model size.
        EffectUnavailable: diffusers is not installed.
    """
    if model_size not in MODEL_SIZES:
        raise UnknownName("model size", model_size, MODEL_SIZES)
    dimensions = MODEL_SIZES[model_size]
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    unet, autoencoder = (_filled(part, device, dtype, seed) for part in _shapes(dimensions))
    if device.type != "meta":
        _use_the_range(autoencoder.decoder, device, dtype)
    first, second = dimensions.text_widths
    return BenchModels(
        Models(
            unet=unet,
            encoder=autoencoder.encoder,
            decoder=autoencoder.decoder,
            latent_scale=float(autoencoder.config.scaling_factor),
            text_encoders=(_widths(first), _widths(second)),
            tokenizers=(None, None),
            schedule=NoiseSchedule(),
            device=device,
            dtype=dtype,
        ),
        autoencoder,
        torch.randn((1, 77, first + second), device=device, dtype=dtype, generator=_generator(device, seed)),
        torch.randn((1, second), device=device, dtype=dtype, generator=_generator(device, seed + 1)),
    )


@functools.cache
def count_flop(model_size: str, size: tuple[int, int], steps: int) -> dict[str, int]:
    """Count the floating-point operations of one frame, bytes to bytes, by running it on tensors without storage.

    Returns:
        ``convolution``, ``linear``, ``attention`` (its two products alone) and their sum ``total``; a multiplication
        and its addition are two operations. Elementwise work is not counted. Not to be changed: it is kept.
    """
    function = FrameFunction(random_models(model_size, torch.device("meta")).models, size, steps=steps)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        function.forward()
    return flop_by_kind(counter)


def flop_by_kind(counter: FlopCounterMode) -> dict[str, int]:
    """Sort what a counter has counted: batched products are attention, plain ones linear layers."""
    counted = {"convolution": 0, "linear": 0, "attention": 0}
    for operation, flop in counter.get_flop_counts().get("Global", {}).items():
        counted[_kind(str(operation))] += int(flop)
    return {**counted, "total": sum(counted.values())}


def _kind(operation: str) -> str:
    if "conv" in operation:
        return "convolution"
    return "attention" if "bmm" in operation or "attention" in operation else "linear"


def _shapes(dimensions: _Dimensions) -> tuple[Any, Any]:
    with torch.device("meta"):
        return (
            diffusers().UNet2DConditionModel(**_SHARED, **dimensions.unet),
            diffusers().AutoencoderTiny(**dimensions.autoencoder),
        )


def _filled(network: Any, device: torch.device, dtype: torch.dtype, seed: int) -> Any:
    network = (network.half() if dtype == torch.float16 else network).eval().requires_grad_(False)
    if device.type == "meta":
        return network
    network = network.to_empty(device=device)
    generator = _generator(device, seed)
    for name, weight in network.named_parameters():
        if weight.ndim > 1:
            weight.normal_(0.0, 1 / math.sqrt(weight[0].numel()), generator=generator)
        else:
            weight.fill_(0.0 if name.endswith("bias") else 1.0)
    return network.to(memory_format=torch.channels_last) if device.type == "cuda" else network


def _use_the_range(decoder: Any, device: torch.device, dtype: torch.dtype) -> None:
    """Scale the last layer to values around 0.5, so that the picture (their double less 1) spreads around 0."""
    latents = torch.randn((1, 4, 32, 32), device=device, dtype=dtype, generator=_generator(device, 2))
    last = [layer for layer in decoder.modules() if isinstance(layer, nn.Conv2d)][-1]
    last.weight.mul_(2 * _PICTURE_SPREAD / decoder(latents).float().std())
    if last.bias is not None:
        last.bias.fill_(0.5)


def _generator(device: torch.device, seed: int) -> torch.Generator | None:
    return None if device.type == "meta" else torch.Generator(device).manual_seed(seed)


def _widths(width: int) -> SimpleNamespace:
    return SimpleNamespace(config=SimpleNamespace(hidden_size=width, projection_dim=width))
