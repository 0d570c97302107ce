"""The launcher: starts the engine, the wall and the desk, keeps them going, and ends them all."""

from __future__ import annotations

import json
import logging
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mirrorfx.clock import SECOND, Clock
from mirrorfx.errors import ProcessFailed
from mirrorfx.kiosk.service import Heart, ServiceManager
from mirrorfx.processes import niceness
from mirrorfx.processes.channel import Poller
from mirrorfx.processes.engine import engine_main
from mirrorfx.processes.live import LiveFrames
from mirrorfx.processes.memory import Ring
from mirrorfx.processes.messages import EngineLink, Figures, Say
from mirrorfx.processes.monitor import monitor_main
from mirrorfx.processes.panic_memory import PanicMemory
from mirrorfx.processes.settings import EngineSetup, MirrorSettings, MonitorSetup, WallSetup
from mirrorfx.processes.spawn import Child, pipe, spawn
from mirrorfx.processes.stations import Station, StationState
from mirrorfx.processes.taps import Taps
from mirrorfx.processes.wall import screen_entry_point, wall_main

if TYPE_CHECKING:
    from collections.abc import Hashable
    from types import FrameType

    from mirrorfx.kiosk.awake import Awake

__all__ = ["Launcher", "Outcome", "Watcher"]

_log = logging.getLogger(__name__)
_TICK_NS = SECOND // 5
_STARTS_MOST = 3
_FIRST_PICTURE_NS = 120 * SECOND
_STOP_NS = 20 * SECOND
_DESK_STOP_NS = 3 * SECOND
_PICTURE_NS = 3 * SECOND
_CAMERA_SLOTS = 8
_DELAY_MOST_NS = 400_000_000
_FRAME_NS_FASTEST = 25_000_000


class Watcher(Protocol):
    """Somebody who is told how the run goes; the command line shows it."""

    def starting(self, what: str, share: float) -> None:
        """No picture yet: what is being done, and how much of it."""

    def running(self, seconds: float, figures: dict[str, Any]) -> None:
        """So many seconds of picture so far."""

    def problem(self, text: str) -> None:
        """Something failed that the mirror survives."""


class _Nobody:
    def starting(self, what: str, share: float) -> None:
        """Nobody looks."""

    def running(self, seconds: float, figures: dict[str, Any]) -> None:
        """Nobody looks."""

    def problem(self, text: str) -> None:
        """Nobody looks."""


@dataclass(slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        report: the report's object; see `mirrorfx.processes.report`.
        first_picture_s: from the launcher's start to the first painted picture; None when there was none.
        picture: the before/after picture that was asked for and written.
        problems: what failed on the way and was survived.
    """

    report: dict[str, Any] = field(default_factory=dict)
    first_picture_s: float | None = None
    picture: Path | None = None
    problems: list[str] = field(default_factory=list)


class Launcher:
    """Starts and ends a mirror's processes; owns the shared memory, so that it outlives the engine.

    Threads: the one that calls `run` must live as long as the mirror: the children die with it.
    """

    def __init__(self, settings: MirrorSettings, clock: Clock, watcher: Watcher | None = None) -> None:
        self.settings = settings
        self.outcome = Outcome()
        self._clock = clock
        self._watcher: Watcher = watcher or _Nobody()
        self._poller = Poller()
        width, height = settings.size
        self._frames = Ring.create(_in_hands(settings) + _CAMERA_SLOTS, (height, width, 3))
        self._results = Ring.create(_result_slots(settings), (height, width, 4))
        self._live = LiveFrames.create(settings.size)
        self._taps = Taps.create(settings.size)
        self._panic = PanicMemory.create()
        self._engine = Station("engine", self._spawn_engine, self._poller)
        self._picture = settings.picture
        self._wall = Station("wall", self._spawn_wall, self._poller)
        self._desk = Station("desk", self._spawn_desk, self._poller)
        self._monitor = Station("monitor", self._spawn_monitor, self._poller)
        self._stations = (self._engine, self._wall, self._desk, self._monitor)
        self._dispensable = (self._desk, self._monitor)
        self._manager = ServiceManager()
        self._heart = Heart(self._manager)
        self._awake: Awake | None = None
        self._awake_told: dict[str, Any] | None = None
        self._links = 0
        self._figures: dict[str, Any] = {}
        self._t_start_ns = clock.now_ns()
        self._t_first_ns: int | None = None
        self._stopping = False

    def run(self) -> Outcome:
        """Run until the end that the settings name, a window is closed, or Ctrl-C.

        Raises:
            ProcessFailed: no picture could be made at all; says why.
        """
        before = self._listen_to_signals()
        try:
            self._start()
            if self.settings.kiosk:
                self._stay_awake()
            while not self._stopping:
                for key in self._poller.wait(_TICK_NS):
                    self._hear(key)
                self._mind(self._clock.now_ns())
            self._heart.stopping()
            self._stop()
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)
        return self.outcome

    def stop(self) -> None:
        """Make `run` come to its end. Threads: any; signal handlers too."""
        self._stopping = True

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of the launcher's own children."""
        return {s.name: s.child.pid for s in self._stations if s.child}

    # Starting

    def _start(self) -> None:
        now_ns = self._clock.now_ns()
        self._watcher.starting("starting the processes", 0.0)
        self._engine.start(now_ns)
        self._wall.start(now_ns)
        self._link()
        if self.settings.desk:
            self._desk.start(now_ns)
        if self.settings.status_port is not None:
            self._monitor.start(now_ns)

    def _spawn_engine(self) -> Child:
        setup = EngineSetup(self.settings, self._frames.spec, self._results.spec, self._live.spec, self._taps.specs)
        return spawn("engine", engine_main, setup)

    def _spawn_wall(self) -> Child:
        tap, panic = self._taps.program.spec, self._panic.handle
        return spawn("wall", wall_main, WallSetup(self.settings, self._results.spec, self._live.spec, tap, panic))

    def _spawn_desk(self) -> Child:
        kiosk = self.settings.kiosk
        return spawn(
            "desk",
            screen_entry_point("desk"),
            self.settings.control_url,
            kiosk.desk_screen if kiosk else None,
            niceness=niceness.DESK,
        )

    def _spawn_monitor(self) -> Child:
        settings = self.settings
        assert settings.status_port is not None
        setup = MonitorSetup(
            self._taps.specs,
            settings.status_host,
            settings.status_port,
            settings.status_token,
            settings.control_url,
            self._panic.handle,
            settings.allow_bypass,
        )
        return spawn("monitor", monitor_main, setup, niceness=niceness.ONLOOKER)

    def _link(self) -> None:
        """Join engine and wall by a new channel; needed whenever one of them is new."""
        if not self._engine.child or not self._wall.child:
            return
        self._links += 1
        ends = pipe()
        for child, end in zip((self._engine.child, self._wall.child), ends, strict=True):
            child.channel.send(EngineLink(self._links), end=end, pid=child.pid)
            end.close()

    def _listen_to_signals(self) -> dict[signal.Signals, Any]:
        def stop(_number: int, _frame: FrameType | None) -> None:
            self.stop()

        return {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}

    # Hearing and minding

    def _hear(self, key: Hashable) -> None:
        assert isinstance(key, tuple)
        name, what = key
        station = self._by_name(name)
        for message in station.receive():
            match message:
                case Say(text):
                    self._told(json.loads(text))
                case Figures(text):
                    self._heart.beat(name, self._clock.now_ns())
                    if station is self._engine:
                        self._figures = json.loads(text)
        if what == "end":
            self._ended(station)

    def _told(self, said: dict[str, Any]) -> None:
        if "first_picture_ns" in said and self._t_first_ns is None:
            self._t_first_ns = int(said["first_picture_ns"])
            self.outcome.first_picture_s = round((self._t_first_ns - self._t_start_ns) / SECOND, 3)
        if "report" in said:
            self.outcome.report = said["report"]
        if said.get("picture"):
            self.outcome.picture = Path(said["picture"])
        if "problem" in said:
            self.outcome.problems.append(said["problem"])
            self._watcher.problem(said["problem"])
        if said.get("stop"):
            self._stopping = True

    def _ended(self, station: Station) -> None:
        """A process of ours has ended: by itself, because somebody closed it, or because it crashed."""
        if station.child is None:
            return
        ending = station.child.join()
        if ending.was_successful:
            station.end()
            self._stopping = self._stopping or station is self._wall
            return
        now_ns = self._clock.now_ns()
        station.lost(now_ns)
        self.outcome.problems.append(f"{station.name}: {station.reason}")
        self._watcher.problem(f"{station.name} is gone ({station.reason}); starting it again")
        if station in self._dispensable:
            return
        if station.hopeless or (self._t_first_ns is None and station.restarts >= _STARTS_MOST):
            raise ProcessFailed(f"The {station.name} can't start: {station.reason}. Its last words are above.")

    def _mind(self, now_ns: int) -> None:
        for station in self._stations:
            if station.restart_if_due(now_ns) and station not in self._dispensable:
                self._link()
        self._heart.mind(now_ns, _status(self._figures))
        if self.settings.kiosk:
            self._mind_kiosk()
        if self._t_first_ns is None:
            self._wait_for_first(now_ns)
            return
        seconds = (now_ns - self._t_first_ns) / SECOND
        self._watcher.running(seconds, self._figures)
        if self.settings.seconds is not None and seconds >= self.settings.seconds:
            self._stopping = True

    def _stay_awake(self) -> None:
        from mirrorfx.kiosk.awake import Awake

        self._awake = Awake()
        self._awake.start()

    def _mind_kiosk(self) -> None:
        """Tell the engine whether the display is kept awake; give up when nobody can paint any more.

        A service manager then starts everything afresh, which also clears what only a new process can clear.
        """
        awake = self._awake.state if self._awake else None
        if awake != self._awake_told:
            self._awake_told = awake
            if awake and not awake["ok"]:
                self._watcher.problem(f"The display may fall asleep: {'; '.join(awake['reasons'])}.")
        if awake and awake != self._figures.get("awake"):
            self._engine.send(Say(json.dumps({"awake": awake}).encode()))
        workers = self._figures.get("workers", [])
        if workers and all(worker["state"] == StationState.QUARANTINED for worker in workers):
            raise ProcessFailed(f"No worker can paint any more: {workers[0]['reason']}")

    def _wait_for_first(self, now_ns: int) -> None:
        workers = self._figures.get("workers", [])
        hopeless = [w["reason"] for w in workers if w["reason"] and w["restarts"]]
        if workers and len(hopeless) == len(workers) and all(w["restarts"] >= 3 for w in workers):
            raise ProcessFailed(f"No worker can paint: {hopeless[0]}")
        if not self._figures.get("opening", {}).get("open", True):
            self._watcher.starting(_status(self._figures), 1.0)
            return
        if now_ns - self._t_start_ns > _FIRST_PICTURE_NS and self.settings.seconds is not None:
            camera = self._figures.get("camera", {})
            raise ProcessFailed(f"There was no picture within {_FIRST_PICTURE_NS // SECOND} s. Source: {camera}.")
        busy = [(w["progress"]["share"], w["progress"]["what"]) for w in workers if w["state"] == "starting"]
        share, what = min(busy, default=(1.0, "waiting for the first picture"))
        self._watcher.starting(what, share)

    # Ending

    def _take_picture(self) -> None:
        """Have a worker write a frame beside its painting, and wait for it a little."""
        if self._picture is None or self._t_first_ns is None:
            return
        self._engine.send(Say(json.dumps({"picture": str(self._picture)}).encode()))
        limit_ns = self._clock.now_ns() + _PICTURE_NS
        while self.outcome.picture is None and self._clock.now_ns() < limit_ns:
            for key in self._poller.wait(_TICK_NS):
                self._hear(key)

    def _stop(self) -> None:
        """Finish in order: first the wall (it finishes the film and tells its figures), then the engine.

        Nobody waits long for the desk and the monitor: they have nothing to finish, and may hang.
        """
        self._take_picture()
        for station in self._dispensable:
            station.retire()
        for station in (self._wall, self._engine):
            station.retire()
            self._drain(station, _STOP_NS)
        for station in self._dispensable:
            self._drain(station, _DESK_STOP_NS)

    def _drain(self, station: Station, most_ns: int) -> None:
        """Hear a process out until it has ended."""
        limit_ns = self._clock.now_ns() + most_ns
        while station.child and station.child.running and self._clock.now_ns() < limit_ns:
            for key in self._poller.wait(_TICK_NS):
                assert isinstance(key, tuple)
                for message in self._by_name(key[0]).receive():
                    if isinstance(message, Say):
                        self._told(json.loads(message.text))
                if key[1] == "end":
                    self._by_name(key[0]).end()

    def _by_name(self, name: str) -> Station:
        return next(station for station in self._stations if station.name == name)

    def _end(self) -> None:
        if self._awake:
            self._awake.close()
        self._manager.close()
        for station in reversed(self._stations):
            if station.child and station.child.running:
                station.child.kill()
            station.end()
        self._frames.close()
        self._results.close()
        self._live.close()
        self._taps.close()
        self._panic.close()
        self._poller.close()


def _status(figures: dict[str, Any]) -> str:
    """Return how it goes, for the service manager's own status line."""
    opening = figures.get("opening") or {}
    if not opening.get("open", True):
        return f"closed until {opening['until']}" if opening["until"] else "closed"
    return "no picture: fallback scene" if figures.get("showing") == "fallback" else "painting"


def _result_slots(settings: MirrorSettings) -> int:
    """Slots for what is painted, waits for its time, and is looked at: enough for the longest delay, within reason."""
    waiting = -(-_DELAY_MOST_NS // max(_FRAME_NS_FASTEST, 1))
    return _in_hands(settings) + min(waiting, 4 * settings.workers + 4) + 6


def _in_hands(settings: MirrorSettings) -> int:
    """Most frames that workers have at once: two each, and the carrier is one more worker."""
    return 2 * (settings.workers + 1)
