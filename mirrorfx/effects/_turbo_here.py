"""Whether turbo's model and a device for it are on this machine: asked without torch, in milliseconds."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mirrorfx.diffusion.gpus import visible_gpus

if TYPE_CHECKING:
    from mirrorfx.effects._turbo_options import TurboOptions

__all__ = ["INSTALL", "libraries_lacking", "refusal"]

INSTALL = "Install: pip install 'mirrorfx[diffusion]'"
_LIBRARIES = ("torch", "diffusers", "transformers", "safetensors")
_WEIGHTS = "*.safetensors"
_HUB_ID = re.compile(r"\w[\w.-]*/[\w.-]+")


def libraries_lacking() -> tuple[str, ...]:
    """Return the libraries that turbo needs and that are not installed."""
    return tuple(name for name in _LIBRARIES if find_spec(name) is None)


def refusal(options: TurboOptions, device: str) -> str:
    """Say why turbo can't run as `options` ask on `device`, with the fix; "" when nothing is known against it."""
    kind, _, number = device.partition(":")
    gpus = visible_gpus()
    if kind == "cuda" and int(number or 0) >= gpus:
        return (
            f"The device {device} was asked for, but this machine shows {gpus or 'no'} NVIDIA GPU"
            f"{'s' if gpus != 1 else ''}. Choose another with --devices, or look at nvidia-smi and mirrorfx doctor."
        )
    if options.is_tiny:
        return ""
    if kind == "cpu" and _HUB_ID.fullmatch(options.model) and not Path(options.model).is_dir():
        return (
            f"{options.model} needs an NVIDIA GPU: on a CPU a frame takes minutes. Choose the effect style, or try "
            "turbo's plumbing with --model tiny, which paints noise."
        )
    return _absent("model", options.model, "unet") or _absent("autoencoder", options.autoencoder, "")


def _absent(option: str, source: str, part: str) -> str:
    if Path(source).is_dir():
        return ""  # what is in it is checked when it is loaded
    if not _HUB_ID.fullmatch(source):
        return f"There is no folder {source}. Give --{option} an existing model folder, or an id of the hub."
    if any(_complete(snapshot / part) for snapshot in _snapshots(source)):
        return ""
    return (
        f"The model files of {source} are not on this machine, and nothing is downloaded unasked. "
        "Fetch them once: mirrorfx models fetch"
    )


def _complete(folder: Path) -> bool:
    """Say whether there are weights; a link to a file whose download was broken off leads nowhere."""
    return any(path.exists() for path in folder.glob(_WEIGHTS))


def _snapshots(hub_id: str) -> list[Path]:
    try:
        return sorted((_hub_cache() / f"models--{hub_id.replace('/', '--')}" / "snapshots").iterdir())
    except OSError:
        return []


def _hub_cache() -> Path:
    """Return where huggingface_hub keeps what it has fetched, by the variables that it documents."""
    if folder := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(folder).expanduser()
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(home).expanduser() / "hub"
