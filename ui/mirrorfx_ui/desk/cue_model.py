"""The cue list as a table's model: what each cell shows, and what may be typed into it."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, Qt, pyqtSignal
from PyQt6.QtGui import QFont
from typing_extensions import override

from mirrorfx_ui.desk.signs import Sign, icon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PyQt6.QtCore import QObject

__all__ = ["Column", "CueModel", "seconds_text"]

_SECONDS_MOST = 24 * 3600.0


class Column(IntEnum):
    """What stands where."""

    PRESET = 0
    FADE = 1
    FOLLOW = 2
    SOUND = 3
    NOTE = 4


_NAMES = {Column.PRESET: "preset", Column.FADE: "fade_s", Column.FOLLOW: "follow_s", Column.SOUND: "sound"}
_NAMES[Column.NOTE] = "note"


def seconds_text(seconds: float | None) -> str:
    """Return ``4 s``, ``1:30``, or nothing for None."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:g} s"
    whole, rest = divmod(round(seconds), 60)
    return f"{whole}:{rest:02d}"


class CueModel(QAbstractTableModel):
    """Holds the cues as the protocol's state has them."""

    edited = pyqtSignal()
    """The operator has changed `cues`."""
    refused = pyqtSignal(str)
    """What was typed can't be; why."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.cues: list[dict[str, Any]] = []
        self.presets: list[str] = []
        self.at = -1

    def show(self, cues: Sequence[dict[str, Any]], at: int) -> None:
        """Show this list, of which the cue at index `at` was called last."""
        if list(cues) != self.cues:
            self.beginResetModel()
            self.cues, self.at = [dict(cue) for cue in cues], at
            self.endResetModel()
        elif at != self.at:
            self.at = at
            last = len(self.cues) - 1
            self.dataChanged.emit(self.index(0, 0), self.index(last, len(Column) - 1))
            self.headerDataChanged.emit(Qt.Orientation.Vertical, 0, last)

    def replace(self, cues: list[dict[str, Any]]) -> None:
        """Take the operator's list."""
        self.beginResetModel()
        self.cues = cues
        self.endResetModel()
        self.edited.emit()

    @override
    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.cues)

    @override
    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(Column)

    @override
    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    @override
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation is Qt.Orientation.Vertical:
            return f"▶ {section + 1}" if section == self.at else str(section + 1)
        tr = self.tr
        return (tr("Preset"), tr("Fade"), tr("Follow"), tr("Sound"), tr("Note"))[section]

    @override
    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        cue, column = self.cues[index.row()], Column(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._shown(cue, column)
            case Qt.ItemDataRole.EditRole:
                return self._typed(cue, column)
            case Qt.ItemDataRole.ToolTipRole:
                return self._hint(cue, column)
            case Qt.ItemDataRole.DecorationRole if column is Column.PRESET and cue.get("missing"):
                return icon(Sign.WARNING)
            case Qt.ItemDataRole.FontRole if index.row() == self.at:
                font = QFont()
                font.setBold(True)
                return font
            case Qt.ItemDataRole.AccessibleTextRole:
                text = f"{self.headerData(index.column(), Qt.Orientation.Horizontal)}: {self._shown(cue, column)}"
                return self.tr("%1, called last").replace("%1", text) if index.row() == self.at else text
        return None

    @override
    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole:
            return False
        cue, column = self.cues[index.row()], Column(index.column())
        try:
            new = self._understood(column, value)
        except ValueError as error:
            self.refused.emit(str(error))
            return False
        if cue[_NAMES[column]] == new:
            return False
        cue[_NAMES[column]] = new
        if column is Column.PRESET:
            cue["missing"] = new.casefold() not in {name.casefold() for name in self.presets}
        self.dataChanged.emit(index, index)
        self.edited.emit()
        return True

    def sounds(self) -> list[str]:
        """Return the words for what a cue does to the soundtrack: nothing, start it, stop it."""
        return [self.tr("goes on"), self.tr("starts"), self.tr("stops")]

    def _shown(self, cue: dict[str, Any], column: Column) -> str:
        match column:
            case Column.PRESET:
                missing = self.tr("missing: %1")
                return missing.replace("%1", cue["preset"]) if cue.get("missing") else str(cue["preset"])
            case Column.FADE:
                return seconds_text(cue["fade_s"]) or self.tr("own")
            case Column.FOLLOW:
                return seconds_text(cue["follow_s"]) or "–"
            case Column.SOUND:
                return "–" if cue["sound"] is None else self.sounds()[1 if cue["sound"] else 2]
        return str(cue["note"])

    def _typed(self, cue: dict[str, Any], column: Column) -> Any:
        value = cue[_NAMES[column]]
        if column in (Column.FADE, Column.FOLLOW):
            return "" if value is None else f"{value:g}"
        if column is Column.SOUND:
            return self.sounds()[{None: 0, True: 1, False: 2}[value]]
        return value

    def _understood(self, column: Column, value: Any) -> Any:
        text = str(value).strip()
        if column in (Column.FADE, Column.FOLLOW):
            return self._seconds(text)
        if column is Column.SOUND:
            return (None, True, False)[self.sounds().index(text)]
        if column is Column.PRESET and not text:
            raise ValueError(self.tr("A cue needs a preset."))
        return text

    def _seconds(self, text: str) -> float | None:
        bare = text.removesuffix("s").strip().replace(",", ".")
        if not bare or bare == "–":
            return None
        try:
            minutes, colon, seconds = bare.rpartition(":")
            value = float(seconds) + (60 * float(minutes) if colon else 0.0)
        except ValueError:
            value = -1.0
        if not 0 <= value <= _SECONDS_MOST:
            raise ValueError(self.tr("“%1” is no time. Type seconds, or 1:30, or nothing.").replace("%1", text))
        return value

    def _hint(self, cue: dict[str, Any], column: Column) -> str:
        match column:
            case Column.PRESET if cue.get("missing"):
                return self.tr("There is no such preset now: calling this cue changes nothing, and says so.")
            case Column.FADE:
                return self.tr("Seconds of the crossfade. Empty: the preset's own time.")
            case Column.FOLLOW:
                return self.tr("Seconds until the next cue follows by itself. Empty: it waits for GO.")
            case Column.SOUND:
                return self.tr("What the soundtrack does at this cue")
        return str(cue["note"])
