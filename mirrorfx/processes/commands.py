"""What the engine does when the control protocol asks: set params, take and save presets, change the effect."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from mirrorfx.control.protocol import PROTOCOL_VERSION
from mirrorfx.control.server import ControlServer
from mirrorfx.effects import availability, effect_names, param_registry
from mirrorfx.errors import ControlError, InvalidValue, MirrorFXError, PresetNotFound
from mirrorfx.presets.library import PresetLibrary, all_params
from mirrorfx.presets.preset import Preset
from mirrorfx.resources import builtin_presets_dir, user_presets_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.control.server import PendingRequest
    from mirrorfx.processes.engine import Engine
    from mirrorfx.processes.settings import MirrorSettings

__all__ = ["Commands"]

_log = logging.getLogger(__name__)
_FADE_MOST_S = 600.0
_EDIT_FADE_S = 0.4


class Commands:
    """Obeys requests in the engine's own thread and tells clients what changed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._server: ControlServer | None = None
        self._library = PresetLibrary(builtin_presets_dir(), user_presets_dir(), all_params())
        self.preset_name: str | None = None
        self._verbs: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "hello": self._hello,
            "set": self._set,
            "preset": self._preset,
            "save": self._save,
            "effect": self._effect,
            "stop": self._stop,
        }

    def first_values(self) -> dict[str, object]:
        """Return the params that the mirror starts with: the preset's, then those given at the start.

        Raises:
            MirrorFXError: there is no such preset, or it is not valid.
        """
        settings = self._engine.settings
        values: dict[str, object] = {}
        if settings.preset:
            preset = self._library.resolve(settings.preset)
            self.preset_name = preset.name
            values |= preset.values_for(param_registry(settings.effect))
        return values | dict(settings.params)

    def start(self) -> None:
        """Open the control server, if it is wanted."""
        settings = self._engine.settings
        if settings.control_port is None:
            return
        self._server = ControlServer(settings.control_port, settings.control_token)
        self._server.start()
        self._engine.wake_for(self._server.wake_socket.fileno())
        self.publish_state()

    @property
    def watched(self) -> bool:
        """Whether any client listens."""
        return self._server is not None and self._server.clients > 0

    def publish(self, name: str, data: dict[str, Any], *, keep: bool = True) -> None:
        """Tell all clients."""
        if self._server:
            self._server.publish(name, data, keep=keep)

    def publish_state(self) -> None:
        """Tell all clients what is set."""
        self.publish("state", self._state())

    def obey(self, now_ns: int) -> None:
        """Do what clients have asked for."""
        if self._server is None:
            return
        for pending in self._server.requests():
            self._obey_one(pending)
        self._engine.editor.give_up_if_due(now_ns)

    def close(self) -> None:
        """Hang up on all clients."""
        if self._server:
            self._server.close()

    def _obey_one(self, pending: PendingRequest) -> None:
        verb = self._verbs.get(pending.request.do)
        if verb is None:
            pending.refuse(f"The engine can't do {pending.request.do!r}. It can: {', '.join(sorted(self._verbs))}.")
            return
        try:
            pending.answer(verb(pending.request.arguments))
        except MirrorFXError as error:
            pending.refuse(str(error))
        except Exception as error:  # noqa: BLE001  a defect in one command must not end the show
            _log.exception("request %s failed", pending.request.do)
            pending.refuse(f"That failed inside the engine ({type(error).__name__}: {error}); its log says more.")

    # What can be asked

    def _hello(self, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        if self._library.reload():
            self.publish_state()
        return {"protocol": PROTOCOL_VERSION, "state": self._state()}

    def _set(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        params = arguments.get("params")
        if not isinstance(params, dict):
            raise ControlError('Nothing to set: give "params", such as {"strength": 0.5}.')
        self._edit(params, _fade(arguments.get("fade_s", _EDIT_FADE_S)))
        return {}

    def _preset(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._library.reload()
        preset = self._library.get(str(arguments.get("name", "")))
        values = preset.values_for(self._engine.editor.registry)
        self._edit(values, _fade(arguments.get("fade_s", preset.fade_s)))
        self.preset_name = preset.name
        self.publish_state()
        return {"name": preset.name}

    def _save(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        name = str(arguments.get("name", ""))
        editor = self._engine.editor
        values = dict(editor.state.values) | dict(editor.pending)
        known = {key: value for key, value in values.items() if key in editor.registry}
        self._library.reload()
        before = self._before(name)
        preset = before.with_params({**before.params, **known})
        if "category" in arguments:
            preset = replace(preset, category=str(arguments["category"]))
        saved = self._library.save(preset)
        self.preset_name = name
        self.publish_state()
        return {"name": name, "path": str(saved.path)}

    def _before(self, name: str) -> Preset:
        """Return the preset of that name, whose fade and other effects' params are kept, or an empty one."""
        try:
            return replace(self._library.get(name), name=name)
        except PresetNotFound:
            return Preset(name=name)

    def _effect(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._engine.crew.switching.begin(str(arguments.get("name", "")))
        self.publish_state()
        return {}

    def _stop(self, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._engine.ask_to_stop()
        return {}

    def _edit(self, changes: Mapping[str, object], fade_s: float) -> None:
        engine = self._engine
        engine.crew.edit(changes, fade_s, engine.clock.now_ns())

    def _state(self) -> dict[str, Any]:
        engine = self._engine
        editor = engine.editor
        values = dict(editor.state.values) | dict(editor.pending)
        return {
            "effect": engine.crew.effect,
            "switching_to": engine.crew.switching.to,
            "carried_by": engine.crew.carried_by,
            "effects": [_described(name, engine.settings) for name in effect_names()],
            "values": {name: value for name, value in values.items() if name in editor.registry},
            "params": [_param(param) for param in editor.registry.values()],
            "preset": self.preset_name,
            "presets": [
                {"name": preset.name, "category": preset.category, "builtin": self._library.is_builtin(preset.name)}
                for preset in self._library.presets()
            ],
            "problems": [*filter(None, [engine.crew.problem]), *(p.message for p in self._library.problems)],
            "source": engine.settings.source,
            "size": list(engine.settings.size),
        }


def _fade(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _FADE_MOST_S:
        return float(value)
    raise InvalidValue(f"fade_s is {value!r}; it must be seconds from 0 to {_FADE_MOST_S:.0f}.")


def _described(name: str, settings: MirrorSettings) -> dict[str, Any]:
    usable = availability(name, settings.context(settings.devices[0]))
    return {"name": name, "ok": usable.ok, "reason": usable.reason, "fix": usable.fix}


def _param(param: Any) -> dict[str, Any]:
    return {
        "name": param.name,
        "kind": str(param.kind),
        "default": param.default,
        "label": param.label or param.name.replace("_", " ").capitalize(),
        "help": param.help,
        "minimum": param.minimum,
        "maximum": param.maximum,
        "unit": param.unit,
        "curve": param.curve,
        "choices": list(param.choices),
        "readout": param.readout and asdict(param.readout),
        "osc": param.osc,
    }
