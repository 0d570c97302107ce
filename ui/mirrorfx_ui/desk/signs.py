"""Small drawn signs. Each state has a shape of its own, so that none is told by colour alone."""

from __future__ import annotations

from enum import Enum, auto
from functools import cache
from typing import TYPE_CHECKING

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from mirrorfx_ui.desk import theme

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Sign", "icon", "pixmap"]

_UNIT = 16.0


class Sign(Enum):
    """What a sign says."""

    GOOD = auto()
    """A full disc: it works."""
    BUSY = auto()
    """A half-full disc: on its way."""
    WAITING = auto()
    """A ring: nothing yet."""
    WARNING = auto()
    """A triangle: look here."""
    BAD = auto()
    """A cross: it does not work."""
    INFO = auto()
    """A bar: something to read."""
    CHOSEN = auto()
    """A tick: this one is in use."""
    DICE = auto()
    """A die: take another at random."""
    OPEN = auto()
    """An angle that points down: there is a list."""
    UNDO = auto()
    """An arrow that turns back."""
    REDO = auto()
    """An arrow that turns forth."""
    LOCK = auto()
    """A closed lock: it stays as it is."""
    UNLOCKED = auto()
    """An open lock: it can be changed."""
    HISTORY = auto()
    """A clock's hands: what was there before."""
    MORE = auto()
    """Three dots: there is a menu."""
    BLACKOUT = auto()
    """A screen that is black."""
    FREEZE = auto()
    """Two bars: it stands still."""
    BYPASS = auto()
    """A camera: what it sees."""
    SAFE = auto()
    """A shield: nothing can happen."""


def icon(sign: Sign) -> QIcon:
    """Return the sign for a button or a list, faded where that is disabled."""
    made = QIcon(pixmap(sign, 20))
    made.addPixmap(_faded(pixmap(sign, 20)), QIcon.Mode.Disabled)
    return made


def _faded(sign: QPixmap) -> QPixmap:
    made = QPixmap(sign.size())
    made.setDevicePixelRatio(sign.devicePixelRatio())
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setOpacity(0.4)
    painter.drawPixmap(0, 0, sign)
    painter.end()
    return made


@cache
def pixmap(sign: Sign, size_px: int = 16) -> QPixmap:
    """Return the sign, sharp on dense screens too."""
    dense = 3
    made = QPixmap(size_px * dense, size_px * dense)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(size_px * dense / _UNIT, size_px * dense / _UNIT)
    colour, draw = _SIGNS[sign]
    pen = QPen(QColor(colour), 1.8)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    draw(painter)
    painter.end()
    made.setDevicePixelRatio(dense)
    return made


def _disc(painter: QPainter) -> None:
    painter.setBrush(painter.pen().color())
    painter.drawEllipse(QPointF(8, 8), 4.2, 4.2)


def _half_disc(painter: QPainter) -> None:
    painter.drawEllipse(QPointF(8, 8), 4.6, 4.6)
    painter.setBrush(painter.pen().color())
    painter.drawChord(QRectF(3.4, 3.4, 9.2, 9.2), 90 * 16, 180 * 16)


def _ring(painter: QPainter) -> None:
    painter.drawEllipse(QPointF(8, 8), 4.6, 4.6)


def _triangle(painter: QPainter) -> None:
    painter.drawPolygon(QPolygonF([QPointF(8, 2.2), QPointF(14.4, 13.4), QPointF(1.6, 13.4)]))
    painter.drawLine(QPointF(8, 6.6), QPointF(8, 9.2))
    painter.drawPoint(QPointF(8, 11.5))


def _cross(painter: QPainter) -> None:
    painter.drawLine(QPointF(4, 4), QPointF(12, 12))
    painter.drawLine(QPointF(12, 4), QPointF(4, 12))


def _bar(painter: QPainter) -> None:
    painter.drawLine(QPointF(8, 7.4), QPointF(8, 12.4))
    painter.drawPoint(QPointF(8, 3.8))


def _tick(painter: QPainter) -> None:
    painter.drawPolyline(QPolygonF([QPointF(3, 8.4), QPointF(6.6, 12), QPointF(13, 4.4)]))


def _die(painter: QPainter) -> None:
    pen = painter.pen()
    pen.setWidthF(1.3)
    painter.setPen(pen)
    painter.drawRoundedRect(QRectF(2, 2, 12, 12), 2.6, 2.6)
    painter.setBrush(pen.color())
    painter.setPen(Qt.PenStyle.NoPen)
    for x, y in ((5.1, 5.1), (10.9, 5.1), (8, 8), (5.1, 10.9), (10.9, 10.9)):
        painter.drawEllipse(QPointF(x, y), 1.15, 1.15)


def _angle(painter: QPainter) -> None:
    painter.drawPolyline(QPolygonF([QPointF(4, 6.4), QPointF(8, 10.4), QPointF(12, 6.4)]))


def _arrow_back(painter: QPainter) -> None:
    painter.drawPolyline(QPolygonF([QPointF(6, 3.2), QPointF(2.8, 6.4), QPointF(6, 9.6)]))
    painter.drawLine(QPointF(3, 6.4), QPointF(9.6, 6.4))
    painter.drawArc(QRectF(6.2, 6.4, 6.8, 6.4), -90 * 16, 180 * 16)
    painter.drawLine(QPointF(9.6, 12.8), QPointF(6, 12.8))


def _arrow_forth(painter: QPainter) -> None:
    painter.translate(16, 0)
    painter.scale(-1, 1)
    _arrow_back(painter)


def _lock(painter: QPainter) -> None:
    painter.drawArc(QRectF(5, 2, 6, 8), 0, 180 * 16)
    painter.drawLine(QPointF(5, 6), QPointF(5, 7.4))
    painter.drawLine(QPointF(11, 6), QPointF(11, 7.4))
    painter.setBrush(painter.pen().color())
    painter.drawRoundedRect(QRectF(3.6, 7.6, 8.8, 6), 1.4, 1.4)


def _open_lock(painter: QPainter) -> None:
    pen = painter.pen()
    pen.setWidthF(1.4)
    painter.setPen(pen)
    painter.drawArc(QRectF(8.6, 2, 6, 8), 0, 180 * 16)
    painter.drawLine(QPointF(8.6, 6), QPointF(8.6, 7.4))
    painter.drawRoundedRect(QRectF(3.0, 7.6, 8.4, 6), 1.4, 1.4)


def _clock(painter: QPainter) -> None:
    painter.drawEllipse(QPointF(8, 8), 5.6, 5.6)
    painter.drawPolyline(QPolygonF([QPointF(8, 4.8), QPointF(8, 8), QPointF(10.4, 9.4)]))


def _dots(painter: QPainter) -> None:
    painter.setBrush(painter.pen().color())
    for x in (3.4, 8, 12.6):
        painter.drawEllipse(QPointF(x, 8), 0.7, 0.7)


def _black_screen(painter: QPainter) -> None:
    painter.setBrush(QColor(0, 0, 0))
    painter.drawRoundedRect(QRectF(1.6, 3, 12.8, 10), 1.6, 1.6)


def _two_bars(painter: QPainter) -> None:
    painter.setBrush(painter.pen().color())
    for x in (4.2, 9.6):
        painter.drawRect(QRectF(x, 3.6, 2.2, 8.8))


def _camera(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(1.6, 4.4, 12.8, 8.6), 1.6, 1.6)
    painter.drawLine(QPointF(5.6, 2.6), QPointF(10.4, 2.6))
    painter.drawEllipse(QPointF(8, 8.7), 2.2, 2.2)


def _shield(painter: QPainter) -> None:
    path = QPainterPath(QPointF(8, 1.8))
    path.lineTo(13.2, 3.8)
    path.cubicTo(13.2, 9.2, 11.6, 12.2, 8, 14.4)
    path.cubicTo(4.4, 12.2, 2.8, 9.2, 2.8, 3.8)
    path.closeSubpath()
    painter.drawPath(path)


_SIGNS: dict[Sign, tuple[str, Callable[[QPainter], None]]] = {
    Sign.GOOD: (theme.GOOD, _disc),
    Sign.BUSY: (theme.ACCENT, _half_disc),
    Sign.WAITING: (theme.MUTED, _ring),
    Sign.WARNING: (theme.WARN, _triangle),
    Sign.BAD: (theme.BAD, _cross),
    Sign.INFO: (theme.MUTED, _bar),
    Sign.CHOSEN: (theme.ACCENT, _tick),
    Sign.DICE: (theme.TEXT, _die),
    Sign.OPEN: (theme.MUTED, _angle),
    Sign.UNDO: (theme.TEXT, _arrow_back),
    Sign.REDO: (theme.TEXT, _arrow_forth),
    Sign.LOCK: (theme.ACCENT, _lock),
    Sign.UNLOCKED: (theme.FAINT, _open_lock),
    Sign.HISTORY: (theme.TEXT, _clock),
    Sign.MORE: (theme.TEXT, _dots),
    Sign.BLACKOUT: (theme.TEXT, _black_screen),
    Sign.FREEZE: (theme.TEXT, _two_bars),
    Sign.BYPASS: (theme.TEXT, _camera),
    Sign.SAFE: (theme.TEXT, _shield),
}
