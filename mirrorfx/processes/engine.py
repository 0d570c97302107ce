"""The engine: decides who paints which frame and when, counts, supervises, and obeys the control protocol.

It touches no pixels, never initialises CUDA and knows no Qt. Everything it does in the loop takes microseconds.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND, Clock
from mirrorfx.effects import param_registry
from mirrorfx.pacing.chooser import Mode, ModeChooser
from mirrorfx.pacing.mailbox import Mailbox
from mirrorfx.pacing.scheduler import Policy, Scheduler
from mirrorfx.processes.camera import camera_main
from mirrorfx.processes.channel import Channel, Poller
from mirrorfx.processes.commands import Commands
from mirrorfx.processes.memory import SlotPool
from mirrorfx.processes.messages import (
    Captured,
    Done,
    EngineLink,
    Figures,
    Grant,
    ModeIs,
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
from mirrorfx.processes.settings import CameraSetup, WorkerSetup
from mirrorfx.processes.spawn import CLOCK, Child, spawn
from mirrorfx.processes.stations import Station, StationState
from mirrorfx.processes.workers import Job, Worker

if TYPE_CHECKING:
    from collections.abc import Hashable
    from multiprocessing.connection import Connection

    from mirrorfx.processes.settings import EngineSetup

__all__ = ["Engine", "engine_main"]

_log = logging.getLogger(__name__)
_FIGURES_NS = 2 * SECOND // 5
_FIGURES_ALONE_NS = SECOND
_CAMERA_SILENCE_NS = 8 * SECOND
_LOOK_NS = 50_000_000
_FIRST_GUESS_NS = 60_000_000


@dataclass(frozen=True, slots=True)
class _Waiting:
    """The mailbox's frame."""

    slot: int
    index: int
    t_capture_ns: int


class Engine:
    """The engine's loop and all that hangs on it."""

    def __init__(self, launcher: Channel, setup: EngineSetup, clock: Clock) -> None:
        self.setup = setup
        self.settings = setup.settings
        self.clock = clock
        self.poller = Poller()
        self.launcher = launcher
        self.wall: Channel | None = None
        self.counts = Counts()
        self.frames = SlotPool(setup.frames.slots)
        self.results = SlotPool(setup.results.slots)
        self.mailbox: Mailbox[_Waiting] = Mailbox()
        self.scheduler = Scheduler(policy=Policy(self.settings.schedule), expected_service_ns=_FIRST_GUESS_NS)
        self.effect = self.settings.effect
        self.camera_says: dict[str, Any] = {"state": "starting"}
        self.display: dict[str, Any] | None = None
        self.mode = Mode.LOCK if self.settings.mode == "lock" else Mode.PACED
        self.scheduler.set_mode(self.mode)
        self._chooser = ModeChooser(self.mode) if self.settings.mode == "auto" else None
        self.stopping = False
        now_ns = clock.now_ns()
        self._camera_heard_ns = now_ns
        self._granted: list[int] = []
        self._next_figures_ns = self._next_rare_ns = now_ns
        self.commands = Commands(self)
        self.editor = ParamEditor(param_registry(self.effect), self.commands.first_values(), now_ns)
        self.camera = Station("camera", self._spawn_camera, self.poller, watched=False)
        self.workers = [Worker(number, self._worker_setup(number), self.poller) for number in self._numbers()]
        self._stations = (self.camera, *(worker.station for worker in self.workers))

    def run(self) -> None:
        """Run until told to stop or the launcher is gone."""
        self.poller.add(self.launcher.connection, ("launcher", "channel"))
        try:
            now_ns = self.clock.now_ns()
            for worker in self.workers:
                worker.start(now_ns, self.editor.state)
            self._start_camera(now_ns)
            self.commands.start()
            while not self.stopping:
                keys = self.poller.wait(self._timeout_ns(now_ns))
                now_ns = self.clock.now_ns()
                for key in keys:
                    self._hear(key, now_ns)
                self._hear_camera(now_ns)
                self._dispatch(now_ns)
                self._send_grants()
                self._mind(now_ns)
        finally:
            self._end()

    def report(self) -> dict[str, Any]:
        """Return the report as it stands."""
        settings = self.settings
        facts = {
            "effect": self.effect,
            "device": ",".join(dict.fromkeys(worker.setup.device for worker in self.workers)),
            "size": list(settings.size),
            "source": settings.source,
            "camera": self.camera_says | {"restarts": self.camera.restarts},
            "preset": self.commands.preset_name,
            "schedule": str(self.scheduler.effective_policy),
        }
        return build_report(facts, self.counts, self.display, [worker.figures() for worker in self.workers])

    def ready_workers(self) -> list[Worker]:
        """Return the workers that can paint the effect in force."""
        return [worker for worker in self.workers if worker.ready and worker.effect == self.effect]

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
            self._camera_ended(now_ns, ended=what == "end")
        else:
            self._hear_worker(self.workers[int(name.removeprefix("worker-"))], now_ns, ended=what == "end")

    def _hear_launcher(self) -> None:
        for message in self.launcher.receive_all():
            match message:
                case EngineLink():
                    self._link_wall(self.launcher.take_end())
                case Stop():
                    self.stopping = True
                case Say():
                    for worker in self.ready_workers()[:1]:
                        worker.station.send(message)
        if not self.launcher.alive:
            self.stopping = True

    def _link_wall(self, connection: Connection) -> None:
        self._unlink_wall()
        self.wall = Channel(connection)
        self._tell_mode()
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
                    for slot in slots:
                        self.results.release(slot, "wall")
                case Vsync(t_ns, period_ns):
                    self.scheduler.vsync(t_ns, period_ns)
                case Figures(text):
                    self.display = json.loads(text)
        if not self.wall.alive:
            self._unlink_wall()

    def _hear_camera(self, now_ns: int) -> None:
        """Take the frames that came meanwhile.

        A frame that nobody can paint yet doesn't wake the engine: waking costs more than all it does awake. Frames are
        looked at when something else has woken it, just before one is given away, so that it is the newest.
        """
        for message in self.camera.receive():
            self._camera_heard_ns = now_ns
            match message:
                case Captured(slot, index, t_capture_ns, t_sent_ns):
                    self.scheduler.captured(t_capture_ns, t_sent_ns)
                    self._captured(_Waiting(slot, index, t_capture_ns))
                case Say(text):
                    self._camera_said(json.loads(text), now_ns)

    def _camera_ended(self, now_ns: int, *, ended: bool) -> None:
        self._hear_camera(now_ns)
        if ended:
            self._camera_lost(now_ns)

    def _captured(self, frame: _Waiting) -> None:
        self.counts.captured += 1
        displaced = self.mailbox.put(frame)
        self.frames.pass_on(frame.slot, "mailbox")
        if displaced is not None:
            self.counts.mailbox += 1
            self._grant(displaced.slot, "mailbox")

    def _camera_said(self, said: dict[str, Any], now_ns: int) -> None:
        before = self.camera_says.get("state")
        self.camera_says = said
        if said.get("state") == "open":
            self.camera.ready(now_ns)
            if before == "lost":
                self.notice(f"The source is back: {said.get('name')}.")
        elif before != "lost":
            self.notice(f"The source is lost: {said.get('reason')}", "warning")

    def _hear_worker(self, worker: Worker, now_ns: int, *, ended: bool) -> None:
        for message in worker.listen(now_ns):
            match message:
                case Done():
                    self._done(worker, message, now_ns)
                case Prepared(ticket, problem):
                    self._prepared(worker, ticket, problem.decode(), now_ns)
                case Ready():
                    self._worker_ready(worker, now_ns)
                case Say():
                    self.launcher.send(message)
        if ended:
            self._worker_lost(worker, now_ns)

    def _worker_ready(self, worker: Worker, now_ns: int) -> None:
        if self.commands.switching and worker.effect == self.commands.switching:
            self.commands.switched(now_ns)
        if worker.effect == self.effect:
            self.scheduler.add(worker.number, now_ns, overlaps=worker.overlaps)
        if len(self.ready_workers()) == len(self.workers):
            self.counts.pool_complete()

    def _prepared(self, worker: Worker, ticket: int, problem: str, now_ns: int) -> None:
        complaint = self.editor.prepared(worker.number, ticket, problem, now_ns)
        if complaint:
            self.notice(f"The edit was not taken: {complaint}", "error")
        self.commands.publish_state()

    # Frames

    def _dispatch(self, now_ns: int) -> None:
        """Give the mailbox's frame to a worker, if one is due. Realtime: yes."""
        waiting = self.mailbox.peek()
        if waiting is None or not self.results.free or self.wall is None:
            return
        flight = self.scheduler.poll(now_ns, waiting.t_capture_ns)
        if flight is None:
            return
        self.mailbox.take()
        worker = self.workers[flight.worker]
        self.frames.pass_on(waiting.slot, worker.name)
        result = self.results.acquire(worker.name)
        assert result is not None
        worker.dispatch(Job(flight, waiting.slot, result, waiting.index, self.editor.state.revision), self.editor.state)
        self.counts.dispatch(worker.number)

    def _done(self, worker: Worker, message: Done, now_ns: int) -> None:
        job = worker.done(message, now_ns)
        if job is None:
            return
        self.counts.completed += 1
        self._grant(job.frame_slot, worker.name)
        flight = self.scheduler.done(worker.number, message.generation, message.seq, now_ns, message.early_ns)
        if flight is None or self.wall is None:
            self.counts.late += 1
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
            )
        )

    def _grant(self, slot: int, owner: str) -> None:
        """Take a frame slot back and let the camera write into it."""
        if self.frames.release(slot, owner) and self.camera.child:
            again = self.frames.acquire("camera")
            if again is not None:
                self._granted.append(again)

    def _send_grants(self) -> None:
        """Tell the camera of all the slots it has got since the last time, in one message."""
        if self._granted:
            self.camera.send(Grant(bytes(self._granted)))
            self._granted.clear()

    # Minding

    def _timeout_ns(self, now_ns: int) -> int:
        """Return how long nothing can be due; also note when the next rare thing is."""
        rare_ns = self._next_figures_ns
        for station in self._stations:
            if station.t_restart_ns is not None and station.t_restart_ns < rare_ns:
                rare_ns = station.t_restart_ns
        deadline_ns = self.scheduler.next_deadline_ns()
        if deadline_ns is not None and deadline_ns < rare_ns:
            rare_ns = deadline_ns
        self._next_rare_ns = wake_ns = rare_ns
        poll_ns = self.scheduler.next_poll_ns(now_ns)
        is_open = self.scheduler.is_open(now_ns)
        self.camera.watch(watched=is_open)  # a worker is idle: a newer frame may be its frame
        if not is_open:  # look before the camera has no slot left for a newer frame, or when a worker is nearly done
            wake_ns = min(wake_ns, now_ns + _LOOK_NS, poll_ns or wake_ns)
        elif poll_ns is not None and self.mailbox.full and self.results.free and self.wall:
            wake_ns = min(wake_ns, poll_ns)
        return max(wake_ns - now_ns, 0)

    def _mind(self, now_ns: int) -> None:
        if now_ns < self._next_rare_ns:
            return
        self._end_overdue(now_ns)
        for worker in self.workers:
            if worker.silent_start(now_ns):
                self._worker_lost(worker, now_ns, "no sign of life while starting")
            worker.restart_if_due(now_ns, self.editor.state)
        self._mind_camera(now_ns)
        if now_ns >= self._next_figures_ns:
            self._next_figures_ns = now_ns + (_FIGURES_NS if self.commands.watched else _FIGURES_ALONE_NS)
            self._publish(now_ns)

    def _end_overdue(self, now_ns: int) -> None:
        """End workers that hang; but if the engine itself stood still, what they said meanwhile counts first."""
        if self.scheduler.overdue(now_ns):
            for worker in self.workers:
                self._hear_worker(worker, now_ns, ended=False)
        for number in self.scheduler.overdue(now_ns):
            self._worker_lost(self.workers[number], now_ns, "it hung: its deadline passed")

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

    def _publish(self, now_ns: int) -> None:
        self._choose_mode(now_ns)
        gave_up = self.editor.give_up_if_due(now_ns)
        if gave_up:
            self.notice(gave_up, "error")
        report = self.report()
        self.commands.publish("figures", report)
        self.launcher.offer(Figures(json.dumps(report).encode()))
        for channel in (self.launcher, self.wall, *(w.station.child and w.station.child.channel for w in self.workers)):
            if channel:
                channel.flush()

    def _mind_camera(self, now_ns: int) -> None:
        if self.camera.child and now_ns - self._camera_heard_ns > _CAMERA_SILENCE_NS:
            self._camera_lost(now_ns, "no sign of life: the driver hangs")
        if self.camera.t_restart_ns is not None and now_ns >= self.camera.t_restart_ns:
            self._start_camera(now_ns)

    def ask_to_stop(self) -> None:
        """Have the launcher end the whole mirror in order."""
        self.launcher.send(Say(json.dumps({"stop": True}).encode()))

    def restart_with(self, worker: Worker, effect: str) -> None:
        """End a worker's process and start another that paints with `effect`."""
        now_ns = self.clock.now_ns()
        worker.station.retire()
        self._worker_lost(worker, now_ns)
        worker.use_effect(effect)
        worker.start(now_ns, self.editor.state)

    # Losing and starting

    def _worker_lost(self, worker: Worker, now_ns: int, reason: str = "") -> None:
        if worker.station.child is None:
            return
        retired = worker.station.state is StationState.OFF
        self.scheduler.lost(worker.number, now_ns)
        self.counts.worker_lost += worker.drop_jobs()
        if retired:
            worker.station.end()
        else:
            worker.station.lost(now_ns, reason)
            self.notice(f"{worker.name} is gone: {worker.station.reason}. {worker.station.outlook(now_ns)}", "error")
        for slot in self.frames.owned(worker.name):
            self._grant(slot, worker.name)
        self.results.release_all(worker.name)
        self.editor.forget_worker(worker.number, now_ns)
        self.commands.worker_lost(worker, now_ns)

    def _camera_lost(self, now_ns: int, reason: str = "") -> None:
        self.camera.lost(now_ns, reason)
        self.frames.release_all("camera")
        self.camera_says = {"state": "lost", "reason": self.camera.reason}
        self.notice(f"The camera process is gone: {self.camera.reason}", "error")

    def _start_camera(self, now_ns: int) -> None:
        self.camera.start(now_ns)
        self._camera_heard_ns = now_ns
        self._granted.clear()
        while (slot := self.frames.acquire("camera")) is not None:
            self._granted.append(slot)
        self._send_grants()

    def _spawn_camera(self) -> Child:
        settings = self.settings
        setup = CameraSetup(
            settings.source, settings.size, settings.geometry, settings.mirror, settings.camera, self.setup.frames
        )
        return spawn("camera", camera_main, setup)

    def _numbers(self) -> range:
        return range(self.settings.workers)

    def _worker_setup(self, number: int) -> WorkerSetup:
        import os

        settings = self.settings
        device = settings.devices[number % len(settings.devices)]
        cores = os.cpu_count() or 1
        return WorkerSetup(
            worker=number,
            effect=self.effect,
            device=device,
            size=settings.size,
            workers=settings.workers,
            threads=max(cores // settings.workers, 1) if device == "cpu" else 1,
            frame_rate=settings.frame_rate,
            options=settings.effect_options,
            frames=self.setup.frames,
            results=self.setup.results,
        )

    def _end(self) -> None:
        self.launcher.send(Say(json.dumps({"report": self.report()}).encode()))
        self.commands.close()
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
