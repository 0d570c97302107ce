"""What is heard, as five bars that move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFont, QPainter
from PyQt6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from mirrorfx_ui.desk import theme

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PyQt6.QtGui import QPaintEvent

__all__ = ["SOURCES", "Meters", "source_names"]

SOURCES = ("level", "low", "mid", "high", "onset")
_ROW_PX, _NAME_PX, _NUMBER_PX, _BAR_PX = 22, 127, 44, 8
_FALL = 0.02
"""How far the mark of the loudest falls with each picture."""


def source_names(widget: QWidget) -> dict[str, str]:
    """Return what the sources are called."""
    tr = widget.tr
    return {
        "level": tr("Level"),
        "low": tr("Low, to 250 Hz"),
        "mid": tr("Middle"),
        "high": tr("High, from 2 kHz"),
        "onset": tr("Onset, a beat"),
    }


class Meters(QWidget):
    """A bar, a mark where it was loudest of late, and a number for each source. 100 is full scale, 0 is -60 dB."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.values = dict.fromkeys(SOURCES, 0.0)
        self._peaks = dict.fromkeys(SOURCES, 0.0)
        self._names = source_names(self)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("What is heard"))

    def show_levels(self, levels: Mapping[str, float]) -> None:
        """Show what is heard, each 0 to 1."""
        for source in SOURCES:
            value = float(levels.get(source, 0.0))
            self.values[source] = value
            self._peaks[source] = max(value, self._peaks[source] - _FALL)
        self.update()

    def text(self, source: str) -> str:
        """Return a source's number, as it is drawn."""
        return f"{100 * self.values[source]:.0f}"

    @override
    def sizeHint(self) -> QSize:
        return QSize(260, _ROW_PX * len(SOURCES))

    @override
    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self.font())
        font.setPixelSize(14)
        painter.setFont(font)
        for row, source in enumerate(SOURCES):
            self._paint_row(painter, row * _ROW_PX, source)
        painter.end()

    def _paint_row(self, painter: QPainter, top: float, source: str) -> None:
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(theme.TEXT if self.isEnabled() else theme.FAINT))
        painter.drawText(QRectF(0, top, _NAME_PX, _ROW_PX), middle, self._names[source])
        number = QRectF(self.width() - _NUMBER_PX, top, _NUMBER_PX, _ROW_PX)
        painter.drawText(number, middle | Qt.AlignmentFlag.AlignRight, self.text(source))
        left, right = _NAME_PX + 14, self.width() - _NUMBER_PX
        width = max(right - left, 1)
        bar = QRectF(left, top + (_ROW_PX - _BAR_PX) / 2, width, _BAR_PX)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.TROUGH))
        painter.drawRoundedRect(bar, 4, 4)
        painter.setBrush(QColor(theme.ACCENT))
        if self.values[source] > 0.005:
            painter.drawRoundedRect(QRectF(bar.left(), bar.top(), width * self.values[source], _BAR_PX), 4, 4)
        if self._peaks[source] > 0.005:
            painter.setBrush(QColor(theme.TEXT))
            painter.drawRect(QRectF(bar.left() + (width - 2) * self._peaks[source], bar.top() - 2, 2, _BAR_PX + 4))
