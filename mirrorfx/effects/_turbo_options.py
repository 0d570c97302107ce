"""What turbo can be told at its start: which model, how it is sped up, how many steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mirrorfx.diffusion.model_folder import AUTOENCODER, MODEL
from mirrorfx.errors import InvalidValue
from mirrorfx.resources import loras_dir

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["NOISE_NOTICE", "TINY", "TurboOptions"]

TINY = "tiny"
"""The model that is made on the spot: it paints noise, and shows that everything fits together."""
NOISE_NOTICE = "The tiny model paints noise: this is for trying the plumbing"

_STEPS_MOST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TurboOptions:
    """The free settings of turbo, read.

    Attributes:
        model: a hub id, a folder in the diffusers layout, or ``tiny``.
        autoencoder: a hub id or a folder of an `AutoencoderTiny` for SDXL's latents.
        variant: of the weight files, such as ``fp16``; None takes the plain ones.
        accelerator: ``auto`` or a rung of the ladder.
        steps: UNet calls a frame, 1 to 4.
        loras: the folder of the LoRA files; need not exist.
    """

    model: str = MODEL
    autoencoder: str = AUTOENCODER
    variant: str | None = None
    accelerator: str = "auto"
    steps: int = 1
    loras: Path = field(default_factory=loras_dir)

    @classmethod
    def read(cls, options: Iterable[tuple[str, str]]) -> Self:
        """Read them from text.

        Raises:
            InvalidValue: one is not possible; the message names it.
        """
        given = dict(options)
        return cls(
            model=given.get("model") or MODEL,
            autoencoder=given.get("autoencoder") or AUTOENCODER,
            variant=given.get("variant") or None,
            accelerator=given.get("accelerator") or "auto",
            steps=_steps(given.get("steps", "1")),
            loras=Path(given["loras"]).expanduser() if given.get("loras") else loras_dir(),
        )

    @property
    def is_tiny(self) -> bool:
        """Whether the model is the one made on the spot."""
        return self.model == TINY


def _steps(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _STEPS_MOST:
        raise InvalidValue(f"--steps is {text!r}; turbo paints a frame in 1 to {_STEPS_MOST} steps.")
    return int(text)
