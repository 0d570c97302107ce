"""What a selftest is told, and how much of everything it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mirrorfx.errors import InvalidValue
from mirrorfx.frame import SIZE_MAX_PX, SIZE_STEP_PX

if TYPE_CHECKING:
    from pathlib import Path

    from mirrorfx.frame import Size

__all__ = ["FULL", "QUICK", "Amount", "SelftestSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much is painted.

    Attributes:
        strengths: columns of the first contact sheet.
        seeds: its rows.
        preset_strengths: columns of the presets' sheet, after each one's own strength.
        timed_frames: how many frames are timed, after some that are not.
        ladder_frames: how many are timed with each accelerator; 0 leaves the comparison out.
        film_s: how long the drift film is.
        film_fps: its rate.
        keyframes: how many keyframes of the drift the film goes through.
    """

    strengths: tuple[float, ...] = (0.2, 0.35, 0.5, 0.65, 0.8, 1.0)
    seeds: tuple[int, ...] = (1, 2, 3, 4)
    preset_strengths: tuple[float, ...] = (0.4, 0.55, 0.75)
    timed_frames: int = 200
    ladder_frames: int = 60
    film_s: float = 10.0
    film_fps: int = 25
    keyframes: float = 2.0

    @property
    def film_frames(self) -> int:
        """Pictures of the film."""
        return round(self.film_s * self.film_fps)


FULL = Amount()
QUICK = Amount(
    strengths=(0.3, 0.6, 1.0), seeds=(1, 2), preset_strengths=(), timed_frames=30, ladder_frames=0, film_s=2.0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelftestSettings:
    """What to paint with, and where the folder goes.

    Attributes:
        folder: where the page is written; made when it is not there.
        effect: an effect's name, already resolved (never ``auto``).
        size: (width, height) that the effect works at; smaller than a mirror's own least is allowed here.
        devices: the first paints everything; the others, or the first once more, paint the comparison.
        source: ``demo``, a picture or film, or ``camera`` when somebody insists.
        options: free settings of the effect, such as the model.
        amount: how much is painted.
        zipped: whether the folder is packed into a file to be sent.

    Raises:
        InvalidValue: a side is no multiple of 64 or too large, or a device is not understood.
    """

    folder: Path
    effect: str
    size: Size = (1024, 1024)
    devices: tuple[str, ...] = ("cpu",)
    source: str = "demo"
    options: tuple[tuple[str, str], ...] = ()
    amount: Amount = FULL
    zipped: bool = False

    def __post_init__(self) -> None:
        for side in self.size:
            if side % SIZE_STEP_PX or not SIZE_STEP_PX <= side <= SIZE_MAX_PX:
                raise InvalidValue(
                    f"--size {side} can't be painted: it must be a multiple of {SIZE_STEP_PX} up to {SIZE_MAX_PX}, "
                    "such as 512 or 1024."
                )
        for device in self.devices:
            kind, _, number = device.partition(":")
            if device != "cpu" and (kind != "cuda" or not number.isdigit()):
                raise InvalidValue(f"Device {device!r} is not understood: write --devices cpu, or cuda:0,cuda:1.")
        if not self.devices:
            raise InvalidValue("--devices names no device: write --devices cpu, or cuda:0,cuda:1.")
