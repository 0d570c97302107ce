"""The optional libraries that diffusion needs, imported when they are first asked for.

They are reached through functions and typed as `Any`: reading their sources takes a type checker over a minute, and
half of their functions carry no types.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

from mirrorfx.errors import EffectUnavailable

__all__ = ["diffusers", "library", "transformers"]


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
            f"Diffusion needs the library {name}, which can't be imported: {problem}. "
            "Install it: pip install 'mirrorfx[diffusion]'"
        ) from problem


def diffusers() -> Any:
    """Return the diffusers library: UNet, autoencoders, schedulers."""
    return library("diffusers")


def transformers() -> Any:
    """Return the transformers library: tokenizers and text encoders."""
    return library("transformers")
