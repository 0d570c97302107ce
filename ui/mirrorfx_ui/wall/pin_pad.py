"""The PIN pad, drawn on the wall's own picture: no dialog ever opens there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PyQt6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QTransform

from mirrorfx.kiosk import Stage
from mirrorfx_ui.desk.theme import ACCENT, BACK, BAD, MUTED, PANEL, RAISED, TEXT

if TYPE_CHECKING:
    from PyQt6.QtCore import QPoint, QRect

    from mirrorfx.geometry import OutputGeometry
    from mirrorfx.kiosk import ExitLock

__all__ = ["CANCEL", "ENTER", "ERASE", "PinPad"]

ERASE: Final = "erase"
ENTER: Final = "enter"
CANCEL: Final = "cancel"
_KEYS = (("1", "2", "3"), ("4", "5", "6"), ("7", "8", "9"), (ERASE, "0", ENTER))
_SHARE, _SMALLEST_PX, _LARGEST_PX = 0.72, 300.0, 980.0
# In units of the card's height.
_WIDTH, _MARGIN, _GAP, _TOP, _ROUND = 0.66, 0.05, 0.022, 0.27, 0.03
_TITLE_FREE = 0.13


class PinPad:
    """Draws what an `ExitLock` asks for, upright for those before the wall, and knows which key a touch means.

    Attributes:
        pressed: the key under a finger now, drawn as such.
    """

    def __init__(self, lock: ExitLock) -> None:
        self._lock = lock
        self.pressed: str | None = None

    def key_at(self, point: QPoint, window: QRect, geometry: OutputGeometry) -> str | None:
        """Return the key at `point`, in the window's coordinates; None beside all keys."""
        place, _ = _placed(window, geometry).inverted()
        at = place.map(QPointF(point))
        return next(
            (key for key, rect in _key_rects(_card(_upright(window, geometry))).items() if rect.contains(at)), None
        )

    def paint(self, painter: QPainter, window: QRect, geometry: OutputGeometry, now_ns: int) -> None:
        """Draw it over the picture, which is dimmed."""
        painter.fillRect(window, QColor(0, 0, 0, 170))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setTransform(_placed(window, geometry))
        card = _card(_upright(window, geometry))
        _box(painter, card, PANEL, card.height() * _ROUND)
        self._paint_head(painter, card, now_ns)
        usable = self._lock.stage is Stage.ASKING
        for key, rect in _key_rects(card).items():
            _paint_key(painter, key, rect, pressed=key == self.pressed, usable=usable or key == CANCEL)

    def _paint_head(self, painter: QPainter, card: QRectF, now_ns: int) -> None:
        height = card.height()
        title = _line(card, 0.045, 0.06).adjusted(height * _TITLE_FREE, 0, -height * _TITLE_FREE, 0)
        _write(painter, title, _tr("Enter the PIN to leave"), TEXT, height * 0.042)
        if self._lock.stage is Stage.ASKING and not self._lock.wrong:
            self._paint_dots(painter, _line(card, 0.13, 0.08))
            return
        words, colour = self._words(now_ns)
        line = _line(card, 0.13, 0.08).adjusted(height * _MARGIN, 0, -height * _MARGIN, 0)
        _write(painter, line, words, colour, height * 0.036)

    def _words(self, now_ns: int) -> tuple[str, str]:
        if self._lock.stage is Stage.PAUSED:
            left_s = self._lock.pause_left_s(now_ns)
            return _tr("Too many wrong PINs. Try again in %1 s").replace("%1", str(left_s)), BAD
        if self._lock.stage is Stage.CHECKING:
            return _tr("One moment"), MUTED
        return _tr("Wrong PIN"), BAD

    def _paint_dots(self, painter: QPainter, line: QRectF) -> None:
        count, radius = self._lock.digits, line.height() * 0.16
        if not count:
            painter.setPen(QPen(QColor(MUTED), max(line.height() * 0.03, 1)))
            half = line.height() * 0.9
            painter.drawLine(line.center() - QPointF(half, 0), line.center() + QPointF(half, 0))
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(ACCENT))
        step = min(radius * 4, line.width() * 0.8 / count)
        for number in range(count):
            offset = QPointF((number - (count - 1) / 2) * step, 0)
            painter.drawEllipse(line.center() + offset, radius, radius)


def _placed(window: QRect, geometry: OutputGeometry) -> QTransform:
    """Return how upright coordinates lie in the window: turned and mirrored as the picture is."""
    upright = QRectF(_upright(window, geometry))
    place = QTransform.fromTranslate(QRectF(window).center().x(), QRectF(window).center().y())
    place.scale(-1 if geometry.flip_x else 1, -1 if geometry.flip_y else 1)
    place.rotate(geometry.rotation)
    return place.translate(-upright.center().x(), -upright.center().y())


def _upright(window: QRect, geometry: OutputGeometry) -> QRectF:
    turned = geometry.rotation in (90, 270)
    width, height = (window.height(), window.width()) if turned else (window.width(), window.height())
    return QRectF(0, 0, width, height)


def _card(room: QRectF) -> QRectF:
    fits = min(room.height() * 0.94, room.width() * 0.94 / _WIDTH)
    height = min(max(min(room.height() * _SHARE, room.width() * _SHARE / _WIDTH), _SMALLEST_PX), _LARGEST_PX, fits)
    card = QRectF(0, 0, height * _WIDTH, height)
    card.moveCenter(room.center())
    return card


def _key_rects(card: QRectF) -> dict[str, QRectF]:
    unit = card.height()
    left, top = card.left() + unit * _MARGIN, card.top() + unit * _TOP
    width = (card.width() - unit * (2 * _MARGIN + 2 * _GAP)) / 3
    height = (card.height() - unit * (_TOP + _MARGIN + 3 * _GAP)) / 4
    rects = {
        key: QRectF(left + column * (width + unit * _GAP), top + row * (height + unit * _GAP), width, height)
        for row, keys in enumerate(_KEYS)
        for column, key in enumerate(keys)
    }
    side = unit * 0.09
    rects[CANCEL] = QRectF(card.right() - side - unit * 0.02, card.top() + unit * 0.03, side, side)
    return rects


def _paint_key(painter: QPainter, key: str, rect: QRectF, *, pressed: bool, usable: bool) -> None:
    if key != CANCEL:
        fill = ACCENT if pressed and usable else RAISED
        _box(painter, rect, fill, rect.height() * 0.16)
    colour = QColor(BACK if pressed and usable and key != CANCEL else TEXT if usable else MUTED)
    if key.isdigit():
        painter.setFont(_font(rect.height() * 0.42))
        painter.setPen(colour)
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, key)
        return
    pen = QPen(colour, rect.height() * 0.055)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(_sign(key, rect))


def _sign(key: str, rect: QRectF) -> QPainterPath:
    """Return the outline of a key's sign: an arrow to the left, a tick, a cross."""
    unit, at = rect.height() * 0.16, rect.center()
    strokes = {
        ERASE: (((1.2, 0), (-1.2, 0)), ((-0.3, -0.9), (-1.2, 0), (-0.3, 0.9))),
        ENTER: (((-1.2, 0.1), (-0.3, 1.0), (1.3, -0.9)),),
        CANCEL: (((-1, -1), (1, 1)), ((1, -1), (-1, 1))),
    }[key]
    path = QPainterPath()
    for stroke in strokes:
        points = [at + QPointF(x, y) * unit for x, y in stroke]
        path.moveTo(points[0])
        for point in points[1:]:
            path.lineTo(point)
    return path


def _box(painter: QPainter, rect: QRectF, colour: str, radius: float) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(rect, radius, radius)


def _line(card: QRectF, top: float, height: float) -> QRectF:
    return QRectF(card.left(), card.top() + card.height() * top, card.width(), card.height() * height)


def _write(painter: QPainter, line: QRectF, text: str, colour: str, pixels: float) -> None:
    """Write `text` in the middle of `line`, smaller where it would not fit."""
    width = QFontMetricsF(_font(pixels)).horizontalAdvance(text)
    painter.setFont(_font(pixels * min(line.width() / max(width, 1), 1)))
    painter.setPen(QColor(colour))
    painter.drawText(line, Qt.AlignmentFlag.AlignCenter, text)


def _font(pixels: float) -> QFont:
    font = QFont()
    font.setFamilies(["Inter", "Noto Sans", "Segoe UI", "DejaVu Sans"])
    font.setPixelSize(max(round(pixels), 1))
    return font


def _tr(text: str) -> str:
    return QCoreApplication.translate("PinPad", text)
