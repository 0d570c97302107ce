"""Files that somebody named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirrorfx.errors import SourceNotFound, SourceUnreadable, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["readable_file"]


def readable_file(path: Path) -> Path:
    """Return `path` when a file is there that may be read.

    Raises:
        SourceNotFound: there is none; the message names the nearest one in that folder.
        SourceUnreadable: it is a folder, empty, or may not be read.
    """
    try:
        if path.is_dir():
            raise SourceUnreadable(f"{path} is a folder. Name one video or picture in it.")
        if not path.exists():
            raise SourceNotFound(_missing(path))
        with path.open("rb") as file:
            if not file.read(1):
                raise SourceUnreadable(f"{path} is empty (0 bytes). Copy it again from where it came from.")
    except OSError as error:
        raise SourceUnreadable(f"{path} can't be read: {error.strerror}. Check its permissions.") from error
    return path


def _missing(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"There is no file {path}: the folder {folder} doesn't exist. Check the spelling."
    near = did_you_mean(path.name, (entry.name for entry in folder.iterdir()))
    return f"There is no file {path}.{near or ' Check the spelling.'}"
