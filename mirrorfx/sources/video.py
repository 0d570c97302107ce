"""A video file as a source."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mirrorfx.clock import MS, SECOND
from mirrorfx.errors import SourceLost, SourceUnreadable
from mirrorfx.frame import Frame
from mirrorfx.sources._decoder import Decoder
from mirrorfx.sources._files import readable_file
from mirrorfx.sources.base import Source, SourceInfo

if TYPE_CHECKING:
    import os

    from mirrorfx.clock import Clock
    from mirrorfx.sources._decoder import Picture

__all__ = ["VideoFile"]

_log = logging.getLogger(__name__)

_AWAY_NS = SECOND
"""Who comes later than this was away; the film then goes on from where it stood, instead of racing after the time."""
_CUT_OFF_NS = 500 * MS
_SLOW_READS = 3
"""One slow read is a hiccup of the machine; that many in a row are not."""


class VideoFile(Source):
    """A video at its own pace, by its own time stamps, again and again without a seam.

    Args:
        path: any file that FFmpeg decodes.
        clock: what the pace is kept on.
        loop: start again at the end.
    """

    kind: ClassVar[str] = "video"

    def __init__(self, path: str | os.PathLike[str], *, clock: Clock, loop: bool = True) -> None:
        self._path = Path(path)
        self._clock = clock
        self._loop = loop
        self._decoder: Decoder | None = None
        self._next: Picture | None = None
        self._pass_start_ns = 0
        self._index = 0
        self._slow_reads = 0
        self._told: set[str] = set()

    def open(self) -> SourceInfo:
        """Open the file and decode its first picture.

        Raises:
            SourceNotFound: there is no such file.
            SourceUnreadable: nothing in it can be decoded as a picture.
        """
        self.close()
        decoder = Decoder(readable_file(self._path))
        self._decoder = decoder
        self._next = decoder.next()
        self._pass_start_ns = self._clock.now_ns()
        self._index = self._slow_reads = 0
        self._told.clear()
        return SourceInfo(
            name=self._path.name, size=decoder.size, rate_fps=decoder.rate_fps, details=(("codec", decoder.codec),)
        )

    def read(self) -> Frame | None:
        """Return the newest picture that is due; None after the last one when it doesn't loop.

        The next picture is decoded ahead, while this one's time has not come. Skipped pictures are decoded, since
        others build on them, but never converted.

        Raises:
            SourceLost: the file can't be read again from its start.
        """
        decoder, picture = self._decoder, self._next
        if decoder is None or picture is None:
            return None
        now_ns = self._clock.now_ns()
        late_ns = now_ns - self._due_ns(picture)
        if late_ns > _AWAY_NS:
            self._slip(late_ns)
        due_ns = self._due_ns(picture)
        self._next = self._advance(decoder)
        while self._next is not None and self._due_ns(self._next) <= now_ns:
            picture, due_ns = self._next, self._due_ns(self._next)
            self._index += 1
            self._next = self._advance(decoder)
        pixels = decoder.pixels(picture[0])
        self._slow_down(late_ns, self._clock.now_ns() - now_ns)
        self._clock.sleep_until_ns(due_ns)
        self._index += 1
        return Frame(pixels, due_ns, self._index - 1)

    def close(self) -> None:
        """Give the file back."""
        if self._decoder is not None:
            self._decoder.close()
        self._decoder = self._next = None

    def _due_ns(self, picture: Picture) -> int:
        return self._pass_start_ns + picture[1]

    def _slip(self, by_ns: int) -> None:
        self._pass_start_ns += by_ns

    def _slow_down(self, late_ns: int, spent_ns: int) -> None:
        """Let the film run slower where decoding it takes longer than playing it, instead of ever more skipping."""
        if self._decoder is None or spent_ns <= max(late_ns, round(SECOND / self._decoder.rate_fps)):
            self._slow_reads = 0
            return
        self._slow_reads += 1
        if self._slow_reads >= _SLOW_READS:
            self._slip(spent_ns)
            self._say_once("slow", "%s is decoded more slowly than it plays; it runs slower here.")

    def _advance(self, decoder: Decoder) -> Picture | None:
        """Return the next picture, from the next pass where this one is at its end."""
        picture = decoder.next()
        if picture is not None:
            return picture
        self._tell_of_damage(decoder)
        if not self._loop:
            return None
        self._slip(decoder.pass_ns)
        try:
            decoder.rewind()
        except SourceUnreadable as error:
            raise SourceLost(str(error)) from error
        picture = decoder.next()
        if picture is None:
            raise SourceLost(f"{self._path} gives no picture any more. Copy it again.")
        return picture

    def _tell_of_damage(self, decoder: Decoder) -> None:
        if decoder.missing_ns > _CUT_OFF_NS:
            seconds = decoder.missing_ns / SECOND
            self._say_once("cut", f"%s is cut off: {seconds:.1f} s are missing at its end. What is there is played.")
        elif decoder.damaged:
            self._say_once("damaged", f"%s is damaged: {decoder.damaged} pieces can't be decoded. The rest is played.")

    def _say_once(self, what: str, message: str) -> None:
        if what not in self._told:
            self._told.add(what)
            _log.warning(message, self._path)
