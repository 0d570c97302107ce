"""The engine's part in a panic: passes a client's word on to the wall, and takes the safe preset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mirrorfx.errors import ControlError, MirrorFXError
from mirrorfx.processes.messages import PanicIs, SafeFrom, Switch
from mirrorfx.safety.panic import Panic, PanicState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.params import Value
    from mirrorfx.processes.engine import Engine
    from mirrorfx.processes.preset_verbs import PresetVerbs

__all__ = ["PanicVerbs"]


class PanicVerbs:
    """BLACKOUT, FREEZE, BYPASS and SAFE PRESET as clients see them. The wall alone decides what is on; this follows."""

    def __init__(self, engine: Engine, presets: PresetVerbs) -> None:
        self._engine = engine
        self._presets = presets
        self._state = PanicState()
        self._awaited: dict[str, Value] | None = None

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        """Return what can be asked."""
        return {"panic": self._panic}

    def state(self) -> dict[str, Any]:
        """Return what clients are told."""
        return {"panic": self._state.as_dict()}

    @property
    def is_safe(self) -> bool:
        """Whether the safe preset is on."""
        return self._state.below is Panic.SAFE

    def heard(self, said: PanicIs) -> None:
        """Follow the wall, whoever pressed the key."""
        before = self._state
        self._state = PanicState(bool(said.blackout), Panic(said.below) if said.below else None)
        if self._state.below is not Panic.SAFE:
            self._awaited = None
        elif before.below is not Panic.SAFE:
            self._take_safe_preset()
        if self._state != before:
            self._engine.commands.publish_state()

    def new_wall(self) -> None:
        """A wall starts with the program, or says at once what it shows."""
        self.heard(PanicIs(0, 0))

    def mind(self, _now_ns: int) -> bool:
        """Once the safe preset is in force, let the wall show it."""
        editor = self._engine.editor
        if self._awaited is None or self._engine.wall is None or set(editor.pending) & set(self._awaited):
            return False
        awaited, self._awaited = self._awaited, None
        if all(editor.state.values[name] == value for name, value in awaited.items()):
            self._engine.wall.send(SafeFrom(editor.state.revision))
        else:
            self._engine.notice("The safe preset could not be taken; the wall keeps the calm scene.", "error")
        return False

    def _take_safe_preset(self) -> None:
        try:
            values = self._safe_values()
            self._engine.commands.edit(values, 0.0)
            self._awaited = self._engine.editor.registry.check(values)
        except MirrorFXError as error:
            self._engine.notice(f"The safe preset could not be taken; the wall keeps the calm scene. {error}", "error")
            return
        self.mind(0)

    def _safe_values(self) -> dict[str, object]:
        settings, registry = self._engine.settings, self._engine.editor.registry
        name = settings.safe_preset or settings.preset
        if name is None:
            return dict(registry.defaults())
        return registry.defaults() | self._presets.first_values(name, registry)

    def _panic(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        what, on = Panic.named(str(arguments.get("what", ""))), arguments.get("on", True)
        if not isinstance(on, bool):
            raise ControlError(f'"on" is {on!r}; it must be true or false.')
        if what is Panic.BYPASS and on and not self._engine.settings.allow_bypass:
            raise ControlError("BYPASS is locked: a kiosk shows the camera's own picture only with --allow-bypass.")
        if self._engine.wall is None:
            raise ControlError("There is no wall to tell just now. Its own keys work: B, F, Y and S.")
        self._engine.wall.send(Switch(what, int(on)))
        return {}
