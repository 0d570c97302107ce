"""Edits of params on their way to the engine: the newest wins, and they never pile up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx.control.protocol import Reply
    from mirrorfx_ui.desk.bridge import Bridge

__all__ = ["ParamEdits", "Taken"]

_SHORTEST_MS = 33


@dataclass(frozen=True, slots=True)
class _Edit:
    value: object
    fade_s: float
    gesture: str | None


@dataclass(frozen=True, slots=True)
class Taken:
    """An edit that the engine has taken.

    Attributes:
        name: the param's.
        before: its value until then, as the engine says.
        after: its value since.
        gesture: which movement of the hand it belongs to; "" is a step of its own.
    """

    name: str
    before: object
    after: object
    gesture: str


class ParamEdits(QObject):
    """Sends at most 30 edits a second, each when the one before was answered: a slow engine gets fewer, not a queue.

    Args:
        bridge: to the engine.
        parent: owns it.
        do: the request; ``set`` takes the effect's params with a fade, others take their values as they are.
    """

    settled = pyqtSignal(object)
    """frozenset: an edit was answered; these of its params were refused."""
    taken = pyqtSignal(object)
    """list[Taken]: the operator's edits that changed something; not those of `put_back`."""

    def __init__(self, bridge: Bridge, parent: QObject | None = None, do: str = "set") -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._do = do
        self._waiting: dict[str, _Edit] = {}
        self._sent: dict[str, _Edit] = {}
        self._preset: dict[str, str | None] = {}
        self._sent_preset: dict[str, str | None] = {}
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_SHORTEST_MS)
        self._pause.timeout.connect(self._send)

    def edit(self, name: str, value: object, fade_s: float, gesture: str = "") -> None:
        """Set a param, fading over `fade_s` seconds."""
        self._waiting[name] = _Edit(value, fade_s, gesture)
        self._send()

    def put_back(self, values: Mapping[str, object], preset: dict[str, str | None], fade_s: float) -> None:
        """Set params without a record of it.

        Args:
            values: by name.
            preset: ``{"preset": name}`` says which preset these are the values of; empty leaves that as it is.
            fade_s: how long the way there takes.
        """
        self._waiting |= {name: _Edit(value, fade_s, None) for name, value in values.items()}
        self._preset |= preset
        self._send()

    def is_on_its_way(self, name: str) -> bool:
        """Say whether the engine has yet to answer to an edit of `name`."""
        return name in self._waiting or name in self._sent

    @property
    def busy(self) -> bool:
        """Whether anything waits for an answer."""
        return bool(self._waiting or self._sent or self._preset or self._sent_preset)

    @property
    def on_their_way(self) -> dict[str, Any]:
        """What will be set once all is answered, by name; with ``preset`` where that was put back, too."""
        under_way = self._sent | self._waiting
        return {name: edit.value for name, edit in under_way.items()} | self._sent_preset | self._preset

    def _send(self) -> None:
        if not (self._waiting or self._preset) or self._sent or self._sent_preset or self._pause.isActive():
            return
        fade_s = next((edit.fade_s for edit in self._waiting.values()), 0.0)
        self._sent = {name: edit for name, edit in self._waiting.items() if edit.fade_s == fade_s}
        for name in self._sent:
            del self._waiting[name]
        self._sent_preset, self._preset = self._preset, {}
        self._pause.start()
        changes = {name: edit.value for name, edit in self._sent.items()}
        if self._do == "set":
            self._bridge.ask("set", self._answered, params=changes, fade_s=fade_s, **self._sent_preset)
        else:
            self._bridge.ask(self._do, self._answered, **changes)

    def _answered(self, reply: Reply) -> None:
        answered, self._sent, self._sent_preset = self._sent, {}, {}
        self._tell(answered, reply)
        self._send()
        # A newer edit of the same param is on its way: the answer to the old one matters to nobody.
        refused = frozenset() if reply.ok else frozenset(n for n in answered if not self.is_on_its_way(n))
        self.settled.emit(refused)

    def _tell(self, answered: dict[str, _Edit], reply: Reply) -> None:
        changed = reply.result.get("changed", {}).get("params", {})
        taken = [
            Taken(name, changed[name][0], changed[name][1], edit.gesture)
            for name, edit in answered.items()
            if edit.gesture is not None and name in changed
        ]
        if taken:
            self.taken.emit(taken)
