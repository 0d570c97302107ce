"""A list to choose one from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QPoint
from PyQt6.QtGui import QPainter
from PyQt6.QtWidgets import QComboBox, QSizePolicy, QWidget
from typing_extensions import override

from mirrorfx_ui.desk.signs import Sign, pixmap
from mirrorfx_ui.desk.wheel import wheel_when_focused

if TYPE_CHECKING:
    from PyQt6.QtGui import QPaintEvent

__all__ = ["Chooser"]


class Chooser(QComboBox):
    """A combo box with an arrow that the sheet's colours fit, and as narrow as there is room for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumContentsLength(6)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        wheel_when_focused(self)

    @property
    def is_open(self) -> bool:
        """Whether somebody is choosing."""
        view = self.view()
        return view is not None and view.isVisible()

    @override
    def paintEvent(self, e: QPaintEvent | None) -> None:
        super().paintEvent(e)
        painter = QPainter(self)
        painter.drawPixmap(QPoint(self.width() - 30, (self.height() - 16) // 2), pixmap(Sign.OPEN))
        painter.end()
