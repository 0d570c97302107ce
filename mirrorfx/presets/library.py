"""The presets that can be chosen: the built-in ones, and the user's own, which go before them."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mirrorfx.errors import EffectUnavailable, PresetError, PresetInvalid, PresetNotFound, PresetNotSaved, did_you_mean
from mirrorfx.files import set_aside
from mirrorfx.params import ParamRegistry
from mirrorfx.presets.names import check_name, slug
from mirrorfx.presets.preset import Preset, load_preset
from mirrorfx.presets.store import is_damaged, move_to_backup, save_preset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx.params import Param

__all__ = ["PresetLibrary", "Problem", "all_params", "preset_files"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that is not in the library as its author meant it; `message` names the file and says why."""

    path: Path
    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class _File:
    stamp: tuple[int, int, int]
    preset: Preset | None
    message: str = ""


class PresetLibrary:
    """The presets of two folders. Names are found whatever their case. Threads: one.

    A user's preset shadows the built-in one of the same name. Files are only read; `save`, `save_as` and `delete`
    write, and only in the user's folder.

    Args:
        builtin_dir: the built-in presets; never written to.
        user_dir: the user's own; need not exist.
        registry: the params a preset may set: `all_params` as a rule.
        repair: whether damaged files in the user's folder are renamed to ``.bad`` when the library is made, so that a
            mirror that nobody attends starts clean. Without it no file is touched.
    """

    def __init__(
        self, builtin_dir: Path, user_dir: Path, registry: Mapping[str, Param], *, repair: bool = True
    ) -> None:
        self._dirs = (builtin_dir, user_dir)
        self._registry = registry
        self._files: dict[Path, _File] = {}
        self._set_aside: list[Problem] = []
        self._read_only: list[Problem] = []
        self._problems: tuple[Problem, ...] = ()
        self._by_name: dict[str, Preset] = {}
        self.revision = 0
        """Grows whenever something in the library is another."""
        self.reload()
        if repair:
            self._repair()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be taken in, and why; files that were set aside included."""
        return self._problems

    def names(self) -> list[str]:
        """Return all names, sorted as people do: whatever the case."""
        return [preset.name for preset in self.presets()]

    def presets(self) -> list[Preset]:
        """Return all presets in the order of their names."""
        return [self._by_name[key] for key in sorted(self._by_name)]

    def is_builtin(self, name: str) -> bool:
        """Say whether `name` stands for a built-in preset, not for one of the user's own."""
        found = self._by_name.get(_key(name))
        return found is not None and found.path is not None and found.path.parent == self._dirs[0]

    def get(self, name: str) -> Preset:
        """Return the preset called `name`, whatever the case.

        Raises:
            PresetNotFound: there is none; the message has the nearest.
            PresetInvalid: there is one, but something in its file is not allowed.
        """
        found = self._by_name.get(_key(name))
        if found and not self.is_builtin(name):
            return found
        # The user's own preset must not turn into the built-in one without a word because of a typing error.
        broken = self._broken(slug(name))
        if broken:
            raise PresetInvalid(broken.message)
        if found:
            return found
        hint = did_you_mean(name, self.names())
        raise PresetNotFound(f"There is no preset called {name!r}.{hint} Known: {', '.join(self.names()) or 'none'}.")

    def resolve(self, text: str) -> Preset:
        """Return the preset that a command line names: ``NAME``, or a file when it ends in .toml or has a slash.

        Raises:
            PresetNotFound: there is no such preset or file.
            PresetInvalid: it is there, but something in it is not allowed.
        """
        if text.lower().endswith(".toml") or os.sep in text or (os.altsep and os.altsep in text):
            return load_preset(Path(text).expanduser(), self._registry)
        return self.get(text)

    def save(self, preset: Preset) -> Preset:
        """Save among the user's own, over the one of the same name; return it as it is on disk.

        Raises:
            PresetInvalid: the preset is not allowed.
            PresetNotSaved: the disk or the folder said no; what was saved before is intact.
        """
        check_name(preset.name)
        mine = self._own(preset.name)
        path = mine.path if mine and mine.path else self._free_path(preset.name)
        saved = save_preset(preset, path, self._registry)
        self.reload()
        return replace(saved, path=path)

    def save_as(self, preset: Preset, name: str) -> Preset:
        """Save under another name, which none of the user's own has yet; return the new one.

        Raises:
            PresetInvalid: the name or the preset is not allowed.
            PresetNotSaved: the name is taken, or the disk or the folder said no.
        """
        name = check_name(name)
        if self._own(name):
            raise PresetNotSaved(f"You have a preset called {name!r} already. Choose another name, or delete that one.")
        return self.save(replace(preset, name=name))

    def delete(self, name: str) -> None:
        """Take one of the user's own away; its file stays as ``.bak``. A built-in one that it shadowed is back then.

        Raises:
            PresetNotFound: the user has none of that name.
            PresetNotSaved: the folder said no; nothing changed.
        """
        mine = self._own(name)
        if not mine or not mine.path:
            built_in = " The built-in one can't be deleted." if self.is_builtin(name) else ""
            raise PresetNotFound(f"You have no preset of your own called {name!r}.{built_in}")
        move_to_backup(mine.path)
        self.reload()

    def reload(self) -> bool:
        """Read the files that are new or changed; say whether there were any, some are gone, or the folder is shut.

        A preset whose file has become invalid, perhaps because somebody is writing it right now, stays as it was.
        """
        files = {path: self._read(path) for folder in self._dirs for path in preset_files(folder)}
        read_only = self._read_only_problem()
        changed = files != self._files or read_only != self._read_only
        self._files, self._read_only = files, read_only
        if changed:
            self._index()
        return changed

    def _read(self, path: Path) -> _File:
        before = self._files.get(path)
        stamp = _stamp(path)
        if before and before.stamp == stamp:
            return before
        try:
            return _File(stamp, load_preset(path, self._registry))
        except PresetError as error:
            return _File(stamp, before.preset if before else None, str(error))

    def _read_only_problem(self) -> list[Problem]:
        """Say now, not at the next save, that the user's folder can't be written to."""
        folder = self._dirs[1]
        if not folder.is_dir() or os.access(folder, os.W_OK | os.X_OK):
            return []
        found = f"Your presets' folder {folder} is read-only: nothing can be saved, renamed or deleted in it."
        return [Problem(folder, f"{found} Give yourself the right to write to it.")]

    def _repair(self) -> None:
        user_dir = self._dirs[1]
        for path, file in list(self._files.items()):
            if file.preset is None and path.parent == user_dir and is_damaged(path):
                self._put_aside(path, file.message)
        self.reload()

    def _put_aside(self, path: Path, message: str) -> None:
        try:
            moved = set_aside(path)
        except OSError as error:
            _log.warning("%s is damaged and could not be set aside: %s", path, error)
            return
        problem = Problem(path, f"{message} The file was set aside as {moved.name}.")
        _log.warning("%s", problem.message)
        self._set_aside.append(problem)

    def _index(self) -> None:
        self.revision += 1
        problems = [Problem(path, file.message) for path, file in self._files.items() if file.message]
        self._by_name = {}
        for folder in self._dirs:
            level: dict[str, Preset] = {}
            for preset in (file.preset for path, file in self._files.items() if path.parent == folder):
                if preset and preset.path:
                    first = level.setdefault(_key(preset.name), preset)
                    if first is not preset:
                        problems.append(Problem(preset.path, _twice(preset, first)))
            self._by_name |= level
        self._problems = (*self._set_aside, *self._read_only, *problems)

    def _own(self, name: str) -> Preset | None:
        return None if self.is_builtin(name) else self._by_name.get(_key(name))

    def _broken(self, stem: str) -> Problem | None:
        for path, file in self._files.items():
            if file.preset is None and path.stem == stem:
                return Problem(path, file.message)
        return None

    def _free_path(self, name: str) -> Path:
        stem, number = slug(name), 2
        path = self._dirs[1] / f"{stem}.toml"
        while os.path.lexists(path):
            path, number = path.with_name(f"{stem}-{number}.toml"), number + 1
        return path


def all_params() -> ParamRegistry:
    """Return the params of every effect that can be imported here: what a preset may set."""
    from mirrorfx.effects import effect_class, effect_names

    params: list[Param] = []
    for name in effect_names():
        try:
            params.extend(effect_class(name).params)
        except EffectUnavailable as error:
            _log.info("Presets can't set the params of %s: %s", name, error)
    return ParamRegistry(params)


def preset_files(folder: Path) -> list[Path]:
    """Return the preset files in a folder, sorted; none when there is no such folder."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".toml" and path.is_file())
    except FileNotFoundError:
        return []
    except OSError as error:
        _log.warning("The preset folder %s can't be read: %s", folder, error)
        return []


def _key(name: str) -> str:
    return name.strip().casefold()


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _twice(preset: Preset, first: Preset) -> str:
    name = f"has the name {preset.name!r}, which {first.path} has too, so it is ignored"
    return f"{preset.path} {name}. Rename one of them."
