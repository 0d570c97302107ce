"""Undo and redo at the desk: what the operator did here, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QObject, pyqtSignal

from mirrorfx_ui.desk.history import History

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx.control.protocol import Reply
    from mirrorfx_ui.desk.bridge import Bridge
    from mirrorfx_ui.desk.edits import ParamEdits, Taken

__all__ = ["Steps"]

_FADE_S = 0.3
_PRESET = "preset"
"""Stands among the values for the preset in force; no param is called so, since the protocol has it beside them."""


class Steps(QObject):
    """Records what this desk's requests have changed, by the engine's own word, and takes it back.

    What others change is never recorded, and left alone where it came after a step. So is what is locked. A deleted
    preset can be taken back as long as nothing was edited after it.
    """

    changed = pyqtSignal()
    """There is something else to undo or redo."""

    def __init__(self, bridge: Bridge, edits: ParamEdits, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._history = History()
        self._edits = edits
        self._deleted: tuple[str, str] | None = None
        self._values: dict[str, Any] = {}
        self._locked: frozenset[str] = frozenset()
        self._labels: dict[str, str] = {}
        self._ended = False
        edits.taken.connect(self._taken)
        edits.settled.connect(self._settled)
        bridge.done.connect(self._done)
        bridge.state_changed.connect(self._take)

    @property
    def undo_label(self) -> str | None:
        """What `undo` takes back; None when there is nothing."""
        if self._deleted:
            return self.tr("Delete %1").replace("%1", self._deleted[0])
        return self._history.undo_label(self._open_values)

    @property
    def redo_label(self) -> str | None:
        """What `redo` does again; None when there is nothing."""
        return self._history.redo_label(self._open_values)

    def undo(self) -> None:
        """Take the last step back."""
        if self._deleted:
            self._bridge.ask("undelete", undo=self._deleted[1])
            self._deleted = None
            self.changed.emit()
            return
        self._put_back(self._history.undo(self._open_values))

    def redo(self) -> None:
        """Do again what was undone last."""
        self._put_back(self._history.redo(self._open_values))

    @property
    def _open_values(self) -> dict[str, Any]:
        """All values as they will be, but for those that are locked."""
        values = self._values | self._edits.on_their_way
        return {name: value for name, value in values.items() if name not in self._locked}

    def end_gesture(self) -> None:
        """The hand has let go."""
        self._ended = True
        self._settled()

    def _put_back(self, changes: dict[str, Any]) -> None:
        preset = {_PRESET: changes.pop(_PRESET)} if _PRESET in changes else {}
        if changes or preset:
            self._edits.put_back(changes, preset, _FADE_S)
        self.changed.emit()

    def _take(self, state: Mapping[str, Any]) -> None:
        self._values = dict(state["values"]) | {_PRESET: state["preset"]}
        self._locked = frozenset(state.get("locked", ()))
        self._labels = {param["name"]: str(param["label"]) for param in state["params"]}
        self.changed.emit()

    def _taken(self, edits: list[Taken]) -> None:
        self._deleted = None
        for edit in edits:
            label = self._labels.get(edit.name, edit.name)
            self._history.record(label, {edit.name: edit.before}, {edit.name: edit.after}, gesture=edit.gesture)
        self.changed.emit()

    def _settled(self) -> None:
        """A drag that came back to where it began is no step; that shows once its last edit is answered."""
        if self._ended and not self._edits.busy:
            self._ended = False
            self._history.end_gesture()
            self.changed.emit()

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
        if _PRESET in changed:
            pairs[_PRESET] = changed[_PRESET]
        name = str(reply.result.get("name") or "")
        label = self.tr("Preset %1").replace("%1", name) if name else self.tr("Change")
        before, after = ({key: pair[side] for key, pair in pairs.items()} for side in (0, 1))
        if changed.get("params"):
            self._deleted = None
            self._history.record(label, before, after)
            self.changed.emit()
