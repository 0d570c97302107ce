"""How a preset looks in the grid: its picture, its name, and in words whether it is on the wall or next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QModelIndex, QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    QLinearGradient,
    QPainter,
    QPen,
    QPixmap,
    QTransform,
)
from PyQt6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget
from typing_extensions import override

from mirrorfx_ui.desk import theme
from mirrorfx_ui.desk.preset_list import PresetList, Row

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PresetCard"]

_CARD_PX, _COLUMNS_LEAST = 150, 2
_HEAD_PX, _NAME_PX = 32, 26
_INSET_PX, _RADIUS = 4.0, 9.0
_PICTURE_SHAPE = 0.75
_HUES = 360
_DARK_INK = QColor("#17130c")
_VEIL = QColor(10, 12, 15, 205)


class PresetCard(QStyledItemDelegate):
    """Paints rows of a `PresetList`.

    Args:
        picture: returns the picture for a stamp; None while there is none.
        width: returns how wide the grid is, in pixels.
    """

    def __init__(self, picture: Callable[[int], QPixmap | None], width: Callable[[], int], parent: QWidget) -> None:
        super().__init__(parent)
        self._picture = picture
        self._width = width

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        row = _row(index)
        if row is None or row.heading:
            return QSize(self._width(), _HEAD_PX)
        wide = self._width() // max(_COLUMNS_LEAST, self._width() // _CARD_PX)
        return QSize(wide, round((wide - 2 * _INSET_PX) * _PICTURE_SHAPE + _NAME_PX + 2 * _INSET_PX))

    @override
    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        row = _row(index)
        if painter is None or row is None:
            return
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        area = QRectF(option.rect)
        if row.heading:
            _paint_heading(painter, area, row.text)
        else:
            model = index.model()
            assert isinstance(model, PresetList)
            self._paint_preset(painter, area.adjusted(*_inset(_INSET_PX)), row, model, option)
        painter.restore()

    def _paint_preset(
        self, painter: QPainter, area: QRectF, row: Row, model: PresetList, option: QStyleOptionViewItem
    ) -> None:
        enabled = bool(option.state & QStyle.StateFlag.State_Enabled)
        painter.setOpacity(1.0 if enabled else 0.4)
        frame = QRectF(area.left(), area.top(), area.width(), area.height() - _NAME_PX)
        picture = self._picture(row.stamp)
        if picture is None:
            _paint_placeholder(painter, frame, row.text)
        else:
            _paint_picture(painter, frame, picture)
        on_wall, next_one = row.text == model.program, row.text == model.cued
        self._paint_border(painter, frame, option, on_wall=on_wall, next_one=next_one)
        if row.key:
            _paint_key(painter, frame, row.key % 10)
        self._paint_badges(painter, frame, self._badges(row, model))
        if row.own:
            _paint_own(painter, frame, self.tr("yours"))
        below = QRectF(area.left() + 3, frame.bottom() + 2, area.width() - 6, _NAME_PX - 2)
        _paint_name(painter, below, row.text, bold=on_wall or next_one)

    def _paint_border(
        self, painter: QPainter, frame: QRectF, option: QStyleOptionViewItem, *, on_wall: bool, next_one: bool
    ) -> None:
        colour, width = QColor(theme.LINE), 1.0
        if option.state & QStyle.StateFlag.State_MouseOver:
            colour, width = QColor(theme.FAINT), 1.5
        if next_one:
            colour, width = QColor(theme.NEXT), 3.0
        if on_wall:
            colour, width = QColor(theme.ACCENT), 3.0
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, width))
        half = width / 2
        painter.drawRoundedRect(frame.adjusted(*_inset(half)), _RADIUS - half, _RADIUS - half)
        focused = option.state & QStyle.StateFlag.State_HasFocus and option.state & QStyle.StateFlag.State_Selected
        if focused:  # which one the keys mean
            painter.setPen(QPen(QColor(theme.TEXT), 1.5, Qt.PenStyle.DashLine))
            painter.drawRoundedRect(frame.adjusted(*_inset(width + 2.5)), _RADIUS - 4, _RADIUS - 4)

    def _badges(self, row: Row, model: PresetList) -> list[tuple[str, str]]:
        """Return (text, colour) of what is to be read on the picture."""
        badges = []
        if row.text == model.program:
            text = self.tr("• On wall, edited") if model.dirty else self.tr("✓ On wall")
            badges.append((text, theme.ACCENT))
        if row.text == model.cued:
            badges.append((self.tr("▸ Next"), theme.NEXT))
        return badges

    def _paint_badges(self, painter: QPainter, frame: QRectF, badges: list[tuple[str, str]]) -> None:
        font = _font(painter, 12, bold=True)
        bottom = frame.bottom() - 6
        for text, colour in badges:
            size = QFontMetricsF(font).size(0, text)
            pill = QRectF(frame.left() + 6, bottom - 20, min(size.width() + 14, frame.width() - 12), 20)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colour))
            painter.drawRoundedRect(pill, 6, 6)
            painter.setPen(_DARK_INK)
            painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, text)
            bottom = pill.top() - 4


def _row(index: QModelIndex) -> Row | None:
    model = index.model()
    return model.row(index) if isinstance(model, PresetList) else None


def _paint_heading(painter: QPainter, area: QRectF, text: str) -> None:
    _font(painter, 13, bold=True)
    painter.setPen(QColor(theme.MUTED))
    below = area.adjusted(_INSET_PX + 1, 0, 0, -5)
    painter.drawText(below, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, text)


def _paint_picture(painter: QPainter, frame: QRectF, picture: QPixmap) -> None:
    """Fill `frame` with the upper part of the picture, where the face is."""
    scale = frame.width() / picture.width()
    brush = QBrush(picture)
    brush.setTransform(QTransform.fromTranslate(frame.left(), frame.top()).scale(scale, scale))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(brush)
    painter.drawRoundedRect(frame, _RADIUS, _RADIUS)


def _paint_placeholder(painter: QPainter, frame: QRectF, name: str) -> None:
    """Fill `frame` with colours of the name's own and its initials."""
    hue = sum(ord(letter) * 37 for letter in name) % _HUES
    gradient = QLinearGradient(frame.topLeft(), frame.bottomRight())
    gradient.setColorAt(0.0, QColor.fromHsl(hue, 70, 62))
    gradient.setColorAt(1.0, QColor.fromHsl((hue + 40) % _HUES, 60, 34))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(gradient))
    painter.drawRoundedRect(frame, _RADIUS, _RADIUS)
    _font(painter, 26)
    painter.setPen(QColor(255, 255, 255, 150))
    initials = "".join(word[0] for word in name.split()[:2]).upper()
    painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, initials)


def _paint_key(painter: QPainter, frame: QRectF, key: int) -> None:
    cap = QRectF(QPointF(frame.left() + 6, frame.top() + 6), QPointF(frame.left() + 26, frame.top() + 26))
    painter.setPen(QPen(QColor(255, 255, 255, 90), 1))
    painter.setBrush(_VEIL)
    painter.drawRoundedRect(cap, 5, 5)
    _font(painter, 13, bold=True)
    painter.setPen(QColor(theme.TEXT))
    painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, str(key))


def _paint_own(painter: QPainter, frame: QRectF, text: str) -> None:
    font = _font(painter, 12)
    tag = QRectF(0, frame.top() + 6, QFontMetricsF(font).horizontalAdvance(text) + 12, 20)
    tag.moveRight(frame.right() - 6)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_VEIL)
    painter.drawRoundedRect(tag, 5, 5)
    painter.setPen(QColor(theme.TEXT))
    painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, text)


def _paint_name(painter: QPainter, area: QRectF, text: str, *, bold: bool) -> None:
    font = _font(painter, 14, bold=bold)
    painter.setPen(QColor(theme.TEXT))
    name = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, area.width())
    painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)


def _font(painter: QPainter, size_px: int, *, bold: bool = False) -> QFont:
    font = QFont(painter.font())
    font.setPixelSize(size_px)
    font.setBold(bold)
    painter.setFont(font)
    return font


def _inset(by: float) -> tuple[float, float, float, float]:
    return (by, by, -by, -by)
