"""LoRA files: found by name, read, held against the UNet, and added to its weights in place.

A LoRA (Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, 2021) is a correction for each of some layers:
W + weight · alpha / rank · up · down. Read are the layouts that artists have for SDXL: kohya's (``lora_unet_…``, with
its own names for blocks or diffusers' names), diffusers' and PEFT's (``unet.….lora_A``, ``.lora.down``), for linear
layers and convolutions. Corrections of the text encoders are left out, and `LoraWeights.notice` says so.

Only safetensors are read: the other formats can run code.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mirrorfx.diffusion.libraries import library
from mirrorfx.errors import InvalidValue, UnknownName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import torch

__all__ = ["LoraLibrary", "LoraWeights", "apply"]

_ENDING = ".safetensors"
_PICKLED = (".pt", ".pth", ".ckpt", ".bin")
_KEY = re.compile(r"(?P<layer>.+?)(?:(?:\.lora_|\.lora\.|_lora\.)(?P<side>down|up|A|B)(?:\.default)?\.weight|\.alpha)")
_PARTS = {"down": "down", "A": "down", "up": "up", "B": "up", None: "alpha"}
_TEXT = re.compile(r"lora_te\d?_|text_encoder(_\d)?\.")
_OTHER_KINDS = {"hada_": "LoHa", "lokr_": "LoKr", "dora_scale": "DoRA", "lora_magnitude": "DoRA", "lora_mid": "Tucker"}
_FAMILIES = {768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 2048: "SDXL"}
_FIX = "Choose a LoRA file that was made for SDXL."


class LoraLibrary:
    """The LoRA files of a folder and of the folders in it, by name: the file's own, without its ending.

    The folder is read at each call; neither torch nor a network is needed.

    Args:
        folder: need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Return all names, each once, sorted whatever their case."""
        return sorted({path.stem for path in self._files(_ENDING)}, key=lambda name: (name.lower(), name))

    def path(self, name: str) -> Path:
        """Return the file called `name`, whatever the case unless two differ only in it.

        Raises:
            InvalidValue: there is none, or several; the message has the folder, and the nearest name or the reason.
        """
        alike = self._called(name, _ENDING)
        found = [path for path in alike if path.stem == name] or alike
        if len(found) == 1:
            return found[0]
        if found:
            listed = " and ".join(map(str, found))
            raise InvalidValue(f"There are {len(found)} LoRA files called {name!r}: {listed}. Rename one of them.")
        if any(self._called(name, ending) for ending in _PICKLED):
            raise InvalidValue(f"The LoRA file {name!r} in {self.folder} is no safetensors file: {_PICKLE}")
        if not self.names():
            raise InvalidValue(
                f"There is no LoRA file called {name!r}: the folder {self.folder} has none. Put {name}{_ENDING} there."
            )
        raise UnknownName(f"LoRA file in {self.folder}", name, self.names())

    def _called(self, name: str, ending: str) -> list[Path]:
        return [path for path in self._files(ending) if path.stem.casefold() == name.casefold()]

    def _files(self, ending: str) -> list[Path]:
        return sorted(path for path in self.folder.rglob(f"*{ending}") if path.is_file())


_PICKLE = (
    "files of other kinds can run any code when they are read. Get the safetensors file of that LoRA, or convert it "
    "on a machine where that does no harm."
)


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """The correction of one layer, on the CPU: ``up`` [out, rank, …], ``down`` [rank, in, …], scale = alpha / rank."""

    down: torch.Tensor
    up: torch.Tensor
    scale: float

    def delta(self, weight: torch.Tensor) -> torch.Tensor:
        """Return what is added to `weight`, in its shape, float32, on its device."""
        up, down = (part.flatten(1).to(weight.device).float() for part in (self.up, self.down))
        return (up @ down).mul_(self.scale).view(weight.shape)

    def misfit(self, weight: torch.Tensor) -> str:
        """Say why this can't be added to `weight`; empty when it can."""
        down, up = tuple(self.down.shape), tuple(self.up.shape)
        if min(len(down), len(up)) < 2 or down[0] != up[1] or math.prod(up[2:]) != 1:
            return f"its two parts {down} and {up} don't go together"
        gives, wanted = (up[0], *down[1:]), tuple(weight.shape)
        if _plain(gives) != _plain(wanted):
            return f"it is for weights of {gives} and the model has {wanted}"
        return ""


def _plain(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a weight's shape with 1×1 convolutions as what they are: linear layers."""
    return shape[:2] if all(side == 1 for side in shape[2:]) else shape


@dataclass(frozen=True, slots=True, eq=False)
class LoraWeights:
    """A LoRA file that fits a UNet, in memory (CPU).

    Attributes:
        name: the file's name without its ending.
        layers: the corrections by the names of the UNet's layers.
        notice: what of the file is not used, as a sentence; empty when all is.
    """

    name: str
    layers: Mapping[str, _Layer]
    notice: str = ""

    @classmethod
    def load(cls, path: Path, unet: Any) -> LoraWeights:
        """Read a file and hold it against `unet`.

        Args:
            path: a safetensors file.
            unet: diffusers' `UNet2DConditionModel`; plain, not what a compiler made of it.

        Raises:
            InvalidValue: the file can't be read, is no LoRA, or doesn't fit the model; the message says why.
        """
        tensors, alphas = _read(path)
        kept = {key: value for key, value in tensors.items() if not _TEXT.match(key)}
        left_out = len(tensors) > len(kept)
        if left_out and not kept:
            raise InvalidValue(f"The LoRA file {path} changes only the text encoders, which is not supported. {_FIX}")
        layers = _fitted(path, _paired(path, kept, alphas), unet)
        notice = f"The LoRA {path.stem} also changes the text encoders; that part is left out." if left_out else ""
        return cls(path.stem, layers, notice)


def _read(path: Path) -> tuple[dict[str, torch.Tensor], Mapping[str, float]]:
    """Return a file's tensors, and the alpha of each model where diffusers wrote it into the header."""
    _check_file(path)
    try:
        with library("safetensors").safe_open(path, framework="pt", device="cpu") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  it is no mapping
            described = file.metadata() or {}
    except (OSError, library("safetensors").SafetensorError) as problem:
        raise InvalidValue(
            f"The LoRA file {path} can't be read as safetensors: {problem}. It may have been cut off: copy or download "
            "it again."
        ) from problem
    return tensors, _alphas(described)


def _check_file(path: Path) -> None:
    """Refuse what is no safetensors file with a reason that says more than the library's own."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as problem:
        raise InvalidValue(f"The LoRA file {path} can't be opened: {problem.strerror}. Check the path.") from problem
    if not start:
        raise InvalidValue(f"The LoRA file {path} is empty. Copy or download it again.")
    if path.suffix.lower() in _PICKLED or start.startswith((b"PK\x03\x04", b"\x80\x02")):
        raise InvalidValue(f"The LoRA file {path} is no safetensors file: {_PICKLE}")


def _alphas(described: Mapping[str, str]) -> Mapping[str, float]:
    """Return ``lora_alpha`` of the UNet, and by layer where they differ (diffusers' ``lora_adapter_metadata``)."""
    try:
        settings = json.loads(described.get("lora_adapter_metadata", "{}"))
        alphas = {str(name): float(value) for name, value in (settings.get("unet.alpha_pattern") or {}).items()}
        return alphas | ({"": float(settings["unet.lora_alpha"])} if "unet.lora_alpha" in settings else {})
    except (ValueError, TypeError, AttributeError):
        return {}


def _paired(path: Path, tensors: Mapping[str, torch.Tensor], alphas: Mapping[str, float]) -> dict[str, _Layer]:
    """Put each layer's two parts and its alpha together, by flat names (dots as underscores)."""
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        layer, role = _parsed(path, key)
        parts.setdefault(layer, {})[role] = value
    return {layer: _layer(path, layer, found, alphas) for layer, found in parts.items()}


def _parsed(path: Path, key: str) -> tuple[str, str]:
    for mark, kind in _OTHER_KINDS.items():
        if mark in key:
            raise InvalidValue(
                f"The LoRA file {path} is of the kind {kind}, which is not supported. Choose a plain one."
            )
    found = _KEY.fullmatch(key)
    if not found:
        raise InvalidValue(f"The file {path} is no LoRA for SDXL: it has {key!r}. {_FIX}")
    layer = found["layer"].replace(".processor.", ".").removeprefix("lora_unet_").removeprefix("unet.")
    if layer.endswith("to_out"):
        layer += ".0"
    return layer.replace(".", "_"), _PARTS[found["side"]]


def _layer(path: Path, name: str, parts: Mapping[str, torch.Tensor], alphas: Mapping[str, float]) -> _Layer:
    if not {"down", "up"} <= set(parts):
        raise InvalidValue(f"The LoRA file {path} is incomplete: {name} has only {', '.join(sorted(parts))}. {_FIX}")
    down, up = parts["down"], parts["up"]
    if any(part.numel() == 0 or not part.isfinite().all() for part in parts.values()):
        raise InvalidValue(f"The LoRA file {path} is broken: it has no numbers (or NaN, or infinite) in {name}. {_FIX}")
    if "alpha" in parts:
        if parts["alpha"].numel() != 1:
            raise InvalidValue(f"The LoRA file {path} is broken: the alpha of {name} is not one number. {_FIX}")
        alpha = parts["alpha"].item()
    else:
        by_layer = (value for layer, value in alphas.items() if layer and name.endswith(layer.replace(".", "_")))
        alpha = next(by_layer, alphas.get("", float(len(down))))
    return _Layer(down, up, alpha / max(len(down), 1))


def _fitted(path: Path, found: Mapping[str, _Layer], unet: Any) -> dict[str, _Layer]:
    """Give each correction the name of its layer in `unet`; refuse a file that doesn't fit it."""
    names, weights = _layer_names(unet), dict(unet.named_parameters())
    if not found:
        raise InvalidValue(f"The LoRA file {path} changes no layer at all. {_FIX}")
    unknown = [layer for layer in found if layer not in names]
    if unknown:
        raise InvalidValue(
            f"The LoRA file {path} doesn't fit the model: {len(unknown)} of its {len(found)} layers are not there, "
            f"such as {unknown[0]}.{_made_for(found)} {_FIX}"
        )
    for layer, change in found.items():
        reason = change.misfit(weights[f"{names[layer]}.weight"])
        if reason:
            raise InvalidValue(
                f"The LoRA file {path} doesn't fit the model: in {names[layer]} {reason}.{_made_for(found)} {_FIX}"
            )
    return {names[layer]: change for layer, change in found.items()}


def _made_for(found: Mapping[str, _Layer]) -> str:
    """Say which family a file belongs to, by the width of the text that it expects."""
    widths = {change.down.shape[1] for layer, change in found.items() if layer.endswith("attn2_to_k")}
    family = _FAMILIES.get(min(widths, default=0))
    return f" By its text width of {min(widths)} it was made for {family}." if family else ""


def _layer_names(unet: Any) -> dict[str, str]:
    """Return what files call the linear layers and convolutions of `unet` (dots as underscores), with its own names."""
    import torch

    blocks = dict(_original_names(unet))
    names: dict[str, str] = {}
    for name, module in unet.named_modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
            names[name.replace(".", "_")] = name
            names[_original(name, blocks).replace(".", "_")] = name
    return names


def _original(name: str, blocks: Mapping[str, str]) -> str:
    """Return a layer's name in Stability's own code; `name` where it is the same or has none."""
    words = name.split(".")
    for cut in range(len(words), 0, -1):
        block, rest = ".".join(words[:cut]), ".".join(words[cut:])
        if block in blocks:
            inner = _RESNET.get(rest, rest) if ".resnets." in block else rest
            return f"{blocks[block]}.{inner}".rstrip(".")
    return name


_RESNET = {
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}


def _original_names(unet: Any) -> Iterator[tuple[str, str]]:
    """Give diffusers' name of each block with Stability's own, which kohya's scripts train SDXL with.

    Source: generative-models, ``openaimodel.py``: blocks are numbered through, and a sampler follows its block's last.
    """
    yield from _OUTER.items()
    place = 1
    for number, block in enumerate(unet.down_blocks):
        ours = f"down_blocks.{number}"
        for inner in range(len(block.resnets)):
            yield f"{ours}.resnets.{inner}", f"input_blocks.{place}.0"
            yield f"{ours}.attentions.{inner}", f"input_blocks.{place}.1"
            place += 1
        if block.downsamplers:
            yield f"{ours}.downsamplers.0.conv", f"input_blocks.{place}.0.op"
            place += 1
    place = 0
    for number, block in enumerate(unet.up_blocks):
        ours = f"up_blocks.{number}"
        for inner in range(len(block.resnets)):
            yield f"{ours}.resnets.{inner}", f"output_blocks.{place}.0"
            yield f"{ours}.attentions.{inner}", f"output_blocks.{place}.1"
            place += 1
        after = 2 if getattr(block, "attentions", None) else 1
        yield f"{ours}.upsamplers.0", f"output_blocks.{place - 1}.{after}"


_OUTER = {
    "conv_in": "input_blocks.0.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}


@dataclass(slots=True)
class _Changes:
    """What is in a UNet's weights: the corrections, and the plain weights of the layers they touch (CPU)."""

    loras: Sequence[tuple[LoraWeights, float]]
    plain: dict[str, torch.Tensor]


_changes: WeakKeyDictionary[Any, _Changes] = WeakKeyDictionary()


def apply(unet: Any, loras: Sequence[tuple[LoraWeights, float]]) -> None:
    """Make the weights of `unet` the plain ones plus `loras`, each times its weight; with none, the plain ones exactly.

    What was applied before is replaced, not added to. Written into the same memory, so that captured graphs stay valid;
    computed layer by layer in float32 from the plain weights, which are kept on the CPU for the layers touched (SDXL in
    half precision: 5 GB where all are). When it fails, the weights are what they were before.

    Threads: the one that paints, between two frames. Realtime: no.

    Args:
        unet: the module that `LoraWeights.load` was given.
        loras: with weights, usually 0..1; a weight of 0 leaves that one out.

    Raises:
        InvalidValue: a weight is no number, or so large that the network's numbers overflow.
    """
    for lora, weight in loras:
        if not math.isfinite(weight):
            raise InvalidValue(f"The LoRA {lora.name} has the weight {weight}; give a number, usually 0 to 1.")
    changes = _changes.setdefault(unet, _Changes((), {}))
    wanted = tuple((lora, weight) for lora, weight in loras if weight)
    try:
        _write(unet, wanted, changes.plain)
    except BaseException:
        _write(unet, changes.loras, changes.plain)
        raise
    changes.loras = wanted


def _write(unet: Any, loras: Sequence[tuple[LoraWeights, float]], plain: dict[str, torch.Tensor]) -> None:
    import torch

    touched = {name for lora, _ in loras for name in lora.layers}
    with torch.no_grad():
        for name in sorted(touched | set(plain)):
            weight = unet.get_parameter(f"{name}.weight")
            if name in touched:
                plain.setdefault(name, weight.detach().to("cpu", copy=True))
                weight.copy_(_changed(name, plain[name].to(weight.device), loras))
            else:
                weight.copy_(plain.pop(name))


def _changed(name: str, plain: torch.Tensor, loras: Sequence[tuple[LoraWeights, float]]) -> torch.Tensor:
    total = plain.float()
    for lora, weight in loras:
        if name in lora.layers:
            total = total + lora.layers[name].delta(plain) * weight
    changed = total.to(plain.dtype)
    if not changed.isfinite().all():
        named = " and ".join(f"{lora.name} ({weight:g})" for lora, weight in loras)
        raise InvalidValue(f"With the LoRA {named} the network's numbers overflow in {name}. Give a smaller weight.")
    return changed
