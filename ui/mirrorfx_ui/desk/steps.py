"""Undo and redo at the desk: what the operator did here, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QObject, pyqtSignal

from mirrorfx_ui.desk.bridge import Link
from mirrorfx_ui.desk.edits import PRESET
from mirrorfx_ui.desk.history import History

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.control.protocol import Reply
    from mirrorfx_ui.desk.bridge import Bridge
    from mirrorfx_ui.desk.edits import Edits, Taken

__all__ = ["Steps"]

_FADE_S = 0.3


class Steps(QObject):
    """Records what this desk's requests have changed, and takes it back: params, camera, wall and sound.

    What others change is never recorded, and left alone where it came after a step. So is what is locked. A deleted
    preset can be taken back as long as nothing was edited after it.
    """

    changed = pyqtSignal()
    """There is something else to undo or redo."""

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._history = History()
        self._followed: dict[str, Edits] = {}
        self._deleted: tuple[str, str] | None = None
        self._locked: frozenset[str] = frozenset()
        self._labels: dict[str, str] = {}
        self._ended = False
        self._next: list[Callable[[], None]] = []
        bridge.done.connect(self._done)
        bridge.link_changed.connect(self.changed)
        bridge.state_changed.connect(self._take)

    def follow(self, edits: Edits, where: str = "", labels: Mapping[str, str] | None = None) -> None:
        """Record these edits, too.

        Args:
            edits: the operator's.
            where: stands before their names, which others have, too: ``camera/``; "" for the params.
            labels: what they are called, by name; the params' are in the state.
        """
        self._followed[where] = edits
        self._labels |= {where + name: label for name, label in (labels or {}).items()}
        edits.taken.connect(lambda taken: self._taken(where, taken))
        edits.put_back_refused.connect(lambda names: self._history.refused({where + name for name in names}))
        edits.settled.connect(self._settled)
        edits.heard.connect(self.changed)

    @property
    def undo_label(self) -> str | None:
        """What `undo` takes back; None when there is nothing, or nobody who could."""
        if not self._is_heard:
            return None
        if self._deleted:
            return self.tr("Delete %1").replace("%1", self._deleted[0])
        return self._history.undo_label(self._open_values)

    @property
    def redo_label(self) -> str | None:
        """What `redo` does again; as `undo_label`."""
        if not self._is_heard:
            return None
        return self._history.redo_label(self._open_values)

    def undo(self) -> None:
        """Take the last step back, once the engine has answered to it."""
        self._next.append(self._undo)
        self._go_on()

    def redo(self) -> None:
        """Do again what was undone last."""
        self._next.append(self._redo)
        self._go_on()

    @property
    def _is_heard(self) -> bool:
        """Whether there is an engine; without one a step that is taken back would be lost."""
        return self._bridge.link in (Link.CONNECTED, Link.SILENT)

    def _go_on(self) -> None:
        if not self._is_heard:
            self._next.clear()
        while self._next and not any(edits.has_more_to_tell for edits in self._followed.values()):
            self._next.pop(0)()

    def _undo(self) -> None:
        if self._deleted:
            self._bridge.ask("undelete", undo=self._deleted[1])
            self._deleted = None
            self.changed.emit()
            return
        self._put_back(self._history.undo(self._open_values))

    def _redo(self) -> None:
        self._put_back(self._history.redo(self._open_values))

    def end_gesture(self) -> None:
        """The hand has let go."""
        self._ended = True
        self._settled()

    def forget(self, where: str) -> None:
        """Let go of the steps at one place: what they were made on is another now."""
        self._history.forget(lambda key: _where(key) == where)
        self.changed.emit()

    @property
    def _open_values(self) -> dict[str, Any]:
        """All values as they will be, but for those that are locked."""
        values = {where + name: v for where, edits in self._followed.items() for name, v in edits.values.items()}
        return {name: value for name, value in values.items() if name not in self._locked}

    def _put_back(self, changes: dict[str, Any]) -> None:
        for where, edits in self._followed.items():
            own = {key.removeprefix(where): value for key, value in changes.items() if _where(key) == where}
            if own:
                edits.put_back(own, _FADE_S)
        self.changed.emit()

    def _take(self, state: Mapping[str, Any]) -> None:
        self._locked = frozenset(state.get("locked", ()))
        self._labels |= {param["name"]: str(param["label"]) for param in state["params"]}
        self.changed.emit()

    def _taken(self, where: str, edits: list[Taken]) -> None:
        self._deleted = None
        for edit in edits:
            name = where + edit.name
            gesture = edit.gesture and where + edit.gesture
            label = self._labels.get(name, edit.name)
            self._history.record(label, {name: edit.before}, {name: edit.after}, gesture=gesture)
        self.changed.emit()

    def _settled(self) -> None:
        """A drag that came back to where it began is no step; that shows once its last edit is answered."""
        if not any(edits.busy for edits in self._followed.values()):
            self._history.settled()
            if self._ended:
                self._ended = False
                self._history.end_gesture()
            self.changed.emit()
        self._go_on()

    def _done(self, do: str, reply: Reply) -> None:
        """Record what another request of this desk has changed: a preset was taken, a session was gone on with."""
        if do in ("delete", "undelete"):
            token = str(reply.result.get("undo", ""))
            self._deleted = (str(reply.result["name"]), token) if token else None
            self.changed.emit()
            return
        changed = reply.result.get("changed")
        if do == "set" or not changed:
            return
        pairs = dict(changed.get("params", {}))
        if PRESET in changed:
            pairs[PRESET] = changed[PRESET]
        name = str(reply.result.get("name") or "")
        label = self.tr("Preset %1").replace("%1", name) if name else self.tr("Change")
        before, after = ({key: pair[side] for key, pair in pairs.items()} for side in (0, 1))
        if changed.get("params"):
            self._deleted = None
            self._history.record(label, before, after)
            self.changed.emit()


def _where(key: str) -> str:
    place, slash, _ = key.rpartition("/")
    return place + slash
