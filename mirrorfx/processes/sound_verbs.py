"""The engine's part in sound: what clients ask of it, when it starts and stops, and params that follow it."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import MS, SECOND
from mirrorfx.errors import ControlError, InvalidValue
from mirrorfx.processes.arguments import tables_argument
from mirrorfx.processes.messages import Heard, Say
from mirrorfx.processes.sound import SoundWish, sound_main
from mirrorfx.processes.spawn import spawn
from mirrorfx.processes.stations import Station, StationState
from mirrorfx.sound import SOUND_SOURCES, Levels, Modulator, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.params import Offset
    from mirrorfx.processes.engine import Engine
    from mirrorfx.processes.spawn import Child
    from mirrorfx.show import Cue

__all__ = ["SoundVerbs"]

_log = logging.getLogger(__name__)
_FRESH_NS = 200 * MS
_FADE_NS = 500 * MS
_METERS_NS = SECOND // 15
_DELAY_STEP_MS = 1.0
_SILENCE_NS = 8 * SECOND
_SEEN = 1e-3
"""The least change of a param, as a share of its range, that is worth telling the workers."""


_UNKNOWN: dict[str, Any] = {
    "ok": None,
    "reason": "",
    "fix": "",
    "devices": [],
    "inputs": [],
    "loading": False,
    "duration_s": None,
}


class SoundVerbs:
    """The soundtrack and the routes. The sound process is started when somebody first asks for sound, never before."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.station = Station("sound", self._spawn, engine.poller, watched=False)
        self._wish = SoundWish()
        self._asked = False
        self._t_start_ns: int | None = None
        self._status: dict[str, Any] = {}
        self._told_delay_ms = 0.0
        self._levels = Levels()
        self._t_levels_ns = 0
        self._next_meters_ns = 0
        self._heard_ns = 0
        self._modulator = Modulator()

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        """Return what can be asked."""
        return {"sound": self._sound, "modulation": self._modulation}

    def state(self) -> dict[str, Any]:
        """Return what clients are told. `ok` is None as long as nobody has asked for sound."""
        told = dict(_UNKNOWN)
        told |= {key: self._status[key] for key in told if key in self._status}
        if self._asked and self.station.state is not StationState.READY and self.station.reason:
            told |= {"ok": False, "reason": f"The sound process is gone: {self.station.reason}."}
        playing = self._t_start_ns is not None
        wish = asdict(self._wish)
        routes = [asdict(route) for route in self._modulator.routes]
        return {"sound": told | wish | {"playing": playing, "position_s": self._position_s(), "routes": routes}}

    def figures(self) -> dict[str, Any]:
        """Return the sound's part of the report."""
        return asdict(self._current(self._engine.clock.now_ns())) | {"position_s": self._position_s()}

    def mind(self, now_ns: int) -> bool:
        """Start the process when it is wanted, tell it the wall's delay; say whether clients are to be told."""
        if self.station.child is None and self._asked:
            if self.station.state is StationState.OFF:
                self.station.start(now_ns)
                self._brief(now_ns)
            elif self.station.restart_if_due(now_ns):
                self._brief(now_ns)
        elif self.station.child and now_ns - self._heard_ns > _SILENCE_NS:
            self.hear(now_ns)
            if now_ns - self._heard_ns > _SILENCE_NS:
                self.ended(now_ns, "no sign of life: the sound driver hangs")
        delay_ms = self._delay_ms
        if self.station.child and abs(delay_ms - self._told_delay_ms) >= _DELAY_STEP_MS:
            self._tell_delay()
        return False

    def ended(self, now_ns: int, reason: str = "") -> None:
        """Clear away a sound process that is gone or must go: the show goes on without it, and it comes back."""
        if self.station.child is None:
            return
        self.hear(now_ns)
        self.station.lost(now_ns, reason)
        self._status = {}
        self._engine.notice(
            f"The sound process is gone: {self.station.reason}. {self.station.outlook(now_ns)}", "error"
        )
        self._engine.commands.publish_state()

    def hear(self, now_ns: int) -> None:
        """Take what the sound process has said. Realtime: yes."""
        if self.station.child is None:
            return
        for message in self.station.receive():
            self._heard_ns = now_ns
            match message:
                case Heard(level, low, mid, high, onset):
                    self._levels, self._t_levels_ns = Levels(level, low, mid, high, onset), now_ns
                case Say(text):
                    self._said(json.loads(text), now_ns)
        if now_ns >= self._next_meters_ns and self._t_levels_ns > self._next_meters_ns - _METERS_NS:
            self._next_meters_ns = now_ns + _METERS_NS
            if self._engine.commands.watched:
                self._engine.commands.publish("levels", asdict(self._levels), keep=False)

    def modulate(self, now_ns: int) -> None:
        """Let params follow what is heard, from the next frame on. Realtime: yes."""
        editor = self._engine.editor
        if not self._modulator.routes and not editor.state.offsets:
            return
        offsets = self._modulator.offsets(self._current(now_ns), editor.registry, now_ns)
        offsets = {name: offset for name, offset in offsets.items() if _share(offset) > _SEEN / 2}
        if _differ(offsets, editor.state.offsets):
            editor.state = editor.state.modulated(offsets, now_ns)

    def on_cue(self, cue: Cue) -> None:
        """Start or stop the soundtrack where a cue says so."""
        if cue.sound is None:
            return
        if not self._wish.file:
            if cue.sound:
                self._engine.notice(
                    "The cue starts the soundtrack, but none is chosen. Choose one under Sound.", "warning"
                )
            return
        self._play(on=cue.sound)

    def table(self) -> dict[str, Any]:
        """Return what a session keeps; empty when nobody has asked for sound."""
        if not self._asked and not self._modulator.routes:
            return {}
        routes = [asdict(route) for route in self._modulator.routes]
        return {"wish": asdict(self._wish), "start_ns": self._t_start_ns, "routes": routes}

    def restore(self, table: Mapping[str, Any], *, same_run: bool) -> None:
        """Go on with the sound of a session: within one run where it would stand now, else from its beginning."""
        try:
            self._wish = SoundWish(**table["wish"])
            self._modulator.set_routes(Route(**route) for route in table["routes"])
            start_ns = table["start_ns"]
            self._asked = bool(self._wish.file) or self._wish.input is not None
            if start_ns is not None and self._wish.file:
                self._t_start_ns = int(start_ns) if same_run else self._engine.clock.now_ns()
        except (KeyError, TypeError, ValueError) as error:
            _log.info("the session has no sound that can be read: %s", error)
        if self.station.child:
            self._brief(self._engine.clock.now_ns())

    # What can be asked

    def _sound(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        wish = _wish(self._wish, arguments)
        play = arguments.get("play")
        if play not in (None, True, False):
            raise ControlError(f'"play" is {play!r}; it must be true or false.')
        if play and not wish.file:
            raise ControlError("There is no soundtrack to play. Choose a file first.")
        if wish.file != self._wish.file:
            self._t_start_ns = None
        self._wish, self._asked = wish, True
        self._order(wish=asdict(wish))
        if play is not None:
            self._play(on=play)
        elif set(arguments) <= {"origin", "device", "input"}:
            self._order(look=True)
        self.mind(self._engine.clock.now_ns())
        return {}

    def _modulation(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        example = f'[{{"source": "low", "param": "strength", "amount": 0.2}}]. Sources are {", ".join(SOUND_SOURCES)}.'
        tables = tables_argument(arguments, "routes", example)
        registry = self._engine.editor.registry
        self._modulator.set_routes(Route.from_table(table, registry) for table in tables)
        return {}

    # The process

    def _spawn(self) -> Child:
        return spawn("sound", sound_main, self._wish)

    def _order(self, **what: object) -> None:
        self.station.send(Say(json.dumps(what).encode()))

    def _brief(self, now_ns: int) -> None:
        """Tell a new process all that it must know."""
        self._heard_ns = now_ns
        self._order(wish=asdict(self._wish))
        self._tell_delay()
        if self._t_start_ns is not None:
            self._order(start_ns=self._t_start_ns)

    def _tell_delay(self) -> None:
        self._told_delay_ms = self._delay_ms
        self._order(delay_ns=round(self._told_delay_ms * MS))

    def _play(self, *, on: bool) -> None:
        now_ns = self._engine.clock.now_ns()
        self._t_start_ns = now_ns if on else None
        self._asked = True
        self._order(**{"start_ns" if on else "stop_ns": now_ns})

    def _said(self, said: dict[str, Any], now_ns: int) -> None:
        if "status" in said:
            self._status = said["status"]
            self.station.ready(now_ns)
        if "bad_file" in said:
            self._engine.notice(f"The soundtrack was not taken: {said['problem']}", "error")
            if self._wish.file == said["bad_file"]:
                self._wish = replace(self._wish, file=str(self._status.get("loaded", "")))
                self._t_start_ns = None
        if "finished_ns" in said and self._t_start_ns == said["finished_ns"]:
            self._t_start_ns = None
        if "alive" not in said:
            self._engine.commands.publish_state()

    # Levels

    @property
    def _delay_ms(self) -> float:
        display = self._engine.display
        return float(display.get("delay_ms", 0.0)) if display else 0.0

    def _current(self, now_ns: int) -> Levels:
        """Return what is heard; half a second after the last news it is nothing."""
        old_ns = now_ns - self._t_levels_ns - _FRESH_NS
        if old_ns <= 0:
            return self._levels
        share = max(1.0 - old_ns / _FADE_NS, 0.0)
        return Levels(*(share * self._levels.named(source) for source in SOUND_SOURCES))

    def _position_s(self) -> float | None:
        """Return where in the soundtrack what is heard now stands."""
        if self._t_start_ns is None:
            return None
        passed_s = (self._engine.clock.now_ns() - self._t_start_ns) / SECOND - self._delay_ms / 1000
        duration_s = self._status.get("duration_s")
        if duration_s and self._wish.loop:
            passed_s %= duration_s
        return round(max(passed_s, 0.0), 2)


def _wish(before: SoundWish, arguments: Mapping[str, Any]) -> SoundWish:
    """Return what is wanted after a request.

    Raises:
        ControlError: something is of the wrong kind.
        InvalidValue: there is no such file.
    """
    changes: dict[str, Any] = {}
    for name, kind, words in (("file", str, "text"), ("loop", bool, "true or false"), ("device", str, "text")):
        value = arguments.get(name)
        if value is None and name in arguments and kind is str:
            value = ""
        if value is not None and not isinstance(value, kind):
            raise ControlError(f"{name!r} is {value!r}; it must be {words}.")
        if value is not None:
            changes[name] = value
    if "input" in arguments:
        changes["input"] = None if arguments["input"] is None else str(arguments["input"])
    if (volume := arguments.get("volume")) is not None:
        changes["volume"] = _volume(volume)
    if changes.get("file"):
        changes["file"] = _soundtrack(changes["file"])
    return replace(before, **changes)


def _volume(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InvalidValue(f"The volume is {value!r}; it must be a number from 0 to 1.")
    return float(value)


def _soundtrack(file: str) -> str:
    path = Path(file).expanduser()
    if not path.is_file():
        what = "a folder" if path.is_dir() else "not there"
        raise InvalidValue(f"The soundtrack {path} is {what}. Choose an audio file, or a film with sound.")
    return str(path.resolve())


def _share(offset: Offset) -> float:
    return abs(offset.amount) / max(offset.maximum - offset.minimum, 1e-12)


def _differ(one: Mapping[str, Offset], other: Mapping[str, Offset]) -> bool:
    if one.keys() != other.keys():
        return True
    return any(
        abs(offset.amount - other[name].amount) > _SEEN * (offset.maximum - offset.minimum)
        for name, offset in one.items()
    )
