"""The effect that changes nothing: for setting up cameras and walls, and for measuring everything around an effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mirrorfx.effects.base import Effect

if TYPE_CHECKING:
    from mirrorfx.frame import Frame, Image
    from mirrorfx.params import Params

__all__ = ["Passthrough"]


class Passthrough(Effect):
    """The camera's picture as it is, BGR to BGRX."""

    name: ClassVar[str] = "passthrough"
    summary: ClassVar[str] = "The camera's picture, unchanged"
    options: ClassVar[tuple[str, ...] | None] = ()

    def render(self, frame: Frame, params: Params, out: Image) -> None:
        """Copy `frame` into `out`."""
        import cv2

        cv2.cvtColor(frame.pixels, cv2.COLOR_BGR2BGRA, dst=out)
