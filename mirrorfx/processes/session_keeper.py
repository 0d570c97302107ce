"""Keeps the session on disk while the mirror runs, and goes on from the one before where that is wanted."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND
from mirrorfx.effects import availability
from mirrorfx.errors import ControlError, InvalidValue, MirrorFXError
from mirrorfx.params import Drift
from mirrorfx.processes.camera_verbs import camera_asked
from mirrorfx.resources import state_dir
from mirrorfx.show import Session, SessionFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.params import ParamRegistry
    from mirrorfx.processes.engine import Engine
    from mirrorfx.processes.settings import MirrorSettings

__all__ = ["SessionKeeper", "session_file"]

_log = logging.getLogger(__name__)
_SAVE_NS = 2 * SECOND


def session_file() -> SessionFile:
    """Return the file of the session."""
    return SessionFile(state_dir() / "session.json")


class SessionKeeper:
    """Saves what is set every two seconds, if it has changed.

    An engine that is started again within one run goes on at once. A new run after a crash offers to, or does at once
    with ``restore = "always"``. One after a proper end shows what was shown, unless it is told a preset or params; its
    effect and what it is told about the camera are those of this start. Only a mirror that can be operated has a
    session: others can't be changed.

    Attributes:
        found: the session to go on from at once, if any.
    """

    def __init__(self, settings: MirrorSettings) -> None:
        self._settings = settings
        self._file = session_file()
        self._engine: Engine | None = None
        self._next_save_ns = 0
        self._active = settings.restore != "never" and (settings.control_port is not None or settings.desk)
        before = self._file.load() if self._active else None
        at_once = before is not None and (
            before.extra.get("run") == settings.run_id
            or (not before.clean and settings.restore == "always")
            or (before.clean and settings.preset is None and not settings.params)
        )
        self.found = before if at_once else None
        crashed = before is not None and not before.clean and not at_once
        self._offer = before if crashed and settings.restore == "ask" else None
        self._untouched: dict[str, Any] | None = None
        self._written: tuple[dict[str, Any], bool] | None = None

    @property
    def problem(self) -> str:
        """Why the session could not be read or kept; empty when all is well."""
        return self._file.problem

    def resolved(self) -> MirrorSettings:
        """Return the mirror's settings with the effect that the session had, where it can run."""
        if self.found and not self.found.clean and self.found.effect != self._settings.effect:
            try:
                usable = availability(self.found.effect, self._settings.context(self._settings.devices[0]))
            except MirrorFXError as error:
                _log.warning("the session's effect can't run: %s", error)
            else:
                if usable:
                    return replace(self._settings, effect=self.found.effect)
        return self._settings

    def first_values(self, registry: ParamRegistry) -> dict[str, object]:
        """Return the session's values that `registry` allows; none where there is no session to go on from."""
        return _allowed(self.found.values, registry) if self.found else {}

    def go_on(self, engine: Engine) -> None:
        """Take over what a session has besides values."""
        self._engine = engine
        if self.found:
            self._set_the_rest(self.found)
        self._untouched = self._table() if self._offer else None

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        """Return what can be asked."""
        return {"session": self._session}

    def state(self) -> dict[str, Any]:
        """Return what clients are told."""
        offer = self._offer
        return {
            "session": {
                "offer": offer and {"saved": offer.saved, "preset": offer.preset, "effect": offer.effect},
            }
        }

    def mind(self, now_ns: int) -> bool:
        """Save if it is time; say whether clients are to be told."""
        if not self._active or now_ns < self._next_save_ns:
            return False
        self._next_save_ns = now_ns + _SAVE_NS
        had_offer, problem = self._offer is not None, self.problem
        if had_offer and self._table() != self._untouched:
            self._offer = None  # somebody has begun to work: the offer is declined
        if self._offer is None:
            self._save(clean=False)
        return had_offer is not (self._offer is not None) or problem != self.problem

    def close(self) -> None:
        """Note that the mirror ended because somebody wanted it to."""
        if self._active and self._offer is None:
            self._save(clean=True)

    def _save(self, *, clean: bool) -> None:
        assert self._engine
        table = self._table()
        if self._written == (table, clean):
            return
        saved = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
        extra = table["extra"] | {"saved_ns": self._engine.clock.now_ns()}
        if self._file.save(Session(saved=saved, clean=clean, **table | {"extra": extra})):
            self._written = (table, clean)

    def _table(self) -> dict[str, Any]:
        assert self._engine
        engine = self._engine
        state, commands = engine.editor.state, engine.commands
        drift = state.drift
        if "drift" in state.offsets:  # what sound adds to its rate is nothing to go on with
            drift = drift.rebased(engine.clock.now_ns(), float(state.values["drift"]))
        return {
            "effect": engine.crew.switching.to or engine.crew.effect,
            "preset": commands.attract.show_preset,
            "values": commands.attract.show_values,
            "cue_at": commands.show.cues.at,
            "extra": {
                "run": self._settings.run_id,
                "drift": [drift.phase0, drift.t0_ns, drift.rate],
                "sound": commands.sound.table(),
                "camera": commands.camera.table(),
                "locked": sorted(commands.locks.locked),
            },
        }

    def _set_the_rest(self, session: Session) -> None:
        assert self._engine
        engine = self._engine
        cues = engine.commands.show.cues
        if session.cue_at < len(cues.cues):
            cues.at = session.cue_at
        engine.commands.presets.name = session.preset
        if isinstance(camera := session.extra.get("camera"), dict):
            engine.commands.camera.restore(camera, but=self._asked(session))
        if isinstance(locked := session.extra.get("locked"), list):
            engine.commands.locks.restore(locked)
        if sound := session.extra.get("sound"):
            engine.commands.sound.restore(sound, same_run=session.extra.get("run") == self._settings.run_id)
        state = engine.editor.state
        if drift := self._drift(session, engine.clock.now_ns()):
            engine.editor.state = replace(state, drift=drift, revision=state.revision + 1)

    def _asked(self, session: Session) -> frozenset[str]:
        """Return what of the camera the start decides: after a crash nothing, that start being the same as before."""
        return camera_asked(self._settings) if session.clean else frozenset()

    def _drift(self, session: Session, now_ns: int) -> Drift | None:
        """Return the walk of the session; in the same run it goes on as if nothing had been."""
        try:
            phase0, t0_ns, rate = session.extra["drift"]
            drift = Drift(float(phase0), int(t0_ns), float(rate))
            if session.extra.get("run") == self._settings.run_id:
                return drift
            return Drift(drift.phase(int(session.extra["saved_ns"])), now_ns, drift.rate)  # the clock began anew
        except (KeyError, TypeError, ValueError) as error:
            _log.info("the session has no drift that can be read: %s", error)
            return None

    def _session(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        offer, self._offer = self._offer, None
        if offer is None:
            raise ControlError("There is no earlier session to go on from.")
        if not arguments.get("restore"):
            return {}
        assert self._engine
        engine = self._engine
        if offer.effect != engine.crew.effect:
            engine.crew.switching.begin(offer.effect)
        engine.commands.edit(_allowed(offer.values, engine.editor.registry), 1.0)
        self._set_the_rest(offer)
        return {"preset": offer.preset}


def _allowed(values: Mapping[str, Any], registry: ParamRegistry) -> dict[str, object]:
    allowed: dict[str, object] = {}
    for name, value in values.items():
        try:
            allowed |= registry.check({name: value})
        except InvalidValue as error:
            _log.info("left out of the session: %s", error)
    return allowed
