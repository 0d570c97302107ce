"""Attract mode: while nobody is there the wall goes through presets of its own, and back when somebody comes."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND
from mirrorfx.errors import InvalidValue, MirrorFXError, PresenceUnavailable, UnknownName
from mirrorfx.processes import niceness
from mirrorfx.processes.messages import Say
from mirrorfx.processes.presence import PRESENCE_FPS, PresenceSetup, presence_main
from mirrorfx.processes.spawn import spawn
from mirrorfx.processes.stations import Station, StationState
from mirrorfx.processes.taps import RATE_MOST
from mirrorfx.show.person_detector import DETECTOR_NAME, detector_state
from mirrorfx.show.presence import PresenceRules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mirrorfx.params import Value
    from mirrorfx.processes.engine import Engine
    from mirrorfx.processes.preset_verbs import PresetVerbs
    from mirrorfx.processes.settings import MirrorSettings
    from mirrorfx.processes.spawn import Child

__all__ = ["BACK_FADE_S", "Attract", "check_attract", "tap_fps"]

BACK_FADE_S = 0.2
"""How long the show takes to come back: with the time it takes to notice somebody, within half a second."""
_EACH_NS = 30 * SECOND
_WAYS = ("person", "motion")
_AFTER_S = (1.0, 3600.0)
_FPS = (1.0, 240.0)
"""Slower, and the wall would take the workers for gone."""


def check_attract(settings: MirrorSettings) -> None:
    """Check attract mode's settings before anything starts.

    Raises:
        InvalidValue: a setting is out of range.
        PresenceUnavailable: persons can't be detected here.
    """
    if settings.attract_by not in _WAYS:
        raise UnknownName("way to attract by", settings.attract_by, _WAYS)
    least, most = _AFTER_S
    if not least <= settings.attract_after_s <= most:
        raise InvalidValue(
            f"--attract-after is {settings.attract_after_s:g}; it must be seconds from {least:g} to {most:g}."
        )
    slowest, fastest = _FPS
    if settings.attract_fps != 0 and not slowest <= settings.attract_fps <= fastest:
        raise InvalidValue(
            f"--attract-fps is {settings.attract_fps:g}; it must be new frames a second from {slowest:g} to "
            f"{fastest:g}, or 0 for as many as at other times."
        )
    if not settings.attract or settings.attract_by != "person":
        return
    state = detector_state()
    if not state.ok:
        raise PresenceUnavailable(
            f"Attract mode needs to know whether somebody is there, and {state.reason}. Install: {state.fix}. Or let "
            "motion decide (--attract-by motion); visitors who stand still then count as gone."
        )


def tap_fps(settings: MirrorSettings) -> int:
    """Return how many small pictures a second the camera makes at most."""
    return PRESENCE_FPS if settings.attract else RATE_MOST


@dataclass(slots=True)
class _Show:
    """What comes back: the values and the preset that they are of."""

    values: dict[str, Value]
    preset: str | None


class Attract:
    """Fades to the attract presets when nobody is there, and back to the show as it was.

    Whoever operates the mirror is somebody, too: a request ends attract mode, and it waits its time again. What the
    cue list calls by itself meanwhile belongs to the show, which comes back with it.
    """

    def __init__(self, engine: Engine, presets: PresetVerbs) -> None:
        settings = engine.settings
        self._engine = engine
        self._presets = presets
        self._names = settings.attract
        self._after_ns = round(settings.attract_after_s * SECOND)
        self._spacing_ns = round(SECOND / settings.attract_fps) if settings.attract_fps else 0
        self._slow = False
        self._by_motion = settings.attract_by == "motion"
        self.station = Station("presence", self._spawn, engine.poller)
        self._says: dict[str, Any] = {}
        self._show: _Show | None = None
        self._on: str | None = None
        self._index = 0
        self._next_ns: int | None = None
        self._t_operated_ns = engine.clock.now_ns()
        self._broken = ""
        self._by_itself = self._own = False

    # Asked by others

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        """Nothing can be asked of it."""
        return {}

    def state(self) -> dict[str, Any]:
        """Return what clients are told."""
        if not self._names:
            return {"presence": None, "attract": None}
        after_s = self._after_ns / SECOND
        fps = SECOND / self._spacing_ns if self._spacing_ns else None
        attract = {
            "presets": list(self._names),
            "after_s": after_s,
            "fps": fps,
            "on": self._on,
            "problem": self._broken,
        }
        return {"presence": self._presence(), "attract": attract}

    def _presence(self) -> dict[str, Any]:
        says, now_ns = self._says, self._engine.clock.now_ns()
        ok = bool(says)
        since_s = round((now_ns - says["since_ns"]) / SECOND, 2) if ok else None
        reason = "" if ok else self.station.reason or "it is starting"
        detector = "motion" if self._by_motion else DETECTOR_NAME
        return {
            "somebody": says.get("somebody"),
            "since_s": since_s,
            "detector": detector,
            "ok": ok,
            "reason": reason,
        }

    @property
    def show_values(self) -> dict[str, Value]:
        """The show's values, also while others are on the wall: what a session keeps."""
        return dict(self._show.values) if self._show else dict(self._engine.editor.state.values)

    @property
    def show_preset(self) -> str | None:
        """The show's preset, also while another is on the wall."""
        return self._show.preset if self._show else self._presets.name

    @property
    def next_ns(self) -> int | None:
        """When something is due that nobody asks for."""
        return self._next_ns if self._show else None

    # What others do

    @contextmanager
    def by_itself(self) -> Iterator[None]:
        """Mark what is edited meanwhile as the show's own doing, not an operator's."""
        self._by_itself = True
        try:
            yield
        finally:
            self._by_itself = False

    def operated(self) -> None:
        """Note that somebody operates the mirror; the show comes back."""
        self._t_operated_ns = self._engine.clock.now_ns()
        self._leave()

    def edited(self, changes: Mapping[str, object]) -> dict[str, object]:
        """Take note of an edit that isn't attract mode's own; return what is to be edited.

        Raises:
            InvalidValue: it is refused.
        """
        if self._own or not self._names:
            return dict(changes)
        if not self._by_itself:
            self._t_operated_ns = self._engine.clock.now_ns()
        if self._show is None:
            return dict(changes)
        checked = self._engine.editor.registry.check(changes)
        self._show.values |= checked
        if self._by_itself:
            return {}
        values, self._show, self._on = self._show.values, None, None
        self._keep_pace()
        return {name: value for name, value in values.items() if name in self._engine.editor.registry}

    # By itself

    def mind(self, now_ns: int) -> bool:
        """Keep the presence process going; go through the presets; say whether clients are to be told."""
        if not self._names:
            return False
        if self.station.child is None and not self.station.hopeless:
            if self.station.state is StationState.OFF:
                self.station.start(now_ns)
            else:
                self.station.restart_if_due(now_ns)
        if self._show and self._presets.name != self._on:  # the cue list has called another meanwhile
            self._show.preset, self._presets.name = self._presets.name, self._on
        return self._follow(now_ns)

    def heard(self, now_ns: int, *, ended: bool) -> None:
        """Take what the presence process has said; clear it away if it has `ended`. The show goes on without it."""
        changed = False
        for message in self.station.receive():
            if isinstance(message, Say):
                said = json.loads(message.text)
                changed |= said["somebody"] is not self._says.get("somebody")
                self._says = said
                self.station.ready(now_ns)
        if ended and self.station.child and not self.station.child.running:
            self.station.lost(now_ns)
            if self.station.hopeless:
                self.station.t_restart_ns = None
            self._says, changed = {}, True
            outlook = self.station.outlook(now_ns)
            self._engine.notice(f"Nobody looks for visitors: {self.station.reason} {outlook}", "error")
        if self._follow(now_ns) or changed:
            self._engine.commands.publish_state()

    def _follow(self, now_ns: int) -> bool:
        """Do what the presence asks for; say whether the wall's preset was changed."""
        if not self._nobody(now_ns):
            self._broken = ""
            return self._leave()
        if self._broken or (self._show and (self._next_ns is None or now_ns < self._next_ns)):
            return False
        if self._show is None:
            editor = self._engine.editor
            self._show = _Show(dict(editor.state.values) | dict(editor.pending), self._presets.name)
            self._index = -1
        self._index = (self._index + 1) % len(self._names)
        self._next_ns = now_ns + _EACH_NS if len(self._names) > 1 else None
        return self._take(self._names[self._index])

    def _nobody(self, now_ns: int) -> bool:
        if self._says.get("somebody") is not False or self._engine.commands.panic.is_safe:
            return False
        return now_ns - self._t_operated_ns >= self._after_ns

    def _take(self, name: str) -> bool:
        engine = self._engine
        try:
            self._presets.library.reload()
            preset = self._presets.library.resolve(name)
            values = engine.commands.locks.left_free(preset.values_for(engine.editor.registry))
            self._edit(values, preset.fade_s)
        except MirrorFXError as error:
            self._broken = str(error)
            self._leave()
            engine.notice(f"Attract mode rests: {error}", "error")
            return True
        self._on = self._presets.name = preset.name
        self._keep_pace()
        return True

    def _leave(self) -> bool:
        if self._show is None:
            return False
        show, self._show, self._on, self._next_ns = self._show, None, None, None
        self._keep_pace()
        known = {name: value for name, value in show.values.items() if name in self._engine.editor.registry}
        self._edit(known, BACK_FADE_S)
        self._presets.name = show.preset
        return True

    def _keep_pace(self) -> None:
        """Have few frames painted while nobody sees them, and all that can be as soon as somebody does."""
        slow = bool(self._show and self._spacing_ns)
        if slow is not self._slow:
            self._slow = slow
            self._engine.space_frames(self._spacing_ns if slow else 0)

    def _edit(self, values: Mapping[str, object], fade_s: float) -> None:
        self._own = True
        try:
            self._engine.commands.edit(values, fade_s)
        finally:
            self._own = False

    def _spawn(self) -> Child:
        taps = self._engine.setup.taps
        assert taps
        rules = PresenceRules(leave_after_ns=self._after_ns, by_motion=self._by_motion)
        return spawn("presence", presence_main, PresenceSetup(taps.input, rules), niceness=niceness.ONLOOKER)
