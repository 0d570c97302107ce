"""What clients ask about presets: take, cue, save, copy, rename, delete and take back, carry in and out."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND
from mirrorfx.errors import ControlError, PresetError, PresetNotFound
from mirrorfx.presets.library import PresetLibrary, all_params
from mirrorfx.presets.names import NAME_MOST
from mirrorfx.presets.preset import Preset, parse_preset
from mirrorfx.presets.store import backup_path
from mirrorfx.processes.arguments import fade_seconds, text_argument
from mirrorfx.resources import builtin_presets_dir, user_presets_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.processes.engine import Engine

__all__ = ["PresetVerbs"]

_DELETED_MOST = 100
_LOOK_NS = SECOND


class PresetVerbs:
    """The preset library as clients see it, the preset in force, and the one that is cued for GO."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.library = PresetLibrary(builtin_presets_dir(), user_presets_dir(), all_params())
        self.name: str | None = None
        """The preset in force, perhaps edited since."""
        self.cued: str | None = None
        self._deleted: dict[str, Preset] = {}
        self._next_look_ns = 0
        self._list: tuple[int, list[dict[str, Any]]] = (-1, [])

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        """Return what can be asked."""
        return {
            "preset": self._preset,
            "cue": self._cue,
            "save": self._save,
            "duplicate": self._duplicate,
            "rename": self._rename,
            "delete": self._delete,
            "undelete": self._undelete,
            "import": self._import,
            "export": self._export,
        }

    def state(self) -> dict[str, Any]:
        """Return what clients are told."""
        return {
            "preset": self.name,
            "dirty": self.dirty,
            "cue": self.cued,
            "presets": self._listed(),
            "preset_problems": [problem.message for problem in self.library.problems],
        }

    def _listed(self) -> list[dict[str, Any]]:
        """Return all presets as clients see them; made anew only when the library has changed."""
        if self._list[0] != self.library.revision:
            table = [
                {
                    "name": preset.name,
                    "category": preset.category,
                    "builtin": self.library.is_builtin(preset.name),
                    "fade_s": preset.fade_s,
                    "reviewed": list(preset.reviewed),
                    "stamp": preset.stamp,
                }
                for preset in self.library.presets()
            ]
            self._list = (self.library.revision, table)
        return self._list[1]

    @property
    def dirty(self) -> bool:
        """Whether what is set differs from the preset in force."""
        if self.name is None:
            return False
        try:
            preset = self.library.get(self.name)
        except PresetError:
            return False  # it was a file of its own, or is gone
        editor = self._engine.editor
        values = dict(editor.state.values) | dict(editor.pending)
        return any(values[name] != value for name, value in preset.values_for(editor.registry).items())

    def first_values(self, text: str, registry: Mapping[str, Any]) -> dict[str, object]:
        """Return the values of the preset that the mirror starts with: a name or a file.

        Raises:
            PresetNotFound: there is no such preset.
            PresetInvalid: something in it is not allowed.
        """
        preset = self.library.resolve(text)
        self.name = preset.name
        return dict(preset.values_for(registry))

    def take(self, name: str, fade_s: float | None = None) -> Preset:
        """Fade to a preset.

        Args:
            name: whatever the case.
            fade_s: None takes the preset's own time.

        Raises:
            PresetNotFound: there is none.
            PresetInvalid: there is one, but something in its file is not allowed.
        """
        self.library.reload()
        preset = self.library.get(name)
        values = self._engine.commands.locks.left_free(preset.values_for(self._engine.editor.registry))
        self._engine.commands.edit(values, preset.fade_s if fade_s is None else fade_s)
        self.name = preset.name
        if self.cued == preset.name:
            self.cued = None
        return preset

    def belongs_to(self, name: object) -> None:
        """Note which preset the values are of, which an undo has put back; none, if it is gone."""
        known = {known.casefold(): known for known in self.library.names()}
        self.name = known.get(name.casefold()) if isinstance(name, str) else None

    def mind(self, now_ns: int) -> bool:
        """Look once a second whether files have changed; say whether clients are to be told."""
        if now_ns < self._next_look_ns:
            return False
        self._next_look_ns = now_ns + _LOOK_NS
        return self.library.reload()

    # What can be asked

    def _preset(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {"name": self.take(text_argument(arguments, "name"), fade_seconds(arguments)).name}

    def _cue(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        name = arguments.get("name")
        self.library.reload()
        self.cued = None if name is None else self.library.get(str(name)).name
        return {"name": self.cued}

    def _save(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        name = text_argument(arguments, "name")
        editor = self._engine.editor
        values = dict(editor.state.values) | dict(editor.pending)
        known = {key: value for key, value in values.items() if key in editor.registry}
        self.library.reload()
        before = self._before(name)
        preset = before.with_params({**before.params, **known})
        if "category" in arguments:
            preset = replace(preset, category=str(arguments["category"]))
        if (fade_s := fade_seconds(arguments)) is not None:
            preset = replace(preset, fade_s=fade_s)
        self._engine.commands.guard.check_preset(preset)
        saved = self.library.save(preset)
        self.name = saved.name
        return {"name": saved.name, "path": str(saved.path)}

    def _before(self, name: str) -> Preset:
        """Return the preset of that name, whose fade and other effects' params are kept, or an empty one."""
        try:
            return replace(self.library.get(name), name=name)
        except PresetNotFound:
            return Preset(name=name)

    def _duplicate(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.library.reload()
        original = self.library.get(text_argument(arguments, "name"))
        wanted = arguments.get("new_name")
        saved = self.library.save_as(original, str(wanted) if wanted else self._free_name(original.name))
        return {"name": saved.name, "path": str(saved.path)}

    def _rename(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.library.reload()
        old, new = text_argument(arguments, "name"), text_argument(arguments, "new_name").strip()
        preset = self.library.get(old)
        if self.library.is_builtin(preset.name):
            raise ControlError(f"{preset.name!r} is built in and keeps its name. Duplicate it, and name the copy.")
        if new.casefold() == preset.name.casefold():
            self.library.save(replace(preset, name=new))
        else:
            self.library.save_as(preset, new)
            self.library.delete(preset.name)
        self.name = new if self.name == preset.name else self.name
        self.cued = new if self.cued == preset.name else self.cued
        return {"name": new}

    def _delete(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.library.reload()
        preset = self.library.get(text_argument(arguments, "name"))
        self.library.delete(preset.name)
        token = secrets.token_hex(8)
        assert preset.path
        self._deleted[token] = replace(preset, path=backup_path(preset.path))
        if len(self._deleted) > _DELETED_MOST:
            del self._deleted[next(iter(self._deleted))]
        if self.cued == preset.name:
            self.cued = None
        return {"undo": token, "name": preset.name}

    def _undelete(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        token = text_argument(arguments, "undo")
        preset = self._deleted.get(token)
        if preset is None:
            raise ControlError("What was deleted can't be brought back any more; its file ends in .bak.")
        self.library.reload()
        saved = self.library.save_as(preset, preset.name)
        del self._deleted[token]
        return {"name": saved.name}

    def _import(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        preset = parse_preset(text_argument(arguments, "toml"), all_params())
        self._engine.commands.guard.check_preset(preset, from_outside=True)
        self.library.reload()
        name = str(arguments.get("name") or preset.name)
        saved = self.library.save_as(preset, self._free_name(name) if self._taken(name) else name)
        return {"name": saved.name, "path": str(saved.path)}

    def _export(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.library.reload()
        preset = self.library.get(text_argument(arguments, "name"))
        assert preset.path
        try:
            return {"name": preset.name, "toml": preset.path.read_text(encoding="utf-8-sig")}
        except OSError as error:
            raise ControlError(f"{preset.path} can't be read: {error.strerror or error}.") from error

    def _taken(self, name: str) -> bool:
        return name.strip().casefold() in (known.casefold() for known in self.library.names())

    def _free_name(self, name: str) -> str:
        """Return ``Ice 2`` for ``Ice``, or the first such name that nobody has."""
        number = 2
        while self._taken(candidate := f"{name[: NAME_MOST - 4].rstrip()} {number}"):
            number += 1
        return candidate
