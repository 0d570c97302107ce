"""The optional libraries that diffusion needs, imported when they are first asked for.

They are reached through functions and typed as `Any`: reading their sources takes a type checker over a minute, and
half of their functions carry no types.
"""

from __future__ import annotations

import functools
import importlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mirrorfx.errors import EffectUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["INSTALL", "diffusers", "hub_asked", "library", "transformers"]

INSTALL = "in MirrorFX's folder, pip install -e '.[diffusion]'"
"""What brings all that diffusion needs: the package is installed from its folder."""


@functools.cache
def library(name: str) -> Any:
    """Return an installed library.

    Raises:
        EffectUnavailable: it is not installed, or its binaries don't fit this machine.
    """
    try:
        return importlib.import_module(name)
    except (ImportError, OSError, SystemError) as problem:
        raise EffectUnavailable(
            f"Diffusion needs the library {name}, which can't be imported: {problem}. Install it: {INSTALL}."
        ) from problem


def diffusers() -> Any:
    """Return the diffusers library: UNet, autoencoders, schedulers."""
    return library("diffusers")


def transformers() -> Any:
    """Return the transformers library: tokenizers and text encoders."""
    return library("transformers")


@contextmanager
def hub_asked(*, only_if: bool) -> Iterator[None]:
    """Keep the hub's library off the network without consent, and from adding telemetry with it.

    Even with ``local_files_only`` huggingface_hub fetches a list for its user agent; these two switches, read at each
    call, are what it heeds. They are as they were afterwards.
    """
    constants = library("huggingface_hub.constants")
    before = constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_TELEMETRY
    constants.HF_HUB_OFFLINE = before[0] or not only_if
    constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_TELEMETRY = before
