"""The way of the panic keys to the wall: past the engine through the monitor; through the engine without a monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QObject, pyqtSignal

from mirrorfx_ui.desk.bridge import Link

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx_ui.desk.bridge import Bridge
    from mirrorfx_ui.desk.picture_stream import PictureStream

__all__ = ["PanicLine"]


class PanicLine(QObject):
    """Tells what is on, in the wall's own words, and has it switched.

    Nothing is sent to an engine that does not answer: it would obey late, when nobody expects it any more.
    """

    state_changed = pyqtSignal(object)
    """dict: ``blackout``, ``below``, ``seen``, and ``locked``: labels of what this mirror never shows."""
    reach_changed = pyqtSignal(bool)
    """The wall can be reached, or no longer."""
    refused = pyqtSignal(str)
    """Why a key was not obeyed."""

    def __init__(self, bridge: Bridge, stream: PictureStream, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._stream = stream
        self.state: Mapping[str, Any] = {}
        self.reaches = False
        self._by_monitor = False
        self._locked: list[str] = []
        stream.panic_told.connect(self._hear_monitor)
        stream.up_changed.connect(self._look)
        bridge.state_changed.connect(self._hear_engine)
        bridge.link_changed.connect(self._look)
        self._look()

    def press(self, what: str, *, on: bool) -> None:
        """Switch `what`, a `mirrorfx.safety.Panic`'s label, on or off."""
        if self._stream.up:
            self._stream.press(what, on=on)
        elif self._bridge.link is Link.CONNECTED:
            self._bridge.ask("panic", what=what, on=on)

    def _hear_monitor(self, said: Mapping[str, Any]) -> None:
        self._by_monitor = self._stream.up
        self._locked = list(said.get("locked", self._locked))
        self._take({name: value for name, value in said.items() if name != "error"})
        if said.get("error"):
            self.refused.emit(str(said["error"]))

    def _hear_engine(self, state: Mapping[str, Any]) -> None:
        # The monitor is nearer to the wall: what the engine tells may be older.
        if not self._by_monitor:
            self._take(state.get("panic") or {})

    def _take(self, told: Mapping[str, Any]) -> None:
        state = {**told, "locked": self._locked}  # only the monitor tells, and it holds as long as the mirror runs
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)

    def _look(self, *_: object) -> None:
        self._by_monitor = self._by_monitor and self._stream.up
        reaches = self._stream.up or self._bridge.link is Link.CONNECTED
        if reaches is not self.reaches:
            self.reaches = reaches
            self.reach_changed.emit(reaches)
