"""A still image as a source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mirrorfx.errors import SourceUnreadable
from mirrorfx.frame import Frame
from mirrorfx.sources._files import readable_file
from mirrorfx.sources._ticker import Ticker
from mirrorfx.sources.base import Source, SourceInfo

if TYPE_CHECKING:
    import os

    from mirrorfx.clock import Clock
    from mirrorfx.frame import Image

__all__ = ["STILL_SUFFIXES", "StillImage"]

STILL_SUFFIXES = frozenset({".avif", ".bmp", ".jpeg", ".jpg", ".jp2", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""Names that end so are read as one picture; everything else as a video."""


class StillImage(Source):
    """The same picture again and again, turned as its EXIF data says.

    Args:
        path: the image file.
        clock: what the rate is counted on.
        rate_fps: how often it is given.
    """

    kind: ClassVar[str] = "still"

    def __init__(self, path: str | os.PathLike[str], *, clock: Clock, rate_fps: float = 30.0) -> None:
        self._path = Path(path)
        self._clock = clock
        self._rate_fps = rate_fps
        self._pixels: Image | None = None
        self._ticker = Ticker(clock, rate_fps)

    def open(self) -> SourceInfo:
        """Load the picture.

        Raises:
            SourceNotFound: there is no such file.
            SourceUnreadable: it is not a picture that OpenCV can decode.
        """
        self._pixels = _load(readable_file(self._path))
        self._ticker = Ticker(self._clock, self._rate_fps)
        height, width = self._pixels.shape[:2]
        return SourceInfo(name=self._path.name, size=(width, height), rate_fps=self._rate_fps)

    def read(self) -> Frame | None:
        """Wait for the next beat and return the picture."""
        if self._pixels is None:
            return None
        index, due_ns = self._ticker.wait()
        return Frame(self._pixels, due_ns, index)

    def close(self) -> None:
        """Let the picture go."""
        self._pixels = None


def _load(path: Path) -> Image:
    from mirrorfx.sources._cv2 import cv2

    problem = "it is not a picture, or it is damaged"
    try:
        # Not imread: it prints to stderr, and can't open names outside the code page on Windows.
        pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        pixels, problem = None, error.err
    if pixels is None:
        raise SourceUnreadable(
            f"{path} can't be read as a picture: {problem}. Take another file, or save it again as PNG or JPEG."
        )
    return np.ascontiguousarray(pixels)
