"""Edits on their way to the engine: the newest wins, and they never pile up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QObject, QTimer, pyqtSignal
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.control.protocol import Reply
    from mirrorfx_ui.desk.bridge import Bridge

    Reads = Callable[[Mapping[str, Any]], Mapping[str, Any]]
    """Returns from the protocol's ``state`` the values of what is edited, by name."""

__all__ = ["PRESET", "Edits", "ParamEdits", "Taken"]

PRESET = "preset"
"""Stands among the params' values for the preset in force; no param is called so: the protocol has it beside them."""

_SHORTEST_MS = 33
_ECHO_MS = 1000
"""How long an edit that was taken may take until the state tells it: the wall does it, and tells the engine then."""


@dataclass(frozen=True, slots=True)
class _Edit:
    value: object
    fade_s: float
    gesture: str | None


@dataclass(frozen=True, slots=True)
class Taken:
    """An edit that the engine has taken.

    Attributes:
        name: of what was edited.
        before: its value until then.
        after: its value since.
        gesture: which movement of the hand it belongs to; "" is a step of its own.
    """

    name: str
    before: object
    after: object
    gesture: str


class Edits(QObject):
    """Sends at most 30 edits a second, each when the one before was answered: a slow engine gets fewer, not a queue.

    Args:
        bridge: to the engine.
        parent: owns it.
        do: the request; it takes values by name.
        reads: where the state has these values.
    """

    settled = pyqtSignal(object)
    """frozenset: an edit was answered; these of its names were refused."""
    put_back_refused = pyqtSignal(object)
    """frozenset: names that `put_back` could not set."""
    taken = pyqtSignal(object)
    """list[Taken]: the operator's edits that changed something; not those of `put_back`."""
    heard = pyqtSignal()
    """`values` may be others than before."""

    def __init__(self, bridge: Bridge, parent: QObject | None, do: str, reads: Reads) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._do = do
        self._reads = reads
        self._told: dict[str, Any] = {}
        self._waiting: dict[str, _Edit] = {}
        self._sent: dict[str, _Edit] = {}
        self._before: dict[str, Any] = {}
        self._untold: dict[str, Any] = {}
        self._pause = _timer(self, _SHORTEST_MS, self._send)
        self._echo = _timer(self, _ECHO_MS, self._forget)
        bridge.state_changed.connect(self._hear)

    def edit(self, name: str, value: object, fade_s: float = 0.0, gesture: str = "") -> None:
        """Set something, fading over `fade_s` seconds where it can."""
        self._waiting[name] = _Edit(value, fade_s, gesture)
        self._send()

    def put_back(self, values: Mapping[str, object], fade_s: float = 0.0) -> None:
        """Set something without a record of it."""
        self._waiting |= {name: _Edit(value, fade_s, None) for name, value in values.items()}
        self._send()

    def is_on_its_way(self, name: str) -> bool:
        """Say whether an edit of `name` has yet to be answered, or to be told by the state."""
        return name in self._waiting or name in self._sent or name in self._untold

    @property
    def busy(self) -> bool:
        """Whether anything waits for an answer."""
        return bool(self._waiting or self._sent)

    @property
    def has_more_to_tell(self) -> bool:
        """Whether an edit of the operator's is not answered yet: `taken` may tell of it."""
        return any(edit.gesture is not None for edit in (*self._sent.values(), *self._waiting.values()))

    @property
    def values(self) -> dict[str, Any]:
        """All values as they will be, once what is on its way has arrived."""
        under_way = {name: edit.value for name, edit in (self._sent | self._waiting).items()}
        return self._told | self._untold | under_way

    def _hear(self, state: Mapping[str, Any]) -> None:
        self._told = dict(self._reads(state))
        self._untold = {name: value for name, value in self._untold.items() if self._told.get(name) != value}
        self.heard.emit()

    def _forget(self) -> None:
        """What the state has not told by now did not come to be."""
        self._untold = {}
        self.settled.emit(frozenset())
        self.heard.emit()

    def _send(self) -> None:
        if not self._waiting or self._sent or self._pause.isActive():
            return
        self._sent, self._waiting = self._waiting, {}
        self._before = self._told | self._untold
        self._pause.start()
        self._bridge.ask(self._do, self._answered, **{name: edit.value for name, edit in self._sent.items()})

    def _answered(self, reply: Reply) -> None:
        answered, self._sent = self._sent, {}
        changed = self._changed(answered, reply) if reply.ok else {}
        taken = [
            Taken(name, *changed[name], edit.gesture)
            for name, edit in answered.items()
            if edit.gesture is not None and name in changed
        ]
        if taken:
            self.taken.emit(taken)
        self._send()
        if not reply.ok:
            self.put_back_refused.emit(frozenset(self._put_back_of(answered)))
        # A newer edit of the same name is on its way: the answer to the old one matters to nobody.
        refused = frozenset() if reply.ok else frozenset(n for n in answered if not self.is_on_its_way(n))
        self.settled.emit(refused)

    def _put_back_of(self, answered: Mapping[str, _Edit]) -> set[str]:
        """Return the names in a request that were put back."""
        return {name for name, edit in answered.items() if edit.gesture is None}

    def _changed(self, answered: Mapping[str, _Edit], _reply: Reply) -> dict[str, tuple[Any, Any]]:
        """Return what a request has changed: pairs of before and after."""
        after = {name: edit.value for name, edit in answered.items()}
        self._untold |= {name: value for name, value in after.items() if self._told.get(name) != value}
        if self._untold:
            self._echo.start()
        return {name: (self._before.get(name), value) for name, value in after.items()}


class ParamEdits(Edits):
    """Edits of the effect's params, which fade, and which preset they are the values of."""

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(bridge, parent, "set", lambda state: state["values"] | {PRESET: state["preset"]})
        self._preset: dict[str, Any] = {}
        self._sent_preset: dict[str, Any] = {}
        self._answered_preset: dict[str, Any] = {}

    @property
    @override
    def busy(self) -> bool:
        return super().busy or bool(self._preset or self._sent_preset)

    @property
    @override
    def values(self) -> dict[str, Any]:
        return super().values | self._sent_preset | self._preset

    @override
    def put_back(self, values: Mapping[str, object], fade_s: float = 0.0) -> None:
        self._preset |= {name: value for name, value in values.items() if name == PRESET}
        super().put_back({name: value for name, value in values.items() if name != PRESET}, fade_s)

    @override
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
        self._bridge.ask("set", self._answered, params=changes, fade_s=fade_s, **self._sent_preset)

    @override
    def _answered(self, reply: Reply) -> None:
        self._answered_preset, self._sent_preset = self._sent_preset, {}
        super()._answered(reply)

    @override
    def _put_back_of(self, answered: Mapping[str, _Edit]) -> set[str]:
        return super()._put_back_of(answered) | set(self._answered_preset)

    @override
    def _changed(self, answered: Mapping[str, _Edit], reply: Reply) -> dict[str, tuple[Any, Any]]:
        """Take the engine's own word: a fade, or another client, may have been in between."""
        told = reply.result.get("changed", {}).get("params", {})
        return {name: (before, after) for name, (before, after) in told.items()}


def _timer(parent: QObject, interval_ms: int, do: Callable[[], None]) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(interval_ms)
    timer.timeout.connect(do)
    return timer
