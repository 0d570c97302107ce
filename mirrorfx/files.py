"""Files that are never half there and never lost: written whole or not at all, set aside when damaged."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["aside_path", "set_aside", "write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` at `path` whole or not at all, safe against a crash or a power cut in the middle.

    Raises:
        OSError: it could not be done; `path` is as it was.
    """
    # Another name in the same folder: a rename within one file system is atomic.
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def set_aside(path: Path) -> Path:
    """Rename a damaged file to its `aside_path`, for somebody to look into; return that.

    Raises:
        OSError: the folder can't be written to; the file is as it was.
    """
    return path.rename(aside_path(path))


def aside_path(path: Path) -> Path:
    """Return where a damaged file goes: ``NAME.bad``, or ``NAME.bad-2`` and so on when there is one already."""
    candidate, number = path.with_name(f"{path.name}.bad"), 2
    while os.path.lexists(candidate):
        candidate, number = path.with_name(f"{path.name}.bad-{number}"), number + 1
    return candidate


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    # The rename has happened; a file system that can't sync folders only makes it a little less lasting.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
