"""The camera's picture, turned, cropped and mirrored to the working size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mirrorfx.errors import InvalidValue
from mirrorfx.geometry._resample import Resample, Turn, centred_window

if TYPE_CHECKING:
    from mirrorfx.frame import Image, Size

__all__ = ["ZOOM_MAX", "InputFitter", "InputGeometry"]

ZOOM_MAX = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InputGeometry:
    """How a source's picture is put into the working size. It always covers it: what sticks out is cut off.

    The order is: turn, mirror, then zoom and pan in the picture as it is seen afterwards.

    Attributes:
        rotation: degrees clockwise: 0, 90, 180 or 270.
        mirror: swap left and right, as a mirror does; on for cameras.
        zoom: 1 shows as much as fits, 2 half of it each way; up to 16.
        pan_x: -1 shows the left edge of what zoom and crop left over, 1 the right edge.
        pan_y: -1 shows the top edge, 1 the bottom edge.

    Raises:
        InvalidValue: a value outside these ranges.
    """

    rotation: int = 0
    mirror: bool = False
    zoom: float = 1.0
    pan_x: float = 0.0
    pan_y: float = 0.0

    def __post_init__(self) -> None:
        Turn(self.rotation)
        if not 1.0 <= self.zoom <= ZOOM_MAX:
            raise InvalidValue(f"Zoom {self.zoom} is not possible: choose from 1 (all that fits) to {ZOOM_MAX:g}.")
        for name, pan in (("x", self.pan_x), ("y", self.pan_y)):
            if not -1.0 <= pan <= 1.0:
                raise InvalidValue(f"Pan {name} {pan} is not possible: choose from -1 (first edge) to 1 (last edge).")


class InputFitter:
    """Fits pictures of one size into another. Made anew when a size or the geometry changes.

    Args:
        geometry: how to turn, mirror, zoom and pan.
        source_size: (width, height) of the pictures that come.
        working_size: (width, height) of the pictures that leave.
    """

    def __init__(self, geometry: InputGeometry, source_size: Size, working_size: Size) -> None:
        self.geometry = geometry
        self._source_size = source_size
        self._working_size = working_size
        turn = Turn(geometry.rotation, flip_x=geometry.mirror)
        seen = centred_window(turn.turned(source_size), working_size, geometry.zoom, (geometry.pan_x, geometry.pan_y))
        self._resample = Resample(turn.before(seen, source_size), turn, working_size, channels=3)

    def fit(self, pixels: Image, out: Image) -> None:
        """Fill `out` with the fitted picture. Realtime: yes.

        Args:
            pixels: ``uint8[H, W, 3]`` of the source's size; not written to.
            out: ``uint8[h, w, 3]`` of the working size (a slot in shared memory, for example).

        Raises:
            InvalidValue: a picture doesn't have the size that was announced.
        """
        for name, image, (width, height) in (("in", pixels, self._source_size), ("out", out, self._working_size)):
            if image.shape != (height, width, 3):
                raise InvalidValue(f"The picture {name} is {image.shape}, not {(height, width, 3)} as was announced.")
        self._resample.apply(pixels, out)
