"""Each screen's geometry, kept by the screen's name in ``screens.toml`` of the configuration folder."""

from __future__ import annotations

import logging
import tomllib
from typing import TYPE_CHECKING, Any

from mirrorfx.errors import InvalidValue, PresetNotSaved
from mirrorfx.files import set_aside, write_whole
from mirrorfx.geometry.output import OutputGeometry
from mirrorfx.resources import config_dir

if TYPE_CHECKING:
    from pathlib import Path

    import tomlkit

__all__ = ["load_screen", "save_screen", "screens_file"]

_log = logging.getLogger(__name__)


def screens_file() -> Path:
    """Return where screens are kept; it need not exist."""
    return config_dir() / "screens.toml"


def load_screen(name: str, path: Path | None = None) -> OutputGeometry:
    """Return what was saved for a screen, or the defaults.

    A file that is not TOML is set aside as ``screens.toml.bad``, and one that may not be read is passed over, with a
    warning: the wall must start.

    Args:
        name: the screen's, such as ``HDMI-1``.
        path: another file than `screens_file`.

    Raises:
        InvalidValue: a setting of this screen is not allowed; the message names file, screen and setting.
    """
    path = path or screens_file()
    try:
        return OutputGeometry.from_table(_read(path).get(name, {}))
    except OSError as error:
        _log.warning("%s can't be read (%s); the defaults are used.", path, error.strerror)
        return OutputGeometry()
    except InvalidValue as error:
        raise InvalidValue(f"{path}, screen {name}: {error}") from error


def save_screen(name: str, geometry: OutputGeometry, path: Path | None = None) -> None:
    """Save a screen's geometry; the other screens and all comments stay as they are.

    Raises:
        PresetNotSaved: the disk or the folder said no; what was saved before is intact.
    """
    import tomlkit

    path = path or screens_file()
    try:
        _read(path)
        document = tomlkit.parse(path.read_text("utf-8")) if path.exists() else tomlkit.document()
        _put(document, name, geometry.to_table())
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, tomlkit.dumps(document).encode())
    except OSError as error:
        raise PresetNotSaved(
            f"The geometry of screen {name} can't be saved to {path}: {error.strerror}. What was saved before is "
            "intact; make room or check the folder's permissions, and save again."
        ) from error


def _put(document: tomlkit.TOMLDocument, name: str, values: dict[str, Any]) -> None:
    import tomlkit

    screens = document.setdefault("screens", tomlkit.table(is_super_table=True))
    table = screens.setdefault(name, tomlkit.table())
    for key, value in values.items():
        table[key] = value


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Return each screen's table by name; a file of another form is set aside."""
    try:
        screens = tomllib.loads(path.read_text("utf-8")).get("screens", {})
        if isinstance(screens, dict) and all(isinstance(table, dict) for table in screens.values()):
            return screens
        problem = "a screen must be a table: [screens.NAME]"
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problem = str(error)
    aside = set_aside(path)
    _log.warning("%s is damaged (%s); it was set aside as %s, and the defaults are used.", path, problem, aside)
    return {}
