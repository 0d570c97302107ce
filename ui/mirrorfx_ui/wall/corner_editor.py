"""The keystone's four corners, dragged on the wall itself by mouse or keys."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PyQt6.QtCore import QCoreApplication, QPointF, QRect, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPen, QPolygonF

from mirrorfx.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Callable

    from PyQt6.QtGui import QKeyEvent

    from mirrorfx.geometry import Corners, OutputGeometry

__all__ = ["CornerEditor"]

_REACH_PX = 80
_HANDLE_PX = 15
_INSIDE_PX = 18
"""Handles stay so far inside the window, wherever their corner is."""
_INK, _HALO = QColor("#efb366"), QColor(0, 0, 0, 150)
_NUDGES = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_ENDS = (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter)


class CornerEditor:
    """Moves corners; one that would fold the picture stays where it was.

    Args:
        change: takes the new geometry, at every step.
        done: is told when a step is complete: the button was let go, a key was pressed; that is what is saved.
        end: is told when somebody pressed Esc or Enter.
    """

    def __init__(
        self, change: Callable[[OutputGeometry], None], done: Callable[[], None], end: Callable[[], None]
    ) -> None:
        self.on = False
        self.chosen = 0
        self._change = change
        self._done = done
        self._end = end
        self._grip: QPointF | None = None

    def press(self, at: QPointF, window: QRect, corners: Corners) -> None:
        """Take the nearest corner, if one is near."""
        handles = [_handle(corner, window) for corner in corners]
        away = [(handle - at).manhattanLength() for handle in handles]
        nearest = away.index(min(away))
        if away[nearest] <= _REACH_PX:
            self.chosen = nearest
            self._grip = _place(corners[nearest], window) - at

    def drag(self, at: QPointF, window: QRect, geometry: OutputGeometry) -> None:
        """Move the corner that was taken."""
        if self._grip is not None:
            self._move(at + self._grip, window, geometry)

    def release(self) -> None:
        """Let go of the corner."""
        if self._grip is not None:
            self._grip = None
            self._done()

    def key(self, event: QKeyEvent, window: QRect, geometry: OutputGeometry, scale: float) -> bool:
        """Obey a key: arrows move by a pixel, with Shift by ten; Tab goes to the next corner; Esc and Enter end it.

        Returns:
            Whether it was one of these.
        """
        key = Qt.Key(event.key())
        if key in _ENDS:
            self._end()
        elif key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            self.chosen = (self.chosen + (1 if key is Qt.Key.Key_Tab else -1)) % 4
            self._change(geometry)
        elif key in _NUDGES:
            far = (10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1) / scale
            x, y = _NUDGES[key]
            self._move(_place(geometry.keystone[self.chosen], window) + QPointF(x, y) * far, window, geometry)
            self._done()
        else:
            return False
        return True

    def _move(self, place: QPointF, window: QRect, geometry: OutputGeometry) -> None:
        corner = (place.x() / window.width(), place.y() / window.height())
        corners = list(geometry.keystone)
        corners[self.chosen] = corner
        a, b, c, d = corners
        try:
            moved = replace(geometry, keystone=(a, b, c, d))
        except InvalidValue:
            return
        self._change(moved)

    def paint(self, painter: QPainter, window: QRect, corners: Corners) -> None:
        """Draw the corners and what can be done over the picture."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outline = QPolygonF([_place(corner, window) for corner in corners])
        for pen in (QPen(_HALO, 5), QPen(_INK, 1.5)):
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolygon(outline)
        for number, corner in enumerate(corners):
            self._paint_handle(painter, _handle(corner, window), number)
        self._paint_hint(painter, window)

    def _paint_handle(self, painter: QPainter, at: QPointF, number: int) -> None:
        chosen = number == self.chosen
        painter.setPen(QPen(_HALO, 7))
        painter.setBrush(_INK if chosen else QColor(0, 0, 0, 90))
        painter.drawEllipse(at, _HANDLE_PX, _HANDLE_PX)
        painter.setPen(QPen(_INK, 3))
        painter.drawEllipse(at, _HANDLE_PX, _HANDLE_PX)
        painter.setPen(QColor("black") if chosen else _INK)
        font = painter.font()
        font.setPixelSize(16)
        font.setBold(True)
        painter.setFont(font)
        box = QRectF(at.x() - 20, at.y() - 20, 40, 40)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(number + 1))

    def _paint_hint(self, painter: QPainter, window: QRect) -> None:
        text = QCoreApplication.translate(
            "CornerEditor",
            "Drag a corner  ·  arrows: 1 pixel, with Shift 10  ·  Tab: next corner  ·  Enter: done",
        )
        font = painter.font()
        font.setBold(False)
        font.setPixelSize(max(window.width() // 80, 13))
        painter.setFont(font)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        room = QRectF(window).adjusted(window.width() * 0.15, 0, -window.width() * 0.15, 0)
        box = painter.boundingRect(room, flags, text)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 190))
        painter.drawRoundedRect(box.adjusted(-20, -12, 20, 12), 10, 10)
        painter.setPen(QColor("#eceef1"))
        painter.drawText(box, flags, text)


def _place(corner: tuple[float, float], window: QRect) -> QPointF:
    return QPointF(corner[0] * window.width(), corner[1] * window.height())


def _handle(corner: tuple[float, float], window: QRect) -> QPointF:
    place = _place(corner, window)
    right, bottom = window.width() - _INSIDE_PX, window.height() - _INSIDE_PX
    return QPointF(min(max(place.x(), _INSIDE_PX), right), min(max(place.y(), _INSIDE_PX), bottom))
