"""Loading SDXL Turbo, or any one-step model of its family, from the hub's cache or a folder.

Nothing is downloaded unless the settings allow it. Whatever goes wrong becomes one `EffectUnavailable` that names the
part and the fix.

This module imports torch; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from mirrorfx.diffusion._life import signs_of_life
from mirrorfx.diffusion.libraries import diffusers, hub_asked, transformers
from mirrorfx.diffusion.model_folder import (
    AUTOENCODER,
    HUB_ID,
    MODEL,
    autoencoder_problem,
    fetch_command,
    index_problem,
    located,
    unet_problem,
)
from mirrorfx.diffusion.schedule import NoiseSchedule
from mirrorfx.errors import EffectUnavailable, InvalidValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["AUTOENCODER", "MODEL", "ModelSettings", "Models", "load_models", "out_of_memory"]

_NO_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory|STATUS_ALLOC_FAILED", re.IGNORECASE)
"""cuBLAS and cuDNN tell in words of their own: CUBLAS_STATUS_ALLOC_FAILED, where torch's allocator took it all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Which model, where it runs, and whether the hub may be asked.

    Attributes:
        model: a hub id or a local folder in the diffusers layout; any SDXL-family model that predicts noise. For a hub
            id the folder that ``mirrorfx models fetch`` made goes before the hub's own cache.
        autoencoder: a hub id or a local folder with an `AutoencoderTiny` for SDXL's latents. The one in a fetched or
            exported model folder stands in for the usual one.
        variant: ``"fp16"`` takes the weight files of that name, half the download; None takes what was fetched, or else
            the plain ones.
        device: ``cpu`` or ``cuda:0``.
        half: fp16 weights in channels_last on a CUDA device. Always fp32 on the CPU, where fp16 is slow.
            This half-precision path has not been confirmed on a GPU yet.
        download: the user agreed that missing files are fetched from the hub.
    """

    model: str = MODEL
    autoencoder: str = AUTOENCODER
    variant: str | None = None
    device: str = "cpu"
    half: bool = True
    download: bool = False

    @property
    def dtype(self) -> torch.dtype:
        """What the networks compute in."""
        return torch.float16 if self.half and self.device.startswith("cuda") else torch.float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """Everything that a frame and a prompt go through, on one device, in evaluation mode.

    Attributes:
        unet: diffusers' `UNet2DConditionModel`, or what an accelerator made of it.
        encoder: ``float[1, 3, H, W]`` RGB in -1..1 → latents ``float[1, 4, H/8, W/8]``, unscaled.
        decoder: the way back.
        latent_scale: what the encoder's latents are multiplied by for the UNet; 1 for TAESDXL.
        text_encoders: CLIP-L and OpenCLIP bigG.
        tokenizers: one for each text encoder.
        schedule: the noise that the model was trained with.
        device: where all of it lies.
        dtype: what it computes in.
    """

    unet: Any
    encoder: Any
    decoder: Any
    latent_scale: float
    text_encoders: tuple[Any, Any]
    tokenizers: tuple[Any, Any]
    schedule: NoiseSchedule
    device: torch.device
    dtype: torch.dtype


def _quiet(_what: str, _share: float) -> None:
    """Report to nobody."""


def load_models(settings: ModelSettings, progress: Callable[[str, float], None] = _quiet) -> Models:
    """Load all parts onto the device; the small ones first, so that a wrong model is told at once.

    Args:
        settings: which, where, how.
        progress: is told the part being loaded and the share done.

    Raises:
        EffectUnavailable: a library, the GPU, the model or a part of it is missing, it is no SDXL model, it doesn't
            fit into memory, or the hub can't be reached; the message names the fix.
    """
    where = located(settings.model, settings.autoencoder, settings.variant)
    settings = replace(settings, model=where.model, autoencoder=where.autoencoder, variant=where.variant)
    with hub_asked(only_if=settings.download):
        return _load(settings, progress)


def _load(settings: ModelSettings, progress: Callable[[str, float], None]) -> Models:
    device = _device(settings.device)
    loader = _Loader(settings)
    progress("model description", 0.0)
    index = loader.index()
    _check(settings.model, index_problem(index))
    schedule = loader.schedule()
    config = loader.unet_config()
    progress("text encoders", 0.05)
    text_encoders = (
        loader.text_encoder("text_encoder", "CLIPTextModel"),
        loader.text_encoder("text_encoder_2", "CLIPTextModelWithProjection"),
    )
    width = sum(int(encoder.config.hidden_size) for encoder in text_encoders)
    _check(settings.model, unet_problem(config, width))
    tokenizers = (
        loader.tokenizer("tokenizer", text_encoders[0]),
        loader.tokenizer("tokenizer_2", text_encoders[1]),
    )
    progress("UNet", 0.25)
    with signs_of_life(progress, "UNet", 0.25):  # 5 or 10 GB, from a slow disk perhaps
        unet = loader.unet()
    progress("autoencoder", 0.95)
    autoencoder = loader.autoencoder()
    progress("ready", 1.0)
    return Models(
        unet=unet,
        encoder=autoencoder.encoder,
        decoder=autoencoder.decoder,
        latent_scale=float(autoencoder.config.scaling_factor),
        text_encoders=text_encoders,
        tokenizers=tokenizers,
        schedule=schedule,
        device=device,
        dtype=settings.dtype,
    )


def out_of_memory(problem: BaseException) -> bool:
    """Say whether an error means that memory ran out, on the GPU or beside it."""
    if isinstance(problem, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(problem, RuntimeError) and bool(_NO_MEMORY.search(str(problem)))


class _Loader:
    """Calls each library's ``from_pretrained`` with the same settings and translates what it raises."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings

    def index(self) -> Mapping[str, Any]:
        settings = self._settings
        with _translated(settings, settings.model, "model_index.json"):
            found: Mapping[str, Any] = diffusers().DiffusionPipeline.load_config(settings.model, **self._hub())
        return found

    def schedule(self) -> NoiseSchedule:
        config = self._config("EulerAncestralDiscreteScheduler", "scheduler")
        try:
            return NoiseSchedule.from_config(config)
        except InvalidValue as problem:
            raise EffectUnavailable(
                f"The model {self._settings.model} can't be used: {problem} Choose an SDXL model for one-step sampling "
                f"that predicts noise, such as {MODEL}."
            ) from problem

    def unet_config(self) -> Mapping[str, Any]:
        return self._config("UNet2DConditionModel", "unet")

    def tokenizer(self, part: str, text_encoder: Any) -> Any:
        """Load a tokenizer and hold it against its encoder: without its files, transformers returns an empty one."""
        settings = self._settings
        with _translated(settings, settings.model, part):
            tokenizer = transformers().CLIPTokenizer.from_pretrained(settings.model, subfolder=part, **self._hub())
            known, wanted = len(tokenizer), text_encoder.config.vocab_size
            if known != wanted:
                raise ValueError(f"it knows {known} tokens and the text encoder {wanted}")
            return tokenizer

    def text_encoder(self, part: str, kind: str) -> Any:
        library_kind = getattr(transformers(), kind)
        return self._weights(library_kind, self._settings.model, part, {"dtype": self._settings.dtype})

    def unet(self) -> Any:
        options = {"torch_dtype": self._settings.dtype}
        return self._weights(diffusers().UNet2DConditionModel, self._settings.model, "unet", options)

    def autoencoder(self) -> Any:
        source = self._settings.autoencoder
        with _translated(self._settings, source, "autoencoder"):
            config = diffusers().AutoencoderTiny.load_config(source, **self._hub())
        if problem := autoencoder_problem(config):
            raise EffectUnavailable(f"The autoencoder {source} can't be used: {problem}")
        options = {"torch_dtype": self._settings.dtype}
        return self._weights(diffusers().AutoencoderTiny, source, None, options)

    def _config(self, kind: str, part: str) -> Mapping[str, Any]:
        settings = self._settings
        with _translated(settings, settings.model, part):
            library_kind = getattr(diffusers(), kind)
            found: Mapping[str, Any] = library_kind.load_config(settings.model, subfolder=part, **self._hub())
        return found

    def _weights(self, kind: Any, source: str, part: str | None, options: dict[str, Any]) -> Any:
        """Load one network onto the device.

        Only safetensors are read: other formats can run code.
        """
        settings = self._settings
        if part:
            options |= {"subfolder": part, "variant": settings.variant}
        with _translated(settings, source, part or "autoencoder"):
            network, report = kind.from_pretrained(
                source, use_safetensors=True, output_loading_info=True, **options, **self._hub()
            )
            if report["missing_keys"]:
                lacking = sorted(map(str, report["missing_keys"]))
                raise ValueError(f"{len(lacking)} weights are missing, such as {lacking[0]}")
            return _placed(network.eval().requires_grad_(False), settings)

    def _hub(self) -> dict[str, bool]:
        return {"local_files_only": not self._settings.download}


def _placed(network: Any, settings: ModelSettings) -> Any:
    if not settings.device.startswith("cuda"):
        return network.to(settings.device)
    return network.to(settings.device, memory_format=torch.channels_last)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as problem:
        raise EffectUnavailable(f"There is no device called {name!r}: write cpu, cuda:0 or cuda:1.") from problem
    if device.type not in {"cpu", "cuda"}:
        raise EffectUnavailable(f"The device {name} is not supported: write cpu, cuda:0 or cuda:1.")
    if device.type == "cuda" and (device.index or 0) >= _gpus():
        raise EffectUnavailable(
            f"The device {name} was asked for, but torch finds {_gpus() or 'no'} GPU(s) here. Choose another device, "
            "or check the NVIDIA driver (nvidia-smi) and that torch was installed with CUDA."
        )
    return device


def _gpus() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _check(model: str, problem: str) -> None:
    if problem:
        raise EffectUnavailable(f"The model {model} can't be used: {problem}")


@contextmanager
def _translated(settings: ModelSettings, source: str, part: str) -> Iterator[None]:
    """Turn whatever the libraries raise while reading `part` of `source` into one error with a fix."""
    try:
        yield
    except EffectUnavailable:
        raise
    except Exception as problem:  # three libraries raise a dozen unrelated types here
        raise EffectUnavailable(_explained(settings, source, part, problem)) from problem


def _explained(settings: ModelSettings, source: str, part: str, problem: Exception) -> str:
    if out_of_memory(problem):
        return (
            f"Not enough memory on {settings.device} for the {part} of {source}. Close other programs that use it, "
            "choose another device, or on a GPU keep half precision on (SDXL Turbo takes about 8 GB there)."
        )
    if Path(source).is_dir():
        return (
            f"The {part} in the folder {source} can't be read: {_first_line(problem)}. "
            f"{_variant_hint(settings)}mirrorfx models check {source} names all that is missing or broken. Copy the "
            "whole model folder again, or fetch it: mirrorfx models fetch"
        )
    if not HUB_ID.fullmatch(source):
        return f"There is no folder {source}. Give an existing model folder, or a hub id such as {MODEL}."
    if not settings.download:
        return (
            f"The {part} of {source} is not on this machine, and nothing is downloaded unasked. Fetch it: "
            f"{fetch_command(settings.model, settings.autoencoder)}. Without internet here: mirrorfx models export on "
            f"a machine that has it, and give the carried folder as --model. {_variant_hint(settings)}".rstrip()
        )
    return (
        f"The {part} of {source} can't be fetched from the hub: {_first_line(_root(problem))}. Check the network and "
        "the name, or carry here what mirrorfx models export makes on another machine. "
        f"{_variant_hint(settings)}".rstrip()
    )


def _variant_hint(settings: ModelSettings) -> str:
    return f"The variant {settings.variant!r} was asked for; not every model has it. " if settings.variant else ""


def _root(problem: BaseException) -> BaseException:
    """Return what an error began with: the libraries say "no such file" where the network failed."""
    while beneath := problem.__cause__ or problem.__context__:
        problem = beneath
    return problem


def _first_line(problem: BaseException) -> str:
    lines = str(problem).strip().splitlines() or [type(problem).__name__]
    return lines[0][:300].rstrip(".")
