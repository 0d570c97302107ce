"""Whether turbo's model and a device for it are on this machine: asked without torch, in milliseconds."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mirrorfx.diffusion.gpus import absent, visible_gpus
from mirrorfx.diffusion.libraries import INSTALL
from mirrorfx.diffusion.model_folder import HUB_ID, Located, fetch_command, hub_snapshot, inspect, located
from mirrorfx.errors import EffectUnavailable

if TYPE_CHECKING:
    from mirrorfx.effects._turbo_options import TurboOptions

__all__ = ["check_here", "libraries_lacking", "missing"]

_LIBRARIES = ("torch", "diffusers", "transformers", "safetensors")


def libraries_lacking() -> tuple[str, ...]:
    """Return the libraries that turbo needs and that are not installed."""
    return tuple(name for name in _LIBRARIES if find_spec(name) is None)


def missing(options: TurboOptions) -> list[tuple[str, str]]:
    """Return all that turbo lacks on this machine: what, and the step that mends it."""
    if libraries := libraries_lacking():
        return [(f"{', '.join(libraries)} not installed", INSTALL)]
    found = []
    if not visible_gpus():
        fix = "a GPU with 8 GB and its driver (nvidia-smi); until then --model tiny, which paints noise, can be tried"
        found.append(("no NVIDIA GPU can be seen", fix))
    try:
        _check_model(options)
    except EffectUnavailable as error:
        found.append((str(error).partition(". ")[0], fetch_command(options.model, options.autoencoder)))
    return found


def check_here(options: TurboOptions, device: str) -> None:
    """Look for the device and for the model's files.

    Raises:
        EffectUnavailable: something is missing; the message names the fix.
    """
    _check_device(device)
    if options.is_tiny:
        return
    if device == "cpu" and HUB_ID.fullmatch(options.model) and not Path(options.model).is_dir():
        raise EffectUnavailable(
            f"{options.model} needs an NVIDIA GPU: on a CPU a frame takes minutes. Choose the effect style, or try "
            "turbo's plumbing with --model tiny, which paints noise."
        )
    _check_model(options)


def _check_device(device: str) -> None:
    """Look for a GPU that was asked for."""
    if problem := absent(device, visible_gpus()):
        raise EffectUnavailable(problem)


def _check_model(options: TurboOptions) -> None:
    """Look for every part of the model."""
    where = located(options.model, options.autoencoder, options.variant)
    _check_parts(
        options.model,
        Located(
            _folder("model", where.model, options), _folder("autoencoder", where.autoencoder, options), where.variant
        ),
    )


def _folder(option: str, source: str, options: TurboOptions) -> str:
    if Path(source).is_dir():
        return source
    if not HUB_ID.fullmatch(source):
        raise EffectUnavailable(
            f"There is no folder {source}. Give --{option} an existing folder, or an id of the hub."
        )
    snapshot = hub_snapshot(source)
    if snapshot is None:
        raise EffectUnavailable(
            f"The files of {source} are not on this machine, and nothing is downloaded unasked. Fetch them once: "
            f"{fetch_command(options.model, options.autoencoder)}"
        )
    return str(snapshot)


@cache  # only what passes is remembered: a model that is being fetched is looked at anew
def _check_parts(model: str, where: Located) -> None:
    for part in inspect(where):
        if part.problem:
            raise EffectUnavailable(
                f"The model {model} can't be used, for its {part.name}: {part.problem.rstrip('.')}. "
                f"mirrorfx models check {model} names all that is missing; copy it again, or fetch it: "
                f"{fetch_command(model)}"
            )
