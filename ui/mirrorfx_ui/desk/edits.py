"""Edits of params on their way to the engine: the newest wins, and they never pile up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

if TYPE_CHECKING:
    from mirrorfx.control.protocol import Reply
    from mirrorfx_ui.desk.bridge import Bridge

__all__ = ["ParamEdits"]

_SHORTEST_MS = 33


class ParamEdits(QObject):
    """Sends at most 30 edits a second, each when the one before was answered: a slow engine gets fewer, not a queue."""

    settled = pyqtSignal(object)
    """frozenset: an edit was answered; these of its params were refused."""

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._waiting: dict[str, tuple[object, float]] = {}
        self._sent: frozenset[str] = frozenset()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_SHORTEST_MS)
        self._pause.timeout.connect(self._send)

    def edit(self, name: str, value: object, fade_s: float) -> None:
        """Set a param, fading over `fade_s` seconds."""
        self._waiting[name] = (value, fade_s)
        self._send()

    def is_on_its_way(self, name: str) -> bool:
        """Say whether the engine has yet to answer to an edit of `name`."""
        return name in self._waiting or name in self._sent

    def _send(self) -> None:
        if not self._waiting or self._sent or self._pause.isActive():
            return
        fade_s = next(iter(self._waiting.values()))[1]
        changes = {name: value for name, (value, fade) in self._waiting.items() if fade == fade_s}
        for name in changes:
            del self._waiting[name]
        self._sent = frozenset(changes)
        self._pause.start()
        self._bridge.ask("set", self._answered, params=changes, fade_s=fade_s)

    def _answered(self, reply: Reply) -> None:
        answered, self._sent = self._sent, frozenset()
        self._send()
        # A newer edit of the same param is on its way: the answer to the old one matters to nobody.
        refused = frozenset() if reply.ok else frozenset(n for n in answered if not self.is_on_its_way(n))
        self.settled.emit(refused)
