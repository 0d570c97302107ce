"""The engine's side of the camera: its process, the newest frame, and which slots it may write into."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND
from mirrorfx.pacing.mailbox import Mailbox
from mirrorfx.processes.attract import tap_fps
from mirrorfx.processes.camera import camera_main
from mirrorfx.processes.memory import SlotPool
from mirrorfx.processes.messages import Captured, Grant, Say
from mirrorfx.processes.settings import CameraSetup
from mirrorfx.processes.spawn import Child, spawn
from mirrorfx.processes.stations import Station, StationState

if TYPE_CHECKING:
    from mirrorfx.processes.engine import Engine

__all__ = ["Intake", "Waiting"]

_SILENCE_NS = 8 * SECOND


@dataclass(frozen=True, slots=True)
class Waiting:
    """The mailbox's frame."""

    slot: int
    index: int
    t_capture_ns: int


class Intake:
    """Keeps the camera's process going, and its newest frame."""

    def __init__(self, engine: Engine, now_ns: int) -> None:
        self._engine = engine
        self.says: dict[str, Any] = {"state": "starting"}
        self.changing = False
        """Another source was asked for and has given no picture yet."""
        self.mailbox: Mailbox[Waiting] = Mailbox()
        self.frames = SlotPool(engine.setup.frames.slots)
        self.station = Station("camera", self._spawn, engine.poller, watched=False)
        self._heard_ns = now_ns
        self._granted: list[int] = []
        self._rests = False

    def start(self, now_ns: int) -> None:
        """Start the camera's process and let it write."""
        self.station.start(now_ns)
        self._heard_ns = now_ns
        self._granted.clear()
        while (slot := self.frames.acquire("camera")) is not None:
            self._granted.append(slot)
        self.send_grants()

    def rest(self) -> None:
        """End the camera's process, and let go of what it has seen, until `wake`."""
        self._rests = True
        self.station.retire()
        waiting = self.mailbox.take()
        if waiting is not None:
            self.give_back(waiting.slot, "mailbox")
        if self.station.child is None:
            self.says = {"state": "off"}

    def wake(self, now_ns: int) -> None:
        """Start the camera again; if its process is still ending, as soon as it has."""
        self._rests = False
        if self.station.child is None:
            self.start(now_ns)

    def hear(self, now_ns: int) -> None:
        """Take the frames that came meanwhile.

        A frame that nobody can paint yet doesn't wake the engine: waking costs more than all it does awake. Frames are
        looked at when something else has woken it, just before one is given away, so that it is the newest.
        """
        for message in self.station.receive():
            self._heard_ns = now_ns
            match message:
                case Captured(slot, index, t_capture_ns, t_sent_ns):
                    self._engine.scheduler.captured(t_capture_ns, t_sent_ns)
                    self._captured(Waiting(slot, index, t_capture_ns))
                case Say(text):
                    self._said(json.loads(text), now_ns)

    def ended(self, now_ns: int, *, ended: bool) -> None:
        """Hear it; if it has `ended`, clear it away. A successor may have come since that was noticed."""
        self.hear(now_ns)
        if ended and not (self.station.child and self.station.child.running):
            self._lost(now_ns)

    def give_back(self, slot: int, owner: str) -> None:
        """Take a frame slot back and let the camera write into it. Realtime: yes."""
        if self.frames.release(slot, owner) and self.station.child:
            again = self.frames.acquire("camera")
            if again is not None:
                self._granted.append(again)

    def send_grants(self) -> None:
        """Tell the camera of all the slots it has got since the last time, in one message."""
        if self._granted:
            self.station.send(Grant(bytes(self._granted)))
            self._granted.clear()

    def tell(self, text: bytes) -> None:
        """Have the camera's process turn, crop or lock otherwise."""
        self.station.send(Say(text))

    def change_source(self, now_ns: int) -> None:
        """Start the camera's process anew, for the source that the settings name now; the wall holds its picture.

        The old process isn't asked to finish: it may hang, and that may be why the source is changed.
        """
        if self._rests or not self.station.t_started_ns:
            return  # it will be started
        self.says = {"state": "starting"}
        self.changing = True
        self._engine.tell_hold()
        if self.station.child is None:
            self.start(now_ns)
        else:  # its end is heard of in a moment, and another is started then
            self.station.retire()
            self.station.child.kill()

    def _changed(self) -> None:
        if self.changing and self.station.state is not StationState.OFF:
            self.changing = False
            self._engine.tell_hold()

    def mind(self, now_ns: int) -> None:
        """End a camera process that hangs, start one whose pause is over."""
        if self.station.child and now_ns - self._heard_ns > _SILENCE_NS:
            self._lost(now_ns, "no sign of life: the driver hangs")
        if self.station.t_restart_ns is not None and now_ns >= self.station.t_restart_ns:
            self.start(now_ns)

    def _captured(self, frame: Waiting) -> None:
        counts = self._engine.counts
        counts.captured += 1
        self._changed()
        self.frames.pass_on(frame.slot, "mailbox")
        if self._rests:
            self.give_back(frame.slot, "mailbox")
            return
        displaced = self.mailbox.put(frame)
        if displaced is not None:
            counts.mailbox += 1
            self.give_back(displaced.slot, "mailbox")

    def _said(self, said: dict[str, Any], now_ns: int) -> None:
        before = self.says.get("state")
        self.says = said
        if said.get("state") == "open":
            self.station.ready(now_ns)
            if before == "lost":
                self._engine.notice(f"The source is back: {said.get('name')}.")
            return
        self._changed()
        if before != "lost":
            self._engine.notice(f"The source is lost: {said.get('reason')}", "warning")

    def _lost(self, now_ns: int, reason: str = "") -> None:
        if self.station.state is StationState.OFF:
            self._has_rested(now_ns)
            return
        self.station.lost(now_ns, reason)
        self.frames.release_all("camera")
        self.says = {"state": "lost", "reason": self.station.reason}
        self._changed()
        self._engine.notice(f"The camera process is gone: {self.station.reason}", "error")

    def _has_rested(self, now_ns: int) -> None:
        """Its process has ended as it was asked to, or hangs instead."""
        if self.station.child:
            self.station.child.kill()
        self.station.end()
        self.frames.release_all("camera")
        self.says = {"state": "off"}
        if not self._rests:
            self.start(now_ns)

    def _spawn(self) -> Child:
        settings = self._engine.settings
        frames = self._engine.setup.frames
        setup = CameraSetup(
            source=settings.source,
            size=settings.size,
            geometry=settings.geometry,
            mirror=settings.mirror,
            camera=settings.camera,
            ring=frames,
            live=self._engine.setup.live,
            tap=self._engine.setup.taps.input if self._engine.setup.taps else None,
            tap_fps=tap_fps(settings),
        )
        return spawn("camera", camera_main, setup)
