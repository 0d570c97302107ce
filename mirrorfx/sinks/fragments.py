"""A film's file on the disk: fragments that are written whole, or cut off again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["FragmentFile", "end_of_whole_fragments"]

_HEADER_BYTES = 8
_LONG_HEADER_BYTES = 16
_FRAGMENT_ENDS = frozenset({b"moov", b"mdat"})


class FragmentFile:
    """A file for PyAV to write an MP4 film to. An existing one is overwritten.

    Once a write has failed nothing more reaches the disk: the muxer's closing lines would spoil what plays.

    Threads: one at a time.
    """

    def __init__(self, path: Path) -> None:
        """Create the file.

        Raises:
            OSError: the system refuses.
        """
        self._raw = cast("BinaryIO", path.open("w+b", buffering=0))
        self._position = 0
        self._ended = False

    def write(self, content: bytes) -> int:
        """Write everything; the system may take it in pieces.

        Raises:
            OSError: the disk is full or broken.
        """
        left = memoryview(content)
        while left and not self._ended:
            try:
                left = left[self._raw.write(left) :]
            except OSError:
                self._ended = True
                raise
        self._position += len(content)
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; after a failed write only in the mind."""
        if self._ended:
            self._position = offset if whence == os.SEEK_SET else self._position + offset
        else:
            self._position = self._raw.seek(offset, whence)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def end_writing(self) -> None:
        """Let nothing more reach the disk."""
        self._ended = True

    def close(self) -> None:
        """Close the file, cut to its last whole fragment when writing ended early. Safe to call twice."""
        if self._raw.closed:
            return
        try:
            if self._ended:
                self._cut()
        finally:
            self._raw.close()

    def _cut(self) -> None:
        end = end_of_whole_fragments(self._raw)
        if end:
            self._raw.truncate(end)


def end_of_whole_fragments(film: BinaryIO) -> int:
    """Return where the last whole fragment ends in an MP4 file open for reading, in bytes; 0 when there is none.

    Source: ISO/IEC 14496-12, 4.2 (boxes) and 8.8 (fragments).
    """
    size = film.seek(0, os.SEEK_END)
    position = end = 0
    while position + _HEADER_BYTES <= size:
        film.seek(position)
        header = film.read(_LONG_HEADER_BYTES)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[_HEADER_BYTES:], "big")
        if length < _HEADER_BYTES or position + length > size:
            break
        position += length
        if header[4:_HEADER_BYTES] in _FRAGMENT_ENDS:
            end = position
    return end
