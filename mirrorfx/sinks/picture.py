"""Single pictures in files: the before/after picture of a run, a thumbnail of the demo clip."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mirrorfx.errors import SinkUnavailable
from mirrorfx.sinks.film import plain_reason

if TYPE_CHECKING:
    from mirrorfx.frame import Image

__all__ = ["PICTURE_SUFFIXES", "write_picture"]

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
_JPEG_QUALITY = 92


def write_picture(path: str | Path, pixels: Image) -> Path:
    """Write one picture and return its path. The file is there whole or, when anything fails, as it was before.

    Args:
        path: a file that ends in .png, .jpg or .jpeg; an existing one is replaced.
        pixels: ``uint8[H, W, 3]`` BGR or ``uint8[H, W, 4]`` BGRX.

    Raises:
        SinkUnavailable: the name is not a picture's, or the folder can't be written.
    """
    path = Path(path)
    if path.suffix.lower() not in PICTURE_SUFFIXES:
        raise SinkUnavailable(
            f"{path} can't be written: {path.suffix or 'no suffix'!r} is not a picture that MirrorFX writes. "
            f"Name it {path.with_suffix('.png').name} ({', '.join(PICTURE_SUFFIXES)} work)."
        )
    content = _encode(path.suffix.lower(), pixels)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise SinkUnavailable(
            f"The picture {path} can't be written: {plain_reason(error)}. Choose a folder that can be written."
        ) from error
    return path


def _encode(suffix: str, pixels: Image) -> bytes:
    import cv2

    # imencode would store X as transparency
    bgr = pixels[:, :, :3]
    ok, content = cv2.imencode(suffix, bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if suffix != ".png" else [])
    if not ok:
        raise SinkUnavailable(
            f"The picture could not be made into a {suffix} file of {bgr.shape[1]}x{bgr.shape[0]} pixels."
        )
    return bytes(content)
