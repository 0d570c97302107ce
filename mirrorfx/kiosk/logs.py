"""What all of a mirror's processes say, kept in files of a limited size, for a kiosk that was started by hand."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
import threading
from typing import TYPE_CHECKING, Self

from typing_extensions import override

from mirrorfx.resources import state_dir

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KeptLog", "journal_listens", "log_file"]

_BYTES_MOST, _FILES_MOST = 2_000_000, 5
_PIECE = 65536
_END_S = 2.0


def log_file() -> Path:
    """Return the file that is written now; older ones are beside it with a number."""
    return state_dir() / "logs" / "kiosk.log"


def journal_listens() -> bool:
    """Say whether systemd's journal keeps what goes to standard error."""
    return "JOURNAL_STREAM" in os.environ


class KeptLog:
    """Puts a pipe in the place of standard error, which all children inherit, and copies it to the files as well.

    That catches Qt's words and a crash's last ones too. A full disk ends the keeping, never the show.

    Args:
        path: of the newest file.
        bytes_most: how long a file grows.
        files_most: how many files there are at most.
    """

    def __init__(self, path: Path, bytes_most: int = _BYTES_MOST, files_most: int = _FILES_MOST) -> None:
        self._path = path
        self._limits = bytes_most, files_most
        self._stderr = -1
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        sys.stderr.flush()
        self._stderr = os.dup(2)
        read, write = os.pipe()
        os.dup2(write, 2)
        os.close(write)
        self._thread = threading.Thread(target=self._copy, args=(read,), name="mfx-log", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        sys.stderr.flush()
        os.dup2(self._stderr, 2)
        assert self._thread
        self._thread.join(_END_S)  # a child that lives on holds the pipe open: its end is not waited for
        if not self._thread.is_alive():
            os.close(self._stderr)

    def _copy(self, read: int) -> None:
        bytes_most, files_most = self._limits
        kept = _Files(self._path, maxBytes=bytes_most, backupCount=files_most - 1, encoding="utf-8", delay=True)
        rest = b""
        while piece := os.read(read, _PIECE):
            os.write(self._stderr, piece)
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                kept.emit(_record(line))
        if rest:
            kept.emit(_record(rest))
        kept.close()
        os.close(read)


class _Files(logging.handlers.RotatingFileHandler):
    @override
    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing about it: that would come back here."""


def _record(line: bytes) -> logging.LogRecord:
    text = line.decode(errors="replace").rstrip("\r")
    return logging.LogRecord("kiosk", logging.INFO, "", 0, text, None, None)
