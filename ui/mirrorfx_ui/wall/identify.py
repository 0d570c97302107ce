"""Each screen's name and number, large, for three seconds: to see which is which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QRect, QRectF, Qt, QTimer
from PyQt6.QtGui import QColor, QGuiApplication, QPainter
from PyQt6.QtWidgets import QWidget
from typing_extensions import override

if TYPE_CHECKING:
    from PyQt6.QtGui import QPaintEvent, QScreen

__all__ = ["Identify"]

_SHOWN_MS = 3000


class Identify(QObject):
    """Shows a card on every screen; asked again meanwhile, it begins anew."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.cards: list[_Card] = []
        self._end = QTimer(self)
        self._end.setSingleShot(True)
        self._end.setInterval(_SHOWN_MS)
        self._end.timeout.connect(self.hide)

    def show(self) -> None:
        """Show the cards."""
        self.hide()
        self.cards = [_Card(number, screen) for number, screen in enumerate(QGuiApplication.screens(), 1)]
        for card in self.cards:
            card.show()
        self._end.start()

    def hide(self) -> None:
        """Take them away. Safe to call twice."""
        self._end.stop()
        for card in self.cards:
            card.close()
            card.deleteLater()
        self.cards = []


class _Card(QWidget):
    def __init__(self, number: int, screen: QScreen) -> None:
        flags = Qt.WindowType.ToolTip | Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint
        super().__init__(None, flags | Qt.WindowType.WindowDoesNotAcceptFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._number = number
        self.name = screen.name()
        self.setAccessibleName(f"{number}: {self.name}")
        room = screen.geometry()
        self.setGeometry(QRect(0, 0, room.width() // 2, room.height() // 2))
        place = self.geometry()
        place.moveCenter(room.center())
        self.setGeometry(place)

    @override
    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#101215"))
        painter.setPen(QColor("#efb366"))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        height, width = self.height(), self.width()
        font = painter.font()
        font.setPixelSize(max(height * 3 // 5, 12))
        painter.setFont(font)
        painter.setPen(QColor("#eceef1"))
        painter.drawText(QRectF(0, 0, width, height * 0.72), Qt.AlignmentFlag.AlignCenter, str(self._number))
        font.setPixelSize(max(min(height // 8, width // max(len(self.name), 1)), 10))
        painter.setFont(font)
        painter.drawText(QRectF(0, height * 0.7, width, height * 0.25), Qt.AlignmentFlag.AlignCenter, self.name)
        painter.end()
