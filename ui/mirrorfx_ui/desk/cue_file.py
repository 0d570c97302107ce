"""Cue lists as files, to carry to another machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QCoreApplication

from mirrorfx.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["CueFileError", "read_cues", "write_cues"]

_FORMAT = 1
_BYTES_MOST = 4_000_000
_KNOWN = ("preset", "fade_s", "follow_s", "sound", "note")


class CueFileError(Exception):
    """The file can't be read or written; the message says why."""


def read_cues(path: Path) -> list[dict[str, Any]]:
    """Return the cues in a file, as the engine is to check them.

    Raises:
        CueFileError: it is no cue list, or can't be read.
    """
    try:
        if path.stat().st_size > _BYTES_MOST:
            raise CueFileError(_tr("%1 is too large to be a cue list.", path.name))
        table = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CueFileError(_tr("%1 can't be read: %2.", path, error.strerror or error)) from error
    except ValueError as error:
        raise CueFileError(_tr("%1 is no cue list: it is not JSON (%2).", path.name, error)) from error
    cues = table.get("cues") if isinstance(table, dict) else None
    if not isinstance(cues, list) or not all(isinstance(cue, dict) for cue in cues):
        raise CueFileError(_tr("%1 is no cue list: it has no “cues”.", path.name))
    if table.get("format") != _FORMAT:
        text = _tr("%1 is of format %2; this version reads %3.", path.name, repr(table.get("format")), _FORMAT)
        raise CueFileError(text)
    return cues


def write_cues(path: Path, cues: Sequence[dict[str, Any]]) -> None:
    """Write a cue list, whole or not at all.

    Raises:
        CueFileError: the disk or the folder said no.
    """
    plain = [{name: cue[name] for name in _KNOWN} for cue in cues]
    content = json.dumps({"format": _FORMAT, "cues": plain}, indent=2, ensure_ascii=False) + "\n"
    try:
        write_whole(path, content.encode())
    except OSError as error:
        raise CueFileError(_tr("%1 can't be written: %2.", path, error.strerror or error)) from error


def _tr(text: str, *what: object) -> str:
    said = QCoreApplication.translate("CueFile", text)
    for number, one in enumerate(what, 1):
        said = said.replace(f"%{number}", str(one), 1)
    return said
