"""The table of cues: edited in place, put in order by dragging the numbers or with Alt and the arrows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QModelIndex, QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)
from typing_extensions import override

from mirrorfx_ui.desk.cue_model import Column, CueModel

if TYPE_CHECKING:
    from PyQt6.QtCore import QAbstractItemModel
    from PyQt6.QtGui import QKeyEvent, QResizeEvent

__all__ = ["CueTable"]

_ROW_PX = 34
_HEAD_PX = 42
_WIDTHS = {Column.FADE: 52, Column.FOLLOW: 58, Column.SOUND: 62}
_PRESET_SHARE = 0.58
"""Of what the narrow columns leave; the note has the rest."""


class CueTable(QTableView):
    """Shows a `CueModel`."""

    moved = pyqtSignal(int, int)
    """(from, to): the operator wants the cue of one row at another's place."""
    remove_pressed = pyqtSignal()
    jump_asked = pyqtSignal(int)
    """A row's number was double-clicked."""

    def __init__(self, model: CueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self._chooser = _ChoiceDelegate(model, self)
        for column in (Column.PRESET, Column.SOUND):
            self.setItemDelegateForColumn(column, self._chooser)
        self.setAccessibleName(self.tr("Cues"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        # Not by any key: digits call presets everywhere on the desk.
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)  # Tab leaves it; arrows walk in it
        self.setWordWrap(False)
        self._lay_out_headers()

    @property
    def row(self) -> int:
        """The chosen row; -1 when there is none."""
        return self.currentIndex().row()

    def choose(self, row: int) -> None:
        """Choose a row."""
        model = self.model()
        assert model
        if 0 <= row < model.rowCount():
            self.setCurrentIndex(model.index(row, Column.PRESET))

    @property
    def editing(self) -> bool:
        """Whether somebody is typing into a cell, or dragging a row."""
        return self.state() != QAbstractItemView.State.NoState

    @override
    def keyPressEvent(self, e: QKeyEvent | None) -> None:
        if e is None:
            return
        key, alt = e.key(), bool(e.modifiers() & Qt.KeyboardModifier.AltModifier)
        if alt and key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            step = -1 if key == Qt.Key.Key_Up else 1
            self.moved.emit(self.row, self.row + step)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove_pressed.emit()
        elif key == Qt.Key.Key_Space:
            e.ignore()  # GO is the desk's, wherever the focus is
        else:
            super().keyPressEvent(e)

    @override
    def resizeEvent(self, e: QResizeEvent | None) -> None:
        super().resizeEvent(e)
        viewport = self.viewport()
        assert viewport
        rest = viewport.width() - sum(_WIDTHS.values())
        self.setColumnWidth(Column.PRESET, round(_PRESET_SHARE * rest))

    def _lay_out_headers(self) -> None:
        across, down = self.horizontalHeader(), self.verticalHeader()
        assert across is not None
        assert down is not None  # an empty header is false
        for column, width in _WIDTHS.items():
            self.setColumnWidth(column, width)
        across.setStretchLastSection(True)
        across.setHighlightSections(False)
        across.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        down.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        down.setDefaultSectionSize(_ROW_PX)
        down.setMinimumWidth(_HEAD_PX)
        down.setSectionsMovable(True)
        down.setHighlightSections(False)
        down.setToolTip(self.tr("Drag to put the cues in another order; double-click to call this one now"))
        down.setAccessibleName(self.tr("Cue numbers: drag to put in another order"))
        down.sectionMoved.connect(self._dragged)
        down.sectionDoubleClicked.connect(self.jump_asked)

    def _dragged(self, _logical: int, old: int, new: int) -> None:
        """Undo what the header did by itself: the order belongs to the model."""
        down = self.verticalHeader()
        assert down is not None  # an empty header is false
        with QSignalBlocker(down):
            down.moveSection(new, old)
        self.moved.emit(old, new)


class _ChoiceDelegate(QStyledItemDelegate):
    """Lets a preset be chosen, or what happens to the sound."""

    def __init__(self, cues: CueModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._cues = cues

    @override
    def createEditor(self, parent: QWidget | None, option: QStyleOptionViewItem, index: QModelIndex) -> QComboBox:
        box = QComboBox(parent)
        column = Column(index.column())
        box.addItems(self._cues.presets if column is Column.PRESET else self._cues.sounds())
        box.setAccessibleName(self.tr("Preset") if column is Column.PRESET else self.tr("Sound"))
        box.activated.connect(lambda _index: self._close(box))
        return box

    @override
    def setEditorData(self, editor: QWidget | None, index: QModelIndex) -> None:
        if isinstance(editor, QComboBox):
            editor.setCurrentText(str(index.data(Qt.ItemDataRole.EditRole)))

    @override
    def setModelData(self, editor: QWidget | None, model: QAbstractItemModel | None, index: QModelIndex) -> None:
        if isinstance(editor, QComboBox) and model:
            value: Any = editor.currentText()
            model.setData(index, value)

    def _close(self, box: QComboBox) -> None:
        self.commitData.emit(box)
        self.closeEditor.emit(box)
