"""A combo box with an arrow that the desk's colours fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QPoint
from PyQt6.QtGui import QPainter
from PyQt6.QtWidgets import QComboBox
from typing_extensions import override

from mirrorfx_ui.desk.signs import Sign, pixmap

if TYPE_CHECKING:
    from PyQt6.QtGui import QPaintEvent

__all__ = ["Chooser"]

_RIGHT_PX, _SIGN_PX = 30, 16


class Chooser(QComboBox):
    """One of several."""

    @override
    def paintEvent(self, e: QPaintEvent | None) -> None:
        super().paintEvent(e)
        painter = QPainter(self)
        painter.drawPixmap(QPoint(self.width() - _RIGHT_PX, (self.height() - _SIGN_PX) // 2), pixmap(Sign.OPEN))
        painter.end()
