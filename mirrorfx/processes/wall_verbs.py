"""What clients ask of the wall's window: which screen it fills, the test grid, the keystone's corners."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mirrorfx.errors import ControlError, InvalidValue, UnknownName
from mirrorfx.geometry import UNIT_SQUARE, OutputGeometry
from mirrorfx.processes.messages import Say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.processes.engine import Engine

__all__ = ["WallVerbs"]

_SWITCHES = ("identify", "grid", "edit")
_KNOWN = (*_SWITCHES, "corners", "fullscreen")


class WallVerbs:
    """Passes on to the wall what is possible, and tells clients how the wall says it stands."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._says: dict[str, Any] | None = None
        self._problem = ""

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        """Return what can be asked."""
        return {"wall": self._wall}

    def state(self) -> dict[str, Any]:
        """Return what clients are told; ``wall`` is None while there is no window."""
        return {"wall": self._says}

    def mind(self, _now_ns: int) -> bool:
        """Nothing happens here by itself."""
        return False

    def heard(self, said: Mapping[str, Any]) -> None:
        """Note how the wall's window stands."""
        before, self._says = self._says, said.get("wall")
        problem = (self._says or {}).get("problem", "")
        if problem and problem != self._problem:
            self._engine.notice(problem, "error")
        self._problem = problem
        if self._says != before:
            self._engine.commands.publish_state()

    def _wall(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        wishes = {name: value for name, value in arguments.items() if name != "origin"}
        for name in wishes:
            if name not in _KNOWN:
                raise UnknownName("wish of the wall", name, _KNOWN)
        if self._engine.wall is None or self._says is None:
            raise ControlError("The wall has no window just now: there is nothing to place.")
        for name in _SWITCHES:
            if name in wishes and not isinstance(wishes[name], bool):
                raise InvalidValue(f"{name} is {wishes[name]!r:.80}; it must be true or false.")
        if "corners" in wishes:
            _check_corners(wishes["corners"])
        if "fullscreen" in wishes:
            self._check_screen(wishes["fullscreen"])
        self._engine.wall.send(Say(json.dumps(wishes).encode()))
        return {}

    def _check_screen(self, name: object) -> None:
        assert self._says is not None
        if self._engine.settings.kiosk:
            raise ControlError("A kiosk's wall stays on its screen; mirrorfx kiosk --screen NAME chooses another.")
        names = [screen["name"] for screen in self._says["screens"]]
        if name is not None and name != "" and name not in names:
            raise UnknownName("screen", str(name), names)


def _check_corners(corners: object) -> None:
    OutputGeometry.from_table({"keystone": UNIT_SQUARE if corners is None else corners})
