"""Files that a command writes at its end, looked at before it begins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mirrorfx.errors import SinkUnavailable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_picture", "check_writable"]


def check_writable(option: str, path: Path | None) -> None:
    """Find out now, not after the run, whether a file can be written; None is none.

    Raises:
        SinkUnavailable: it can't; the message names the option and the way out.
    """
    if path is None:
        return
    folder = path.absolute().parent
    if path.is_dir():
        reason, way_out = "it is a folder", f"Name a file in it, such as {path / option.strip('-')}"
    elif not folder.is_dir():
        reason, way_out = f"the folder {folder} is missing", f"Make it with: mkdir -p {folder}"
    elif not os.access(path if path.exists() else folder, os.W_OK):
        reason, way_out = f"{path if path.exists() else folder} is not writable", "Name another file"
    else:
        return
    raise SinkUnavailable(f"{option} {path} can't be written: {reason}. {way_out}.")


def check_picture(path: Path | None) -> None:
    """Find out now whether ``--picture`` can be written.

    Raises:
        SinkUnavailable: it isn't a picture's name, or can't be written.
    """
    from mirrorfx.sinks.picture import PICTURE_SUFFIXES

    if path and path.suffix.lower() not in PICTURE_SUFFIXES:
        raise SinkUnavailable(f"--picture {path} can't be written: its name must end in {', '.join(PICTURE_SUFFIXES)}.")
    check_writable("--picture", path)
