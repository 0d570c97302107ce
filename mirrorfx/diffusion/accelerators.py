"""The accelerator ladder: interchangeable ways to run the frame function, and the choice of the fastest that is right.

Each rung is measured on this machine at the real size, held against the plain one, and kept only if it paints the same
picture faster. What was chosen is remembered on disk for this very GPU, driver, libraries, model and size.

The rungs on a GPU are unconfirmed on one; on the CPU, what runs there is tested.

This module imports torch; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from mirrorfx.diffusion._rungs import RUNGS, Rung, build
from mirrorfx.errors import EffectUnavailable, UnknownName

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mirrorfx.diffusion.frame_function import FrameFunction
    from mirrorfx.diffusion.models import Models
    from mirrorfx.frame import Size

__all__ = ["AUTO", "RUNGS", "Chosen", "Rung", "Tried", "accelerate", "choose"]

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one rung.

    Attributes:
        name: the rung's.
        ms: median milliseconds a frame; None where it was not measured.
        error: relative to the plain picture, see `relative_error`; None where it was not painted.
        skipped: why it was passed over, "" if it was not.
    """

    name: str
    ms: float | None = None
    error: float | None = None
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The frame function to paint with, and how it was chosen.

    Attributes:
        function: warmed up; its values are those of a new `FrameFunction`.
        rung: the name of its rung.
        tried: every rung that was considered, in the ladder's order.
        weights_in_place: whether a change of the networks' weights, in the same storage, shows in the next frame; if
            not, choose again after the change.
        remembered: the choice came from the disk; `tried` is then what was measured when it was made.
    """

    function: FrameFunction
    rung: str
    tried: tuple[Tried, ...]
    weights_in_place: bool = True
    remembered: bool = False

    def details(self) -> dict[str, Any]:
        """Return all but the function as plain values, for reports and the desk."""
        return {
            "rung": self.rung,
            "remembered": self.remembered,
            "weights_in_place": self.weights_in_place,
            "tried": [asdict(each) for each in self.tried],
        }


def _quiet(_what: str, _share: float) -> None:
    """Report to nobody."""


def accelerate(
    name: str, models: Models, size: Size, *, steps: int = 1, progress: Callable[[str, float], None] = _quiet
) -> FrameFunction:
    """Return a frame function on the rung called `name`, warmed up.

    Raises:
        EffectUnavailable: the rung can't run here; the message names the reason and the fix.
        UnknownName: there is no such rung.
    """
    if name not in RUNGS:
        raise UnknownName("accelerator", name, [AUTO, *RUNGS])
    rung = RUNGS[name]
    if lacking := rung.lacking(models):
        raise EffectUnavailable(f"The accelerator {name} can't run here: {lacking}. Choose another, or auto.")
    progress(name, 0.0)
    function = build(rung, models, size, steps)
    progress(name, 1.0)
    return function


def choose(  # noqa: PLR0913
    models: Models,
    size: Size,
    *,
    steps: int = 1,
    name: str = AUTO,
    progress: Callable[[str, float], None] = _quiet,
    cache: Path | None = None,
) -> Chosen:
    """Return the fastest rung that paints right, or the one called `name`."""
    name = ("graph" if models.device.type == "cuda" else "eager") if name == AUTO else name
    function = accelerate(name, models, size, steps=steps, progress=progress)
    return Chosen(function, name, (Tried(name),), RUNGS[name].weights_in_place)
