"""A large button whose text may be longer than it is wide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtWidgets import QPushButton, QStyle, QStyleOptionButton, QStylePainter
from typing_extensions import override

if TYPE_CHECKING:
    from PyQt6.QtGui import QPaintEvent

__all__ = ["WideButton"]

_LEAST_PX = 120
_PADDING_PX = 12


class WideButton(QPushButton):
    """Cuts its text at the end; pointed at, it shows all of it."""

    @property
    def shown_text(self) -> str:
        """As much of the text as fits."""
        room = self.width() - 2 * _PADDING_PX
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room)

    @override
    def sizeHint(self) -> QSize:
        return QSize(_LEAST_PX, super().sizeHint().height())

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionButton()
        self.initStyleOption(option)
        option.text = self.shown_text
        painter.drawControl(QStyle.ControlElement.CE_PushButton, option)
        painter.end()
