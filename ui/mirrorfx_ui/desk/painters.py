"""Which worker painted which frame: a lane with a letter for each, the newest frame at the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFont, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from mirrorfx_ui.desk import theme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PyQt6.QtGui import QPaintEvent

__all__ = ["FRAMES", "PainterStrip", "worker_colour", "worker_letter"]

FRAMES = 60
_COLOURS = ("#efb366", "#7fb8ef", "#b59cf0", "#7fcfa5", "#f08fb0", "#c9d36b", "#6fd0d6", "#d8a58a")
_LETTERS_PX = 20
_LAG_PX = 9
_LANE_PX = 15
_LETTER_FITS_PX = 10


def worker_letter(number: int) -> str:
    """Return the letter of a worker: A for number 0."""
    return chr(ord("A") + number % 26)


def worker_colour(number: int) -> str:
    """Return the colour of a worker; the letter tells apart what has the same."""
    return _COLOURS[number % len(_COLOURS)]


class PainterStrip(QWidget):
    """The last sixty frames, each a block in its painter's lane; a triangle below where frames lagged before it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lanes: list[int] = []
        self.frames: list[tuple[int, bool]] = []
        self._font = QFont()
        self._font.setPixelSize(11)
        self._font.setBold(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            self.tr(
                "Who painted the last sixty frames, the newest at the right. Equal workers take turns. "
                "A triangle below marks a frame that came after a pause."
            )
        )

    def show_frames(self, frames: Sequence[tuple[int, bool]], workers: Mapping[int, str]) -> None:
        """Show the frames.

        Args:
            frames: (number of the painter, whether frames lagged before it), the oldest first.
            workers: names by number; each has a lane, as has every other painter.
        """
        shown = list(frames[-FRAMES:])
        lanes = sorted({*workers, *(painter for painter, _ in shown)})
        if lanes != self.lanes:
            self.lanes = lanes
            self.updateGeometry()
        if shown != self.frames:
            self.frames = shown
            self.setAccessibleName(self._said(workers))
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(200, max(len(self.lanes), 1) * _LANE_PX + _LAG_PX)

    @override
    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setFont(self._font)
        for lane, number in enumerate(self.lanes):
            self._paint_lane(painter, lane, number)
        step = (self.width() - _LETTERS_PX) / FRAMES
        left = self.width() - step * len(self.frames)
        for place, (number, lagged) in enumerate(self.frames):
            block = QRectF(left + place * step, self.lanes.index(number) * _LANE_PX + 1, max(step - 1, 1), _LANE_PX - 3)
            self._paint_block(painter, block, number)
            if lagged:
                self._paint_lag(painter, block.center().x())
        painter.end()

    def _paint_lane(self, painter: QPainter, lane: int, number: int) -> None:
        top = lane * _LANE_PX
        painter.setPen(QColor(worker_colour(number)))
        painter.drawText(
            QRectF(0, top, _LETTERS_PX - 4, _LANE_PX - 1), Qt.AlignmentFlag.AlignCenter, worker_letter(number)
        )
        painter.setPen(QPen(QColor(theme.LINE), 1))
        middle = top + _LANE_PX / 2 - 0.5
        painter.drawLine(QPointF(_LETTERS_PX, middle), QPointF(self.width(), middle))

    def _paint_block(self, painter: QPainter, block: QRectF, number: int) -> None:
        painter.fillRect(block, QColor(worker_colour(number)))
        if block.width() >= _LETTER_FITS_PX:
            painter.setPen(QColor(theme.BACK))
            painter.drawText(block, Qt.AlignmentFlag.AlignCenter, worker_letter(number))

    def _paint_lag(self, painter: QPainter, x: float) -> None:
        top = self.height() - _LAG_PX + 1.0
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.WARN))
        painter.drawPolygon(QPolygonF([QPointF(x, top), QPointF(x + 4, top + 7), QPointF(x - 4, top + 7)]))

    def _said(self, workers: Mapping[int, str]) -> str:
        counts = {lane: sum(painter == lane for painter, _ in self.frames) for lane in self.lanes}
        told = [f"{worker_letter(n)} {workers.get(n, '')} {count}".replace("  ", " ") for n, count in counts.items()]
        return self.tr("Painted of the last %1 frames: ").replace("%1", str(len(self.frames))) + ", ".join(told)
