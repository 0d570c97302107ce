"""From the control protocol to Qt signals and back, without ever waiting."""

from __future__ import annotations

import secrets
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QObject, QTimer, pyqtBoundSignal, pyqtSignal

from mirrorfx.control.client import ControlClient
from mirrorfx.control.protocol import PROTOCOL_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.control.protocol import Event, Reply

__all__ = ["Bridge", "Link"]

_SILENCE_MS = 2500


class Link(Enum):
    """How the desk stands with the engine."""

    CONNECTING = auto()
    """It has not answered yet."""
    CONNECTED = auto()
    LOST = auto()
    """It was there and is gone; it will be restarted."""
    SILENT = auto()
    """It is there and says nothing: it hangs."""


class Bridge(QObject):
    """The engine, as the desk's widgets see it.

    The client calls from a thread of its own; every signal here arrives in the GUI's.

    Args:
        url: of the engine's control server, the token included.
    """

    state_changed = pyqtSignal(object)
    """dict: what is set; the protocol's ``state``."""
    figures_changed = pyqtSignal(object)
    """dict: the report so far."""
    levels_changed = pyqtSignal(object)
    """dict: what is heard, each 0 to 1, about 15 times a second while sound is listened to."""
    noticed = pyqtSignal(str, str)
    """(level, text): ``info``, ``warning`` or ``error``, and what to read."""
    link_changed = pyqtSignal(object)
    """Link."""
    done = pyqtSignal(str, object)
    """(do, Reply): a request of this desk was obeyed."""
    _heard = pyqtSignal(object)
    _up = pyqtSignal(bool)
    _replied = pyqtSignal(str, object, object)

    def __init__(self, url: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.link = Link.CONNECTING
        self.origin = f"desk-{secrets.token_hex(4)}"
        """This desk's name for itself: the state's ``changed_by`` tells its edits from others'."""
        self._closed = False
        self._client = ControlClient(
            url, lambda event: self._pass(self._heard, event), lambda up: self._pass(self._up, up)
        )
        self._silence = QTimer(self)
        self._silence.setSingleShot(True)
        self._silence.setInterval(_SILENCE_MS)
        self._silence.timeout.connect(lambda: self._set_link(Link.SILENT))
        self._heard.connect(self._on_event)
        self._up.connect(self._on_up)
        self._replied.connect(self._on_reply)

    def start(self) -> None:
        """Begin to connect; it is tried again for ever."""
        self._client.start()

    def close(self) -> None:
        """Hang up. Safe to call twice; takes two seconds at most, when the engine hangs."""
        self._closed = True
        self._silence.stop()
        self._client.close()

    def ask(self, do: str, on_reply: Callable[[Reply], None] | None = None, **arguments: Any) -> None:
        """Have the engine do something. A refusal becomes a notice; `on_reply` is called in the GUI's thread."""
        if do != "hello":
            arguments["origin"] = self.origin
        self._client.post(do, lambda reply: self._pass(self._replied, do, on_reply, reply), **arguments)

    def _pass(self, signal: pyqtBoundSignal, *what: object) -> None:
        if not self._closed:
            signal.emit(*what)

    def _on_event(self, event: Event) -> None:
        match event.event:
            case "state":
                self.state_changed.emit(event.data)
            case "figures":
                self._silence.start()
                self._set_link(Link.CONNECTED)
                self.figures_changed.emit(event.data)
            case "levels":
                self.levels_changed.emit(event.data)
            case "notice":
                self.noticed.emit(str(event.data.get("level", "info")), str(event.data.get("text", "")))

    def _on_up(self, up: bool) -> None:  # noqa: FBT001  a signal's argument
        if up:
            self._silence.start()
            self._set_link(Link.CONNECTED)
            self.ask("hello", self._on_hello)
        else:
            self._silence.stop()
            self._set_link(Link.LOST)

    def _on_hello(self, reply: Reply) -> None:
        # Its state is left alone: a ``state`` event that is newer may have overtaken it, and one came before it anyway.
        if not reply.ok:
            return
        spoken = reply.result.get("protocol")
        if spoken != PROTOCOL_VERSION:
            text = self.tr("The engine speaks version %s of the control protocol, this desk %s. Use the same MirrorFX.")
            self.noticed.emit("error", text % (spoken, PROTOCOL_VERSION))

    def _on_reply(self, do: str, on_reply: Callable[[Reply], None] | None, reply: Reply) -> None:
        if not reply.ok:
            self.noticed.emit("error", reply.error)
        if on_reply:
            on_reply(reply)
        if reply.ok:
            self.done.emit(do, reply)

    def _set_link(self, link: Link) -> None:
        if link is not self.link:
            self.link = link
            self.link_changed.emit(link)
