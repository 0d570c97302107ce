"""The engine: decides who paints which frame and when, counts, supervises, and obeys the control protocol.

It touches no pixels, never initialises CUDA and knows no Qt. Everything it does in the loop takes microseconds.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND, Clock
from mirrorfx.effects import param_registry
from mirrorfx.pacing.chooser import Mode, ModeChooser
from mirrorfx.pacing.scheduler import Policy, Scheduler
from mirrorfx.processes.channel import Channel, Poller
from mirrorfx.processes.commands import Commands
from mirrorfx.processes.crew import Crew
from mirrorfx.processes.frame_log import FRAME_FIELDS, read_frames
from mirrorfx.processes.intake import Intake
from mirrorfx.processes.lag_watch import LagWatch
from mirrorfx.processes.memory import SlotPool
from mirrorfx.processes.messages import (
    Done,
    EngineLink,
    Figures,
    FramesShown,
    Hold,
    ModeIs,
    NewBeat,
    PanicIs,
    Prepared,
    Ready,
    Release,
    Result,
    Say,
    Stop,
    Vsync,
)
from mirrorfx.processes.param_editor import ParamEditor
from mirrorfx.processes.report import Counts, build_report
from mirrorfx.processes.session_keeper import SessionKeeper
from mirrorfx.processes.spawn import CLOCK, spare_the_start
from mirrorfx.processes.telemetry import Telemetry
from mirrorfx.processes.workers import Job

if TYPE_CHECKING:
    from collections.abc import Hashable
    from multiprocessing.connection import Connection

    from mirrorfx.processes.settings import EngineSetup
    from mirrorfx.processes.workers import Worker

__all__ = ["Engine", "engine_main"]

_log = logging.getLogger(__name__)
_FIGURES_NS = 2 * SECOND // 5
_FIGURES_ALONE_NS = SECOND
_LOOK_NS = 50_000_000
_FIRST_GUESS_NS = 60_000_000
_FRAMES_TOLD = 512


class Engine:
    """The engine's loop and all that hangs on it."""

    def __init__(self, launcher: Channel, setup: EngineSetup, clock: Clock) -> None:
        self.setup = setup
        self.keeper = SessionKeeper(setup.settings)
        self.settings = self.keeper.resolved()
        self.clock = clock
        self.poller = Poller()
        self.launcher = launcher
        self.wall: Channel | None = None
        self.counts = Counts()
        self.results = SlotPool(setup.results.slots)
        self.scheduler = Scheduler(policy=Policy(self.settings.schedule), expected_service_ns=_FIRST_GUESS_NS)
        self.display: dict[str, Any] | None = None
        self.mode = Mode.LOCK if self.settings.mode == "lock" else Mode.PACED
        self.scheduler.set_mode(self.mode)
        self._chooser = ModeChooser(self.mode) if self.settings.mode == "auto" else None
        self.awake: dict[str, Any] | None = None
        self.stopping = False
        now_ns = clock.now_ns()
        self._holding = False
        self._frames_shown: deque[list[Any]] = deque(maxlen=_FRAMES_TOLD)
        self._lag_watch = LagWatch()
        self.telemetry = Telemetry()
        self._next_figures_ns = self._next_rare_ns = now_ns
        self.commands = Commands(self)
        self.editor = ParamEditor(param_registry(self.settings.effect), self.commands.first_values(), now_ns)
        self.intake = Intake(self, now_ns)
        self.crew = Crew(self)
        self.sound = self.commands.sound
        painting = (worker.station for worker in self.crew.everybody)
        watching = self.commands.attract.station
        self._stations = (self.intake.station, self.sound.station, watching, *painting)
        self.keeper.go_on(self)

    def run(self) -> None:
        """Run until told to stop or the launcher is gone."""
        self.poller.add(self.launcher.connection, ("launcher", "channel"))
        try:
            now_ns = self.clock.now_ns()
            self.crew.start(now_ns)
            self.intake.start(now_ns)
            self.commands.start()
            self.telemetry.start()
            spare_the_start()
            while not self.stopping:
                keys = self.poller.wait(self._timeout_ns(now_ns))
                now_ns = self.clock.now_ns()
                for key in keys:
                    self._hear(key, now_ns)
                self.intake.hear(now_ns)
                self.sound.hear(now_ns)
                self.crew.settle(now_ns)
                self._dispatch(now_ns)
                self.intake.send_grants()
                self._mind(now_ns)
        finally:
            self._end()

    def report(self) -> dict[str, Any]:
        """Return the report as it stands."""
        settings = self.settings
        facts = {
            "effect": self.crew.effect,
            "carried_by": self.crew.carried_by,
            "device": ",".join(dict.fromkeys(worker.setup.device for worker in self.crew.workers)),
            "size": list(settings.size),
            "source": settings.source,
            "camera": self.intake.says | {"restarts": self.intake.station.restarts},
            "preset": self.commands.presets.name,
            "schedule": str(self.scheduler.effective_policy),
            "opening": self.commands.opening.figures(),
            "awake": self.awake,
        }
        workers = [told | {"sensors": self.telemetry.of(told["name"])} for told in self.crew.figures()]
        return build_report(facts, self.counts, self.display, workers)

    def notice(self, text: str, level: str = "info") -> None:
        """Log something and tell the desk."""
        _log.log(logging.WARNING if level != "info" else logging.INFO, "%s", text)
        self.commands.publish("notice", {"text": text, "level": level}, keep=False)

    def wake_for(self, connection: Connection | int) -> None:
        """Also wake up for a file descriptor of the control server."""
        self.poller.add(connection, ("control", "channel"))

    # Hearing

    def _hear(self, key: Hashable, now_ns: int) -> None:
        assert isinstance(key, tuple)
        name, what = key
        if name == "launcher":
            self._hear_launcher()
        elif name == "wall":
            self._hear_wall()
        elif name == "control":
            self.commands.obey(now_ns)
        elif name == "camera":
            self.intake.ended(now_ns, ended=what == "end")
        elif name == "sound":
            self.sound.ended(now_ns)
        elif name == "presence":
            self.commands.attract.heard(now_ns, ended=what == "end")
        else:
            self._hear_worker(self.crew.named(name), now_ns, ended=what == "end")

    def _hear_launcher(self) -> None:
        for message in self.launcher.receive_all():
            match message:
                case EngineLink():
                    self._link_wall(self.launcher.take_end())
                case Stop():
                    self.stopping = True
                case Say(text):
                    self._told(json.loads(text), message)
        if not self.launcher.alive:
            self.stopping = True

    def _told(self, said: dict[str, Any], message: Say) -> None:
        if "awake" in said:
            self.awake = said["awake"]
            return
        for worker in self.crew.painters[:1]:
            worker.station.send(message)

    def _link_wall(self, connection: Connection) -> None:
        self._unlink_wall()
        self.wall = Channel(connection)
        self._tell_mode()
        self._holding = False
        self.tell_hold()
        self.commands.panic.new_wall()
        self.commands.wall.heard({"wall": None})
        self.commands.opening.new_wall()
        self.poller.add(connection, ("wall", "channel"))

    def _unlink_wall(self) -> None:
        if self.wall:
            self.poller.discard(self.wall.connection)
            self.wall.close()
            self.wall = None
        self.results.release_all("wall")

    def _hear_wall(self) -> None:
        if self.wall is None:
            return
        for message in self.wall.receive_all():
            match message:
                case Release(slots):
                    self._take_back(slots)
                case PanicIs():
                    self.commands.panic.heard(message)
                case Say(text):
                    self.commands.wall.heard(json.loads(text))
                case Vsync(t_ns, period_ns):
                    self.scheduler.vsync(t_ns, period_ns)
                case Figures(text):
                    self.display = json.loads(text)
                case FramesShown(records):
                    self._frames_shown.extend(read_frames(records) if self.commands.watched else ())
        if not self.wall.alive:
            self._unlink_wall()

    def _take_back(self, slots: bytes) -> None:
        for slot in slots:
            self.results.release(slot, "wall")

    def _hear_worker(self, worker: Worker, now_ns: int, *, ended: bool) -> None:
        for message in worker.listen(now_ns):
            match message:
                case Done():
                    self._done(worker, message, now_ns)
                case Prepared(ticket, problem):
                    if not self.commands.preview.prepared(worker.number, ticket, problem.decode()):
                        self.crew.prepared(worker, ticket, problem.decode(), now_ns)
                case Ready():
                    self.crew.ready()
                case Say():
                    self.launcher.send(message)
        if ended:
            self.crew.lost(worker, now_ns)

    # Frames

    def _dispatch(self, now_ns: int) -> None:
        """Give the mailbox's frame to a worker, if one is due. Realtime: yes."""
        waiting = self.intake.mailbox.peek()
        if waiting is None or not self.results.free or self.wall is None or self.commands.opening.resting:
            return
        flight = self.scheduler.poll(now_ns, waiting.t_capture_ns, self.commands.preview.takers())
        if flight is None:
            return
        self.intake.mailbox.take()
        worker = self.crew.everybody[flight.worker]
        self.intake.frames.pass_on(waiting.slot, worker.name)
        result = self.results.acquire(worker.name)
        assert result is not None
        self.sound.modulate(now_ns)
        state = self.editor.state
        worker.dispatch(Job(flight, waiting.slot, result, waiting.index, state.revision, self.crew.look), state)
        self.counts.dispatch(worker.number, aside=flight.aside)
        self.commands.preview.dispatched(aside=flight.aside)

    def _done(self, worker: Worker, message: Done, now_ns: int) -> None:
        job = worker.done(message, now_ns)
        if job is None:
            return
        aside = job.flight.aside
        if not aside:
            self.counts.complete(worker.effect)
        self.commands.preview.painted(message.t_end_ns - message.t_start_ns, aside=aside)
        self.intake.give_back(job.frame_slot, worker.name)
        flight = self.scheduler.done(worker.number, message.generation, message.seq, now_ns, message.early_ns)
        if flight is None or self.wall is None or aside:
            self.counts.late += not aside
            self.results.release(job.result_slot, worker.name)
            return
        self.results.pass_on(job.result_slot, "wall")
        self.wall.send(
            Result(
                job.result_slot,
                flight.seq,
                job.index,
                flight.t_capture_ns,
                flight.target_ns,
                now_ns,
                job.revision,
                job.look,
                worker.number,
            )
        )

    def free(self, owner: str) -> None:
        """Take back all slots of a worker that is gone."""
        for slot in self.intake.frames.owned(owner):
            self.intake.give_back(slot, owner)
        self.results.release_all(owner)

    # Minding

    def _timeout_ns(self, now_ns: int) -> int:
        """Return how long nothing can be due; also note when the next rare thing is."""
        rare_ns = self._next_figures_ns
        for station in self._stations:
            if station.t_restart_ns is not None and station.t_restart_ns < rare_ns:
                rare_ns = station.t_restart_ns
        for due_ns in (self.scheduler.next_deadline_ns(), self.commands.next_ns):
            if due_ns is not None and due_ns < rare_ns:
                rare_ns = due_ns
        self._next_rare_ns = wake_ns = rare_ns
        poll_ns = self.scheduler.next_poll_ns(now_ns)
        is_open = self.scheduler.is_open(now_ns)
        self.intake.station.watch(watched=is_open)  # a worker is idle: a newer frame may be its frame
        if not is_open:  # look before the camera has no slot left for a newer frame, or when a worker is nearly done
            wake_ns = min(wake_ns, now_ns + _LOOK_NS, poll_ns or wake_ns)
        elif poll_ns is not None and self.intake.mailbox.full and self.results.free and self.wall:
            wake_ns = min(wake_ns, poll_ns)
        return max(wake_ns - now_ns, 0)

    def _mind(self, now_ns: int) -> None:
        if now_ns < self._next_rare_ns:
            return
        if self.scheduler.overdue(now_ns):  # the engine itself may have stood still: what was said meanwhile counts
            for worker in self.crew.everybody:
                self._hear_worker(worker, now_ns, ended=False)
        self.crew.mind(now_ns)
        self.intake.mind(now_ns)
        self.commands.mind(now_ns)
        if now_ns >= self._next_figures_ns:
            self._next_figures_ns = now_ns + (_FIGURES_NS if self.commands.watched else _FIGURES_ALONE_NS)
            self._publish(now_ns)

    def _choose_mode(self, now_ns: int) -> None:
        """Take the mode that moves more truly, where nobody has asked for one."""
        if self._chooser is None:
            return
        mode = self._chooser.choose(now_ns, self.scheduler.rhythm())
        if mode is not self.mode:
            self.mode = mode
            self.scheduler.set_mode(mode)
            self._tell_mode()

    def _tell_mode(self) -> None:
        if self.wall:
            self.wall.send(ModeIs(int(self.mode is Mode.LOCK)))

    def space_frames(self, least_ns: int) -> None:
        """Let at least `least_ns` pass between two frames from now on (0: as they can be painted); it is no lag."""
        self.scheduler.space(least_ns)
        if self.wall:
            self.wall.send(NewBeat())

    def tell_hold(self) -> None:
        """Tell the wall when it is to hold its picture, however long that takes, and when no longer."""
        holds = self.crew.holds or self.intake.changing
        if self.wall and holds is not self._holding:
            self._holding = holds
            self.wall.send(Hold(int(self._holding)))

    def _publish(self, now_ns: int) -> None:
        self._choose_mode(now_ns)
        gave_up = self.editor.give_up_if_due(now_ns)
        if gave_up:
            self.notice(gave_up, "error")
        report = self.report()
        self._watch_lag(report["lag"], now_ns)
        self.telemetry.look_at(self.crew.processes())
        drift = self.editor.state.drift
        moving = {"drift": {"phase": drift.phase(now_ns), "rate": drift.rate}, "sound": self.sound.figures()}
        frames = {"fields": FRAME_FIELDS, "rows": list(self._frames_shown)}
        self._frames_shown.clear()
        self.commands.publish("figures", report | moving | {"t_ns": now_ns, "frames_shown": frames})
        self.launcher.offer(Figures(json.dumps(report).encode()))
        children = (worker.station.child for worker in self.crew.everybody)
        for channel in (self.launcher, self.wall, *(child.channel for child in children if child)):
            if channel:
                channel.flush()

    def _watch_lag(self, lag: dict[str, Any], now_ns: int) -> None:
        news = self._lag_watch.note(lag, now_ns)
        if news:
            self.notice(*news)

    def ask_to_stop(self) -> None:
        """Have the launcher end the whole mirror in order."""
        self.launcher.send(Say(json.dumps({"stop": True}).encode()))

    def _end(self) -> None:
        self.launcher.send(Say(json.dumps({"report": self.report()}).encode()))
        self.commands.close()
        self.telemetry.close()
        for station in self._stations:
            station.retire()
        for station in self._stations:
            station.end()
        self._unlink_wall()
        self.launcher.flush()
        self.poller.close()


def engine_main(connection: Connection, setup: EngineSetup) -> None:
    """Run the engine process."""
    Engine(Channel(connection), setup, CLOCK).run()
