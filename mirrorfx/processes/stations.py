"""A station: a place that is kept filled with a living process."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mirrorfx.clock import SECOND
from mirrorfx.pacing.supervision import Backoff
from mirrorfx.processes.messages import Failed, Message, Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.processes.channel import Poller
    from mirrorfx.processes.spawn import Child, Ending

__all__ = ["Station", "StationState"]


class StationState(StrEnum):
    """How a station stands; these words are shown to people."""

    OFF = "off"
    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting to restart"
    QUARANTINED = "quarantined"


class Station:
    """Keeps one process going: starts it, notices its end, starts it again after a growing pause.

    Args:
        name: for `ps`, logs and figures.
        start: makes the process.
        poller: is told of its channel and sentinel under the keys ``(name, "channel")`` and ``(name, "end")``.
        watched: whether what the process says wakes the poller; `watch` changes it.
    """

    def __init__(self, name: str, start: Callable[[], Child], poller: Poller, *, watched: bool = True) -> None:
        self.name = name
        self.state = StationState.OFF
        self.child: Child | None = None
        self.reason = ""
        self.restarts = 0
        self.hopeless = False
        self.t_started_ns = 0
        self.t_lost_ns = 0
        self.t_restart_ns: int | None = None
        self._start = start
        self._poller = poller
        self._watched = watched
        self._backoff = Backoff()

    def start(self, now_ns: int) -> None:
        """Start the process now."""
        self.child = self._start()
        self.hopeless = False
        if self._watched:
            self._poller.add(self.child.channel.connection, (self.name, "channel"))
        self._poller.add(self.child.sentinel, (self.name, "end"))
        self.state = StationState.STARTING
        self.t_started_ns = now_ns
        self.t_restart_ns = None

    def watch(self, *, watched: bool) -> None:
        """Let what the process says wake the poller, or wait until it is asked for. Realtime: yes."""
        if watched is self._watched:
            return
        self._watched = watched
        if self.child and watched:
            self._poller.add(self.child.channel.connection, (self.name, "channel"))
        elif self.child:
            self._poller.discard(self.child.channel.connection)

    def ready(self, now_ns: int) -> None:
        """Note that the process works; one that is retired may say so a last time."""
        if self.state is StationState.OFF:
            return
        self.state = StationState.READY
        self.reason = ""
        self._backoff.succeeded(now_ns)

    def receive(self) -> list[Message]:
        """Return what the process said; a `Failed` is also kept as the reason for its coming end."""
        messages = self.child.channel.receive_all() if self.child else []
        for message in messages:
            if isinstance(message, Failed):
                self.reason = message.text.decode(errors="replace")
                self.hopeless = message.hopeless
        return messages

    def send(self, message: Message) -> None:
        """Say something to the process; nobody hears it when there is none."""
        if self.child:
            self.child.channel.send(message)

    def lost(self, now_ns: int, reason: str = "") -> Ending | None:
        """Clear away a process that ended or must end (it is killed), and plan its return."""
        if self.child is None:
            return None
        self.receive()
        self.child.kill()
        ending = self._clear()
        self.reason = self.reason or reason or str(ending)
        self.t_restart_ns = self._backoff.failed(now_ns)
        self.restarts += 1
        self.t_lost_ns = now_ns
        self.state = StationState.QUARANTINED if self._backoff.quarantined else StationState.WAITING
        return ending

    def outlook(self, now_ns: int) -> str:
        """Say when a lost process will be back."""
        if self.t_restart_ns is None:
            return "It stays off."
        wait_s = max(self.t_restart_ns - now_ns, 0) / SECOND
        return "It is started again at once." if wait_s < 1 else f"It is started again in {wait_s:.0f} s."

    def restart_if_due(self, now_ns: int) -> bool:
        """Start it again when its pause is over; say whether it was started."""
        if self.t_restart_ns is None or now_ns < self.t_restart_ns:
            return False
        self.start(now_ns)
        return True

    def retire(self) -> None:
        """Ask the process to finish, without a successor."""
        self.t_restart_ns = None
        self.send(Stop())
        self.state = StationState.OFF

    def end(self) -> None:
        """See the retired process off, killing it if it lingers. Safe to call twice."""
        self.t_restart_ns = None
        self.state = StationState.OFF
        if self.child:
            self._clear()

    def _clear(self) -> Ending:
        assert self.child is not None
        self._poller.discard(self.child.channel.connection)
        self._poller.discard(self.child.sentinel)
        ending = self.child.end()
        self.child = None
        return ending
