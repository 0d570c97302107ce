"""What the engine does when the control protocol asks: set params, take and save presets, change the effect."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND
from mirrorfx.control.protocol import PROTOCOL_VERSION
from mirrorfx.control.server import ControlServer
from mirrorfx.effects import availability, effect_names, param_registry
from mirrorfx.errors import ControlError, MirrorFXError
from mirrorfx.processes.arguments import fade_seconds
from mirrorfx.processes.attract import Attract
from mirrorfx.processes.camera_verbs import CameraVerbs
from mirrorfx.processes.lock_verbs import LockVerbs
from mirrorfx.processes.opening import Opening
from mirrorfx.processes.panic_verbs import PanicVerbs
from mirrorfx.processes.preset_verbs import PresetVerbs
from mirrorfx.processes.preview_verbs import PreviewVerbs
from mirrorfx.processes.prompt_guard import PromptGuard
from mirrorfx.processes.show_verbs import ShowVerbs
from mirrorfx.processes.sound_verbs import SoundVerbs
from mirrorfx.processes.wall_verbs import WallVerbs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.control.server import PendingRequest
    from mirrorfx.processes.engine import Engine
    from mirrorfx.processes.settings import MirrorSettings

__all__ = ["Commands"]

_log = logging.getLogger(__name__)
_EDIT_FADE_S = 0.4
_EFFECTS_NS = 5 * SECOND
_ORIGIN_MOST = 40
_TELL_NOTHING = ("hello", "export")
"""Requests that leave everything as it is."""


class Commands:
    """Obeys requests in the engine's own thread and tells clients what changed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._server: ControlServer | None = None
        self.presets = PresetVerbs(engine)
        self.show = ShowVerbs(engine, self.presets)
        self.locks = LockVerbs(engine)
        self.preview = PreviewVerbs(engine, self.presets)
        self.panic = PanicVerbs(engine, self.presets)
        self.opening = Opening(engine)
        self.camera = CameraVerbs(engine)
        self.wall = WallVerbs(engine)
        self.sound = SoundVerbs(engine)
        self.guard = PromptGuard(engine.settings, engine)
        self.attract = Attract(engine, self.presets)
        self.show.on_cue = self.sound.on_cue
        self._changed_by = ""
        self._next_effects_ns = engine.clock.now_ns()
        self._described: list[dict[str, Any]] = []
        self._groups = (
            self.presets,
            self.show,
            self.locks,
            self.preview,
            self.panic,
            self.opening,
            self.camera,
            self.wall,
            self.sound,
            self.guard,
            self.attract,
            engine.keeper,
        )
        self._verbs: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "hello": self._hello,
            "set": self._set,
            "effect": self._effect,
            "stop": self._stop,
        }
        for group in self._groups:
            self._verbs |= group.verbs()

    def first_values(self) -> dict[str, object]:
        """Return the params that the mirror starts with: the preset's, then those given at the start.

        Raises:
            MirrorFXError: there is no such preset, or it is not valid.
        """
        settings = self._engine.settings
        registry = param_registry(settings.effect)
        values: dict[str, object] = {}
        if settings.preset:
            values |= self.presets.first_values(settings.preset, registry)
        values |= dict(settings.params)
        self.guard.check(values)
        return values | self.guard.allowed(self._engine.keeper.first_values(registry))

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
        if self._server:
            self.publish("state", self._state())

    @property
    def next_ns(self) -> int | None:
        """When something is to be done that nobody asks for, besides what is done once a second."""
        due = [due_ns for due_ns in (self.show.next_ns, self.attract.next_ns) if due_ns is not None]
        return min(due, default=None)

    def mind(self, now_ns: int) -> None:
        """Call cues whose time has come, notice files that changed, keep the session."""
        with self.attract.by_itself():
            news = [group.mind(now_ns) for group in self._groups]
        if any(news):
            self.publish_state()

    def edit(self, changes: Mapping[str, object], fade_s: float) -> None:
        """Edit the params.

        Raises:
            InvalidValue: it is refused; nothing has changed.
        """
        self.guard.check(changes)
        changes = self.attract.edited(changes)
        if changes:
            self._engine.crew.edit(changes, fade_s, self._engine.clock.now_ns())

    def obey(self, now_ns: int) -> None:
        """Do what clients have asked for."""
        if self._server is None:
            return
        for pending in self._server.requests():
            self._obey_one(pending)
        self._engine.editor.give_up_if_due(now_ns)

    def close(self) -> None:
        """Hang up on all clients."""
        self._engine.keeper.close()
        if self._server:
            self._server.close()

    def _obey_one(self, pending: PendingRequest) -> None:
        verb = self._verbs.get(pending.request.do)
        if verb is None:
            pending.refuse(f"The engine can't do {pending.request.do!r}. It can: {', '.join(sorted(self._verbs))}.")
            return
        try:
            if pending.request.do not in _TELL_NOTHING:
                self.attract.operated()
            before = self._edited()
            result = verb(pending.request.arguments) | {"changed": _changes(before, self._edited())}
            if pending.request.do not in _TELL_NOTHING:
                self._changed_by = str(pending.request.arguments.get("origin", ""))[:_ORIGIN_MOST]
                self.publish_state()
            pending.answer(result)
        except MirrorFXError as error:
            pending.refuse(str(error))
        except Exception as error:  # noqa: BLE001  a defect in one command must not end the show
            _log.exception("request %s failed", pending.request.do)
            pending.refuse(f"That failed inside the engine ({type(error).__name__}: {error}); its log says more.")

    # What can be asked

    def _hello(self, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        if self.presets.library.reload():
            self.publish_state()
        return {"protocol": PROTOCOL_VERSION, "state": self._state()}

    def _set(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        params = arguments.get("params")
        if not isinstance(params, dict):
            raise ControlError('Nothing to set: give "params", such as {"strength": 0.5}.')
        fade_s = fade_seconds(arguments)
        self.guard.check_by_hand(params)
        self.edit(params, _EDIT_FADE_S if fade_s is None else fade_s)
        if "preset" in arguments:
            self.presets.belongs_to(arguments["preset"])
        return {}

    def _effect(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._engine.crew.switching.begin(str(arguments.get("name", "")))
        return {}

    def _stop(self, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._engine.ask_to_stop()
        return {}

    def _edited(self) -> tuple[dict[str, Any], str | None]:
        """Return what requests edit: all values, as they will be, and whose they are."""
        editor = self._engine.editor
        return dict(editor.state.values) | dict(editor.pending), self.presets.name

    def _state(self) -> dict[str, Any]:
        engine = self._engine
        editor = engine.editor
        values, _ = self._edited()
        state: dict[str, Any] = {
            "effect": engine.crew.effect,
            "switching_to": engine.crew.switching.to,
            "carried_by": engine.crew.carried_by,
            "effects": self._effects(),
            "values": {name: value for name, value in values.items() if name in editor.registry},
            "params": [_param(param) for param in editor.registry.values()],
            "fade": self._fade(),
            "preparing": bool(editor.pending),
            "changed_by": self._changed_by,
            "problems": [
                *filter(None, [engine.crew.problem, self.show.problem, engine.keeper.problem]),
                *(problem.message for problem in self.presets.library.problems),
            ],
            "source": engine.settings.source,
            "size": list(engine.settings.size),
            "monitor_url": engine.settings.monitor_url,
        }
        for group in self._groups:
            state |= group.state()
        return state

    def _effects(self) -> list[dict[str, Any]]:
        """Return which effects can run here, looked up every few seconds at the most: that takes milliseconds."""
        now_ns = self._engine.clock.now_ns()
        if now_ns >= self._next_effects_ns:
            self._next_effects_ns = now_ns + _EFFECTS_NS
            self._described = [_described(name, self._engine.settings) for name in effect_names()]
        return self._described

    def _fade(self) -> dict[str, float] | None:
        """Return how long the longest fade under way takes and how much of it is left, in seconds."""
        now_ns = self._engine.clock.now_ns()
        under_way = [
            (fade.t0_ns / SECOND + fade.seconds - now_ns / SECOND, fade.seconds)
            for fade in self._engine.editor.state.fades.values()
        ]
        left_s, seconds = max(under_way, default=(0.0, 0.0))
        return {"seconds": seconds, "left_s": round(left_s, 3)} if left_s > 0 else None


def _changes(before: tuple[dict[str, Any], str | None], after: tuple[dict[str, Any], str | None]) -> dict[str, Any]:
    """Return what a request has changed, for the client's undo: pairs of before and after."""
    (old, old_preset), (new, new_preset) = before, after
    told: dict[str, Any] = {"params": {n: [old[n], v] for n, v in new.items() if n in old and old[n] != v}}
    if old_preset != new_preset:
        told["preset"] = [old_preset, new_preset]
    return told


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
