"""The grid of presets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QItemSelectionModel, QModelIndex, Qt, pyqtSignal
from PyQt6.QtWidgets import QFrame, QListView, QWidget
from typing_extensions import override

from mirrorfx_ui.desk.preset_card import PresetCard

if TYPE_CHECKING:
    from collections.abc import Callable

    from PyQt6.QtGui import QKeyEvent, QPixmap, QResizeEvent

    from mirrorfx_ui.desk.preset_list import PresetList, Row

__all__ = ["PresetGrid"]

_SCROLL_BAR_PX = 8


class PresetGrid(QListView):
    """Pictures with names, as many columns as fit, headings between them; arrow keys walk over it.

    What is selected and how far it is scrolled stays when the list changes.
    """

    chosen = pyqtSignal(str)
    """A click, or Enter: this one is to be next."""
    taken = pyqtSignal(str)
    """A double click: this one now."""

    def __init__(self, presets: PresetList, picture: Callable[[int], QPixmap | None], parent: QWidget) -> None:
        super().__init__(parent)
        self._presets = presets
        self._selected: str | None = None
        self._scrolled_px = 0
        self.setItemDelegate(PresetCard(picture, self._room_px, self))
        self.setModel(presets)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setAccessibleName(self.tr("Presets"))
        self.setAccessibleDescription(self.tr("Enter or a click makes the preset the next one; GO fades over to it"))
        self.clicked.connect(lambda index: self._tell(index, self.chosen))
        self.doubleClicked.connect(lambda index: self._tell(index, self.taken))
        presets.modelAboutToBeReset.connect(self._remember)
        presets.modelReset.connect(self._put_back)

    @property
    def selected(self) -> Row | None:
        """The preset that the keys and the menu mean."""
        indexes = self.selectedIndexes()
        return self._presets.row(indexes[0]) if indexes else None

    def select(self, name: str | None, *, scroll: bool = False) -> None:
        """Let the keys mean the preset called `name`."""
        index = self._presets.index_of(name)
        selection = self.selectionModel()
        if not index.isValid() or selection is None:
            self.clearSelection()
            return
        selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        if scroll:
            self.bring(name)

    def bring(self, name: str | None) -> None:
        """Scroll to the preset called `name` unless all of it is in sight."""
        index, viewport = self._presets.index_of(name), self.viewport()
        if index.isValid() and viewport and not viewport.rect().contains(self.visualRect(index)):
            self.scrollTo(index, QListView.ScrollHint.PositionAtCenter)

    @override
    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        row = self.selected
        if event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and row:
            self.chosen.emit(row.text)
            return
        super().keyPressEvent(event)

    @override
    def resizeEvent(self, e: QResizeEvent | None) -> None:
        super().resizeEvent(e)
        self.scheduleDelayedItemsLayout()  # a heading is as wide as the grid

    def _room_px(self) -> int:
        """Return the width beside the scroll bar, there or not: it must not decide whether it is needed."""
        return self.contentsRect().width() - _SCROLL_BAR_PX - 1

    def _tell(self, index: QModelIndex, signal: object) -> None:
        row = self._presets.row(index)
        if row and not row.heading:
            signal.emit(row.text)  # type: ignore[attr-defined]

    def _remember(self) -> None:
        row, bar = self.selected, self.verticalScrollBar()
        self._selected = row.text if row else self._selected
        self._scrolled_px = bar.value() if bar else 0

    def _put_back(self) -> None:
        self.select(self._selected)
        self.executeDelayedItemsLayout()
        bar = self.verticalScrollBar()
        if bar:
            bar.setValue(min(self._scrolled_px, bar.maximum()))
