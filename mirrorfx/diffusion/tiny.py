"""A model folder of SDXL Turbo's structure, small enough for a test: made by code, nothing is downloaded.

Its weights are random numbers, so it paints noise; what it proves is that loading, tokenizing, encoding, the schedule,
the UNet and decoding fit together. Only the autoencoder does what its name says, roughly: it gives back the picture at
an eighth of its resolution.

This module imports torch, diffusers and transformers; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mirrorfx.diffusion.libraries import diffusers, transformers

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TinyFolder", "make_tiny_sdxl_turbo"]

_TEXT_WIDTH, _TEXT_WIDTH_2 = 16, 32
_TIME_WIDTH = 8
_COLOURS = 3
_LATENT_GAIN = 4.0
_PROMPT_GAIN = 6.0
_OUTPUT_GAIN = 3.0


class TinyFolder:
    """Where the two models lie.

    Attributes:
        model: stands in for ``stabilityai/sdxl-turbo``.
        autoencoder: stands in for ``madebyollin/taesdxl``.
    """

    def __init__(self, folder: Path) -> None:
        self.model = folder / "sdxl-turbo"
        self.autoencoder = folder / "taesdxl"


def make_tiny_sdxl_turbo(folder: Path, *, seed: int = 0, variant: str | None = None) -> TinyFolder:
    """Write both model folders into `folder`, the same files for the same seed.

    Args:
        folder: is made when it is not there; files of the same names are replaced.
        seed: of the random weights; torch's own generator is left as it was.
        variant: ``"fp16"`` writes half-precision weights under the names that variant has.
    """
    made = TinyFolder(Path(folder))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts: dict[str, Any] = {
            "unet": _unet(),
            "text_encoder": _text_encoder(transformers().CLIPTextModel, _TEXT_WIDTH),
            "text_encoder_2": _text_encoder(transformers().CLIPTextModelWithProjection, _TEXT_WIDTH_2),
            "vae": _kl_autoencoder(),
        }
        autoencoder = _tiny_autoencoder()
    for name, part in parts.items():
        (part.half() if variant == "fp16" else part).save_pretrained(made.model / name, variant=variant)
    autoencoder.save_pretrained(made.autoencoder)
    _write_tokenizer(made.model / "tokenizer", "<|endoftext|>")
    _write_tokenizer(made.model / "tokenizer_2", "!")
    _write_json(made.model / "scheduler" / "scheduler_config.json", _scheduler())
    _write_json(made.model / "model_index.json", _index())
    return made


def _index() -> dict[str, object]:
    return {
        "_class_name": "StableDiffusionXLPipeline",
        "_diffusers_version": diffusers().__version__,
        "force_zeros_for_empty_prompt": True,
        "scheduler": ["diffusers", "EulerAncestralDiscreteScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "tokenizer_2": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }


def _scheduler() -> dict[str, object]:
    return {
        "_class_name": "EulerAncestralDiscreteScheduler",
        "_diffusers_version": diffusers().__version__,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "prediction_type": "epsilon",
        "rescale_betas_zero_snr": False,
        "steps_offset": 1,
        "timestep_spacing": "trailing",
    }


def _unet() -> Any:
    unet = diffusers().UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(16, 32, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=2,
        transformer_layers_per_block=(1, 1, 2),
        attention_head_dim=(1, 2, 2),
        norm_num_groups=8,
        use_linear_projection=True,
        cross_attention_dim=_TEXT_WIDTH + _TEXT_WIDTH_2,
        addition_embed_type="text_time",
        addition_time_embed_dim=_TIME_WIDTH,
        projection_class_embeddings_input_dim=_TEXT_WIDTH_2 + 6 * _TIME_WIDTH,
    )
    _let_the_prompt_matter(unet)
    return unet


@torch.no_grad()
def _let_the_prompt_matter(unet: nn.Module) -> None:
    """Strengthen what the text goes through: with weights as they are drawn, two prompts look the same.

    The output is brought near the variance of the noise that a trained model predicts.
    """
    for name, weight in unet.named_parameters():
        if name.startswith("conv_out"):
            weight.mul_(_OUTPUT_GAIN)
        elif "attn2.to_out" in name or "attn2.to_v" in name or name.startswith("add_embedding"):
            weight.mul_(_PROMPT_GAIN)


def _text_encoder(kind: Any, width: int) -> Any:
    config = transformers().CLIPTextConfig(
        vocab_size=len(_vocabulary()),
        hidden_size=width,
        projection_dim=width,
        intermediate_size=2 * width,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=1,
    )
    encoder = kind(config)
    _spread_tokens(encoder)
    return encoder


@torch.no_grad()
def _spread_tokens(encoder: nn.Module) -> None:
    for name, weight in encoder.named_parameters():
        if name.endswith(("token_embedding.weight", "position_embedding.weight")):
            weight.copy_(torch.randn_like(weight))


def _kl_autoencoder() -> Any:
    return diffusers().AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=4,
        scaling_factor=0.13025,
    )


def _tiny_autoencoder() -> Any:
    channels = (16,) * 4
    autoencoder = diffusers().AutoencoderTiny(
        encoder_block_out_channels=channels,
        decoder_block_out_channels=channels,
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
    )
    _pass_colours(autoencoder.encoder.layers, out_gain=_LATENT_GAIN)
    _pass_colours(autoencoder.decoder.layers, in_gain=1 / _LATENT_GAIN)
    return autoencoder


@torch.no_grad()
def _pass_colours(layers: nn.Sequential, *, in_gain: float = 1.0, out_gain: float = 1.0) -> None:
    """Lead the first three channels through a stack of convolutions as they are; the rest stays random.

    The gains turn colours of 0..1 into latents around 0 and back.
    """
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    for convolution in convolutions:
        _keep_channels(convolution)
    for last in _last_convolutions(layers):
        last.weight[:_COLOURS] = 0
        _bias(last)[:_COLOURS] = 0
    first, final = convolutions[0], convolutions[-1]
    first.weight[:_COLOURS] *= in_gain
    final.weight[:_COLOURS] *= out_gain
    _bias(first)[:_COLOURS] = 0.5 if in_gain != 1 else 0
    _bias(final)[:_COLOURS] = -0.5 * out_gain if out_gain != 1 else 0


def _keep_channels(convolution: nn.Conv2d) -> None:
    mean = torch.tensor([1.0, 2.0, 1.0]).outer(torch.tensor([1.0, 2.0, 1.0])) / 16
    through = torch.zeros(3, 3)
    through[1, 1] = 1
    convolution.weight[:_COLOURS] = 0
    for channel in range(_COLOURS):
        convolution.weight[channel, channel] = mean if convolution.stride[0] == 2 else through


def _last_convolutions(layers: nn.Sequential) -> Iterator[nn.Conv2d]:
    """Give each residual block's last convolution: without it the block passes positive values on."""
    for block in layers:
        inner = [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]
        if len(inner) > 1:
            yield inner[-1]


def _bias(convolution: nn.Conv2d) -> torch.Tensor:
    if convolution.bias is None:
        raise TypeError("The first, the last and each block's last convolution of the autoencoder have a bias.")
    return convolution.bias


def _vocabulary() -> dict[str, int]:
    """Return CLIP's vocabulary without merges: each byte, each byte at a word's end, begin and end: 514 tokens."""
    letters = sorted(_byte_letters())
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return {word: index for index, word in enumerate(words)}


def _byte_letters() -> Iterator[str]:
    """Give one printable letter for each of the 256 bytes, as byte-level BPE has it (GPT-2, Radford et al. 2019)."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    spare = 256
    for byte in range(256):
        yield chr(byte if byte in printable else spare)
        spare += byte not in printable


def _write_tokenizer(folder: Path, pad: str) -> None:
    tokens = {
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
        "pad_token": pad,
    }
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "vocab.json", _vocabulary())
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    _write_json(folder / "special_tokens_map.json", tokens)
    described = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True, **tokens}
    _write_json(folder / "tokenizer_config.json", described)


def _write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")
