"""Pictures that a program already has, as a source."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mirrorfx.errors import SourceUnreadable
from mirrorfx.frame import Frame
from mirrorfx.sources._ticker import Ticker
from mirrorfx.sources.base import Source, SourceInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mirrorfx.clock import Clock
    from mirrorfx.frame import Image

__all__ = ["MemorySource"]


class MemorySource(Source):
    """Gives pictures from a list, or from anything that can be iterated over, at a steady rate.

    Args:
        pictures: each ``uint8[H, W, 3]`` BGR, all of one size. A list starts again at `open`; an iterator goes on.
        clock: what the rate is counted on.
        rate_fps: pictures a second.
        loop: start again at the end; the pictures are then kept in memory.
        live: claim to be a camera, for what depends on it (mirroring).
    """

    kind: ClassVar[str] = "memory"

    def __init__(
        self, pictures: Iterable[Image], *, clock: Clock, rate_fps: float = 30.0, loop: bool = False, live: bool = False
    ) -> None:
        self._pictures = pictures
        self._clock = clock
        self._rate_fps = rate_fps
        self._loop = loop
        self._live = live
        self._rest: Iterator[Image] | None = None
        self._ticker = Ticker(clock, rate_fps)
        self._given = 0

    def open(self) -> SourceInfo:
        """Start from the first picture.

        Raises:
            SourceUnreadable: there is no picture, or it is not ``uint8[H, W, 3]``.
        """
        pictures = iter(self._pictures)
        first = next(pictures, None)
        if first is None:
            raise SourceUnreadable("The memory source was given no pictures.")
        if first.dtype != np.uint8 or first.ndim != 3 or first.shape[2] != 3:
            raise SourceUnreadable(
                f"The memory source takes uint8[H, W, 3] BGR, and was given {first.dtype}{first.shape}."
            )
        rest = itertools.chain((first,), pictures)
        self._rest = itertools.cycle(rest) if self._loop else rest
        self._ticker = Ticker(self._clock, self._rate_fps)
        self._given = 0
        height, width = first.shape[:2]
        return SourceInfo(name="memory", size=(width, height), rate_fps=self._rate_fps, live=self._live)

    def read(self) -> Frame | None:
        """Return the newest picture that is due; None after the last."""
        if self._rest is None:
            return None
        index, due_ns = self._ticker.wait()
        pixels = next(itertools.islice(self._rest, index - self._given, None), None)
        self._given = index + 1
        return None if pixels is None else Frame(pixels, due_ns, index)

    def close(self) -> None:
        """Let the pictures go."""
        self._rest = None
