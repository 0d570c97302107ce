"""Keeping presets on disk: comments survive, a crash leaves the old file or the new one, the one before is a backup."""

from __future__ import annotations

import contextlib
import errno
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mirrorfx.errors import PresetInvalid, PresetNotSaved
from mirrorfx.files import aside_path, write_whole
from mirrorfx.presets.names import check_name
from mirrorfx.presets.preset import FORMAT, REQUIRED_KEYS, Preset, parse_preset

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tomlkit import TOMLDocument

    from mirrorfx.params import Param

__all__ = ["backup_path", "is_damaged", "move_to_backup", "save_preset"]

_WAYS_OUT = {
    errno.ENOSPC: "Make room on that disk",
    errno.EDQUOT: "Make room in your quota",
    errno.EACCES: "Allow writing to that folder",
    errno.EPERM: "Allow writing to that folder",
    errno.EROFS: "That disk is mounted read-only: remount it",
}


def save_preset(preset: Preset, path: Path, registry: Mapping[str, Param]) -> Preset:
    """Write a preset to `path` and return it as it is now on disk.

    Comments, order and spacing of the file that is there are kept; a new file takes them from ``preset.path``. What
    `path` held before is in its ``.bak`` afterwards, or in a ``.bad`` when it was no preset.

    Raises:
        PresetInvalid: the preset itself is not allowed.
        PresetNotSaved: the disk or the folder said no; `path` is as it was.
    """
    preset = replace(preset, name=check_name(preset.name))
    try:
        path = path.resolve()  # a link stays a link
        path.parent.mkdir(parents=True, exist_ok=True)
        text = _rendered(preset, _template(path, preset.path), registry)
        if not path.is_file():
            write_whole(path, text.encode())
        elif path.read_bytes() != text.encode():
            write_whole(aside_path(path) if is_damaged(path) else backup_path(path), path.read_bytes())
            write_whole(path, text.encode())
    except OSError as error:
        raise _not_saved(preset.name, path, error) from error
    return replace(preset, path=path)


def is_damaged(path: Path) -> bool:
    """Say whether a file is no preset at all: unreadable as TOML, or cut off before it says what it is.

    A typing error in a file that is otherwise whole is no damage: its author wants to find it where it was.
    """
    try:
        table = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return True
    except OSError:
        return False
    return any(key not in table for key in REQUIRED_KEYS)


def move_to_backup(path: Path) -> None:
    """Take a preset away; its ``.bak`` holds it from then on.

    Raises:
        PresetNotSaved: the folder said no; nothing changed.
    """
    try:
        path.replace(backup_path(path))
    except OSError as error:
        raise PresetNotSaved(f"{path} could not be deleted: {_reason(error)}. {_way_out(error)}.") from error


def backup_path(path: Path) -> Path:
    """Return where the version before is kept."""
    return path.with_name(f"{path.name}.bak")


def _template(path: Path, origin: Path | None) -> str:
    for source in (path, origin):
        if source and source.is_file():
            with contextlib.suppress(UnicodeDecodeError):
                return source.read_bytes().decode("utf-8-sig")
    return ""


def _rendered(preset: Preset, template: str, registry: Mapping[str, Param]) -> str:
    """Return the file's text, proven to read back as exactly this preset."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    with contextlib.suppress(TOMLKitError, PresetInvalid, RecursionError, ValueError, TypeError):
        document = tomlkit.parse(template)
        _fill(document, preset)
        if parse_preset(document.as_string(), registry) == preset:
            return document.as_string()
    document = tomlkit.document()
    _fill(document, preset)
    parse_preset(document.as_string(), registry)
    return document.as_string()


def _fill(document: TOMLDocument, preset: Preset) -> None:
    import tomlkit

    top: dict[str, Any] = {"format": FORMAT, "name": preset.name, "category": preset.category}
    _update(document, top | {"reviewed": list(preset.reviewed)})
    for key, values in (("params", dict(preset.params)), ("fade", {"seconds": preset.fade_s})):
        if key not in document:
            document.add(tomlkit.nl())
            document[key] = tomlkit.table()
        _update(document[key], values)
        for name in [name for name in document[key] if name not in values]:
            del document[key][name]
    for key in [key for key in document if key not in (*top, "reviewed", "params", "fade")]:
        del document[key]


def _update(table: Any, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if key not in table or table[key] != value:  # an equal value keeps how it was written
            table[key] = value


def _not_saved(name: str, path: Path, error: OSError) -> PresetNotSaved:
    intact = "The version saved before is intact." if path.exists() else "Nothing was written."
    found = f"The preset {name!r} could not be saved as {path}: {_reason(error)}."
    return PresetNotSaved(f"{found} {intact} {_way_out(error)}, then save again.")


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _way_out(error: OSError) -> str:
    return _WAYS_OUT.get(error.errno or 0, "Choose another folder with MIRRORFX_CONFIG_DIR")
