"""Run the stable-fast rung on the CPU, with a tiny model of SDXL Turbo's structure, against the eager one."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch

from mirrorfx.diffusion.accelerators import TOLERANCE, choose
from mirrorfx.diffusion.models import ModelSettings, load_models
from mirrorfx.diffusion.tiny import make_tiny_sdxl_turbo
from mirrorfx.errors import MirrorFXError

_SIZE = (128, 128)


def main() -> int:
    """Print the error and what it may be; return the exit status."""
    from importlib.metadata import version

    torch.set_num_threads(1)
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "stable-fast-pruna", "diffusers"))
    print(f"{libraries}; {_SIZE[0]}x{_SIZE[1]} on the CPU")
    with tempfile.TemporaryDirectory() as folder:
        tiny = make_tiny_sdxl_turbo(Path(folder))
        models = load_models(ModelSettings(model=str(tiny.model), autoencoder=str(tiny.autoencoder)))
        try:
            chosen = choose(models, _SIZE, name="stable-fast", cache=Path(folder))
        except MirrorFXError as problem:
            print(f"failed: {problem}")
            return 1
    print(f"ok: relative error against eager {chosen.tried[0].error:.1e} (at most {TOLERANCE[models.dtype]:g})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
