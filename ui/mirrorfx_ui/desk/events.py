"""What happened while the desk looked on: notices, presets, effects, cues, panic keys and the connection."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QDateTime, QObject, Qt, pyqtSignal

from mirrorfx_ui.desk.bridge import Link

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx_ui.desk.bridge import Bridge
    from mirrorfx_ui.desk.frames import Frames

__all__ = ["Event", "EventLog"]

_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        t_s: when, by the engine's monotonic clock.
        time: when, as the clock on the wall says, ISO 8601.
        kind: ``notice``, ``preset``, ``effect``, ``cue``, ``panic`` or ``link``.
        level: ``info``, ``warning`` or ``error``.
        text: what to read.
    """

    t_s: float
    time: str
    kind: str
    level: str
    text: str


class EventLog(QObject):
    """Keeps the last thousand events."""

    added = pyqtSignal(object)
    """Event."""

    def __init__(self, bridge: Bridge, frames: Frames, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.events: deque[Event] = deque(maxlen=_KEPT)
        self._frames = frames
        self._state: dict[str, Any] | None = None
        self._link = bridge.link
        bridge.noticed.connect(lambda level, text: self.add("notice", level, text))
        bridge.state_changed.connect(self._compare)
        bridge.link_changed.connect(self._on_link)

    def add(self, kind: str, level: str, text: str) -> None:
        """Note that something happened just now."""
        time = QDateTime.currentDateTime().toString(Qt.DateFormat.ISODateWithMs)
        event = Event(round(self._frames.now_s, 3), time, kind, level, text)
        self.events.append(event)
        self.added.emit(event)

    def _compare(self, state: Mapping[str, Any]) -> None:
        """Tell what is another than in the state before."""
        new = {
            "effect": state.get("effect"),
            "preset": state.get("preset"),
            "cue": (state.get("list") or {}).get("at", -1),
            "panic": (state.get("panic") or {}).get("seen"),
        }
        before, self._state = self._state, new
        if before is None:
            return
        for kind, now in new.items():
            if now != before[kind]:
                level = "warning" if kind == "panic" and now else "info"
                self.add(kind, level, self._words(kind, now))

    def _words(self, kind: str, now: Any) -> str:
        if kind == "effect":
            return self.tr("Effect %1").replace("%1", str(now))
        if kind == "preset":
            return self.tr("Preset %1").replace("%1", str(now)) if now else self.tr("No preset")
        if kind == "cue":
            return self.tr("Cue %1").replace("%1", str(now + 1)) if now >= 0 else self.tr("No cue")
        return str(now).upper() if now else self.tr("Back to the picture")

    def _on_link(self, link: Link) -> None:
        before, self._link = self._link, link
        if link is Link.LOST:
            self.add("link", "warning", self.tr("The connection to the engine is lost"))
        elif link is Link.SILENT:
            self.add("link", "warning", self.tr("The engine does not answer"))
        elif link is Link.CONNECTED and before in (Link.LOST, Link.SILENT):
            self.add("link", "info", self.tr("Connected to the engine again"))
