"""The wall's keystone in small: the screen as a frame, and the picture's four corners to be dragged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QKeyEvent, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from mirrorfx.errors import InvalidValue
from mirrorfx.geometry import UNIT_SQUARE, OutputGeometry
from mirrorfx_ui.desk import theme
from mirrorfx_ui.desk.gesture import Gesture

if TYPE_CHECKING:
    from PyQt6.QtGui import QMouseEvent, QPaintEvent

    from mirrorfx.geometry import Corners

__all__ = ["CornerPad"]

_LEAST_PX, _MOST_PX = 130, 420
_MARGIN = 0.12
"""Shares of the screen that are seen around it: a corner may lie outside."""
_HANDLE_PX = 10
_REACH_PX = 30
_FINE = 0.1
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_NUMBERS = (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4)


class CornerPad(QWidget):
    """Four handles: drag one, with Shift ten times as fine; or choose it by 1 to 4 and move it by the arrows.

    An arrow is a pixel of the wall, with Shift ten. A corner that would fold the picture stays where it was.
    """

    moved = pyqtSignal(object)
    """Corners: the user's doing, never `show_corners`'s."""
    released = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.corners: Corners = UNIT_SQUARE
        self.chosen = 0
        self.gesture = Gesture("corners")
        self._pixels = QSize(1920, 1080)
        self._grip: QPointF | None = None
        self.setMinimumHeight(_LEAST_PX)
        self.setMaximumHeight(_MOST_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("The picture's corners on the wall"))
        self._say()

    @property
    def held(self) -> bool:
        """Whether the user has a corner in hand."""
        return self._grip is not None

    @property
    def words(self) -> str:
        """Where the chosen corner lies, from the screen's own, in the wall's pixels."""
        x, y = self.corners[self.chosen]
        home_x, home_y = UNIT_SQUARE[self.chosen]
        text = self.tr("Corner %1: %2 px across, %3 px down")
        across, down = round((x - home_x) * self._pixels.width()), round((y - home_y) * self._pixels.height())
        return text.replace("%1", str(self.chosen + 1)).replace("%2", f"{across:+d}").replace("%3", f"{down:+d}")

    def show_corners(self, corners: Corners, pixels: QSize) -> None:
        """Show corners on a screen of so many pixels."""
        self.corners, self._pixels = corners, pixels
        self._say()

    def _say(self) -> None:
        self.setAccessibleDescription(self.words)
        self.update()

    def _choose(self, number: int) -> None:
        self.chosen = number
        self._say()

    def _move(self, x: float, y: float) -> None:
        corners = list(self.corners)
        corners[self.chosen] = (round(x, 5), round(y, 5))
        a, b, c, d = corners
        try:
            self.corners = OutputGeometry(keystone=(a, b, c, d)).keystone
        except InvalidValue:
            return
        self._say()
        self.moved.emit(self.corners)

    # Places

    def _frame(self) -> QRectF:
        """Return where the screen is seen."""
        shape = self._pixels.width() / max(self._pixels.height(), 1)
        height = min(self.height(), self.width() / shape) / (1 + 2 * _MARGIN)
        size = QRectF(0, 0, height * shape, height)
        size.moveCenter(QRectF(self.rect()).center())
        return size

    def _place(self, corner: tuple[float, float]) -> QPointF:
        frame = self._frame()
        return QPointF(frame.left() + corner[0] * frame.width(), frame.top() + corner[1] * frame.height())

    # Events

    @override
    def event(self, a0: QEvent | None) -> bool:
        """Take the keys that the desk has shortcuts for, while this has the focus."""
        if (
            isinstance(a0, QKeyEvent)
            and a0.type() == QEvent.Type.ShortcutOverride
            and a0.key() in (*_NUMBERS, *_ARROWS)
        ):
            a0.accept()
            return True
        return super().event(a0)

    @override
    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is None or a0.button() != Qt.MouseButton.LeftButton:
            return
        away = [(self._place(corner) - a0.position()).manhattanLength() for corner in self.corners]
        nearest = away.index(min(away))
        if away[nearest] <= _REACH_PX:
            self._choose(nearest)
            self.gesture.begin()
            self._grip = a0.position()

    @override
    def mouseMoveEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is None or self._grip is None:
            return
        step, self._grip = a0.position() - self._grip, a0.position()
        if a0.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            step *= _FINE
        frame, (x, y) = self._frame(), self.corners[self.chosen]
        self._move(x + step.x() / frame.width(), y + step.y() / frame.height())

    @override
    def mouseReleaseEvent(self, a0: QMouseEvent | None) -> None:
        if self._grip is not None:
            self._grip = None
            self.released.emit()

    @override
    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        if a0 is None:
            return
        key = Qt.Key(a0.key())
        if key in _NUMBERS:
            self.gesture.begin()
            self._choose(_NUMBERS.index(key))
        elif key in _ARROWS:
            far = 10 if a0.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            self.gesture.step()
            (dx, dy), (x, y) = _ARROWS[key], self.corners[self.chosen]
            self._move(x + far * dx / self._pixels.width(), y + far * dy / self._pixels.height())
        else:
            super().keyPressEvent(a0)

    @override
    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.LINE), 1))
        painter.setBrush(QColor(theme.BACK))
        painter.drawRoundedRect(self._frame(), 3, 3)
        on = self.isEnabled()
        area = QColor(theme.ACCENT if on else theme.FAINT)
        area.setAlpha(34)
        painter.setBrush(area)
        painter.setPen(QPen(QColor(theme.ACCENT if on else theme.FAINT), 1.5))
        painter.drawPolygon(QPolygonF([self._place(corner) for corner in self.corners]))
        for number, corner in enumerate(self.corners):
            self._paint_handle(painter, self._place(corner), number)
        painter.end()

    def _paint_handle(self, painter: QPainter, at: QPointF, number: int) -> None:
        ink = QColor(theme.ACCENT if self.isEnabled() else theme.FAINT)
        chosen = number == self.chosen
        painter.setPen(QPen(ink, 3 if chosen and self.hasFocus() else 1.8))
        painter.setBrush(ink if chosen else QColor(theme.PANEL))
        painter.drawEllipse(at, _HANDLE_PX, _HANDLE_PX)
        painter.setPen(QColor(theme.BACK if chosen else theme.TEXT))
        font = self.font()
        font.setPixelSize(12)
        font.setBold(True)
        painter.setFont(font)
        box = QRectF(at.x() - 12, at.y() - 12, 24, 24)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(number + 1))
