"""The cue list in the engine, so that the show goes on without a desk."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND
from mirrorfx.errors import ControlError, InvalidValue, MirrorFXError
from mirrorfx.processes.arguments import fade_seconds, tables_argument
from mirrorfx.resources import config_dir
from mirrorfx.show import Cue, CueList, load_cues, save_cues

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mirrorfx.processes.engine import Engine
    from mirrorfx.processes.preset_verbs import PresetVerbs

__all__ = ["ShowVerbs", "cue_file"]

_log = logging.getLogger(__name__)


def cue_file() -> Path:
    """Return where the cue list is kept."""
    return config_dir() / "cues.json"


class ShowVerbs:
    """GO, and the cue list. A cue that can't be called says so and the show stays where it is.

    Attributes:
        on_cue: is told of every cue that is called, for the sound.
        problem: why the saved list could not be read; empty when it could.
    """

    def __init__(self, engine: Engine, presets: PresetVerbs) -> None:
        self._engine = engine
        self._presets = presets
        self.problem = ""
        self.on_cue: Callable[[Cue], None] = lambda _: None
        self.cues = CueList(self._load())

    def _load(self) -> tuple[Cue, ...]:
        try:
            return load_cues(cue_file())
        except (InvalidValue, OSError) as error:
            self.problem = f"The cue list could not be read: {error}"
            _log.warning("%s", self.problem)
            return ()

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        """Return what can be asked."""
        return {
            "go": self._go,
            "list_set": self._list_set,
            "list_go": lambda _: self._call(self.cues.go),
            "list_back": lambda _: self._call(self.cues.back),
            "list_jump": self._list_jump,
            "list_hold": self._list_hold,
        }

    def state(self) -> dict[str, Any]:
        """Return what clients are told."""
        known = {name.casefold() for name in self._presets.library.names()}
        table = self.cues.as_table()
        for cue in table["cues"]:
            cue["missing"] = cue["preset"].casefold() not in known
        left_ns = None if self.cues.t_follow_ns is None else self.cues.t_follow_ns - self._engine.clock.now_ns()
        return {"list": table | {"follows_in_s": None if left_ns is None else max(round(left_ns / SECOND, 2), 0.0)}}

    @property
    def next_ns(self) -> int | None:
        """When the next cue follows by itself."""
        return self.cues.t_follow_ns

    def mind(self, now_ns: int) -> bool:
        """Call the cue whose time has come; say whether one was."""
        cue = self.cues.due(now_ns)
        if cue is None:
            return False
        try:
            self._take(cue)
        except MirrorFXError as error:
            self._engine.notice(f"Cue {self.cues.at + 1} was not called: {error}", "error")
        return True

    def _take(self, cue: Cue) -> None:
        self._presets.take(cue.preset, cue.fade_s)
        self.on_cue(cue)

    def _go(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Take what is cued, else the next of the list."""
        if self._presets.cued is not None:
            preset = self._presets.take(self._presets.cued, fade_seconds(arguments))
            return {"name": preset.name}
        if not self.cues.cues:
            raise ControlError("Nothing is cued. Click a preset first, then GO.")
        return self._call(self.cues.go)

    def _call(self, which: Callable[[int], Cue]) -> dict[str, Any]:
        """Call a cue; if its preset can't be taken the list stays where it was."""
        before = (self.cues.at, self.cues.t_follow_ns)
        cue = which(self._engine.clock.now_ns())
        try:
            self._take(cue)
        except MirrorFXError:
            self.cues.at, self.cues.t_follow_ns = before
            raise
        return {"name": cue.preset, "at": self.cues.at}

    def _list_jump(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        index = arguments.get("index")
        if not isinstance(index, int) or isinstance(index, bool):
            raise ControlError(f"The cue to jump to is {index!r}; give its index, from 0.")
        return self._call(lambda now_ns: self.cues.jump(index, now_ns))

    def _list_hold(self, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.cues.hold()
        return {}

    def _list_set(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        tables = tables_argument(arguments, "cues", '[{"preset": "Ice", "fade_s": 4}].')
        cues = [Cue.from_table({k: v for k, v in table.items() if k != "missing"}) for table in tables]
        self.cues.replace(cues)
        try:
            save_cues(cues, cue_file())
        except OSError as error:
            raise ControlError(
                f"The cue list holds for now, but could not be saved in {cue_file()}: {error.strerror or error}."
            ) from error
        self.problem = ""
        return {}
