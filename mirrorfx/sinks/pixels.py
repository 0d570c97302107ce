"""What all sinks ask of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirrorfx.errors import InvalidValue

if TYPE_CHECKING:
    from mirrorfx.frame import Image

__all__ = ["check_bgrx"]


def check_bgrx(pixels: Image) -> None:
    """Look that `pixels` is ``uint8[H, W, 4]`` BGRX.

    Raises:
        InvalidValue: it is something else; the message says what.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 4 or pixels.dtype != "uint8":
        raise InvalidValue(
            f"A sink takes BGRX pixels, uint8[H, W, 4]; it was given {pixels.dtype}{list(pixels.shape)}. "
            "Convert the picture before it is put."
        )
