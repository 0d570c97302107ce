"""The tabs in the middle of the desk: one page in sight at a time, so that the window stays calm."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QScrollArea, QTabWidget, QVBoxLayout, QWidget

__all__ = ["Tabs", "page", "scrolling"]

_GAP_PX = 16


class Tabs(QTabWidget):
    """Pages by name, each scrolling by itself; Ctrl+Tab goes on to the next."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDocumentMode(True)
        bar = self.tabBar()
        assert bar is not None  # an empty bar is false
        bar.setAccessibleName(self.tr("Pages"))
        bar.setDrawBase(False)
        bar.setExpanding(False)
        bar.setCursor(Qt.CursorShape.PointingHandCursor)
        bar.setUsesScrollButtons(True)
        self.setFocusProxy(None)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # or Tab would come to the bar twice

    def add(self, name: str, *panels: QWidget) -> None:
        """Add a page with `panels` below each other."""
        self.addTab(page(*panels), name)


def page(*panels: QWidget) -> QScrollArea:
    """Return `panels` below each other, to be scrolled where there is no room for all."""
    inside = QWidget()
    inside.setObjectName("inside")
    column = QVBoxLayout(inside)
    column.setContentsMargins(0, 0, 6, 0)
    column.setSpacing(_GAP_PX)
    for panel in panels:
        column.addWidget(panel)
    column.addStretch()
    return scrolling(inside)


def scrolling(inside: QWidget) -> QScrollArea:
    """Return `inside`, to be scrolled up and down where there is no room for all; Tab brings its controls in sight."""
    area = QScrollArea()
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(inside)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area
