"""A thin line of the last minute's beat."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from PyQt6.QtCore import QPointF, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import QWidget
from typing_extensions import override

from mirrorfx_ui.desk import theme

if TYPE_CHECKING:
    from PyQt6.QtGui import QPaintEvent

__all__ = ["Sparkline"]

_POINTS = 300
_HEIGHT_PX = 48
_LEAST_TOP = 30.0


class Sparkline(QWidget):
    """The last 300 values, the newest at the right edge, from 0 to the largest (30 at least)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: deque[float] = deque(maxlen=_POINTS)
        self.setFixedHeight(_HEIGHT_PX)

    def add(self, value: float) -> None:
        """Append a value and draw."""
        self._values.append(value)
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(200, _HEIGHT_PX)

    @override
    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        floor = self.height() - 2.0
        painter.setPen(QPen(QColor(theme.LINE), 1))
        painter.drawLine(QPointF(0, floor), QPointF(self.width(), floor))
        line = self._line(floor)
        if line.count() > 1:
            self._fill_below(painter, line, floor)
            painter.setPen(QPen(QColor(theme.ACCENT), 2))
            painter.drawPolyline(line)
        painter.end()

    def _line(self, floor: float) -> QPolygonF:
        top = max(_LEAST_TOP, *self._values) if self._values else _LEAST_TOP
        step = self.width() / (_POINTS - 1)
        right = self.width() - step * (len(self._values) - 1)
        return QPolygonF([QPointF(right + step * n, floor - (floor - 3) * v / top) for n, v in enumerate(self._values)])

    def _fill_below(self, painter: QPainter, line: QPolygonF, floor: float) -> None:
        area = QPolygonF(line)
        area.append(QPointF(line[line.count() - 1].x(), floor))
        area.append(QPointF(line[0].x(), floor))
        colour = QColor(theme.ACCENT)
        colour.setAlpha(36)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPolygon(area)
