"""A horizontal fader: click or drag anywhere, Shift for fine, wheel, keys; double click takes the default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QPainter, QPen
from PyQt6.QtWidgets import QSizePolicy, QSlider, QWidget
from typing_extensions import override

from mirrorfx_ui.desk import theme
from mirrorfx_ui.desk.wheel import wheel_when_focused

if TYPE_CHECKING:
    from PyQt6.QtGui import QMouseEvent, QPaintEvent, QWheelEvent

__all__ = ["Fader"]

_STEPS = 10_000
_HANDLE_PX = 22
_GROOVE_PX = 6
_FINE = 0.1
_WHEEL_SHARE = 0.01


class Fader(QSlider):
    """Holds a position from 0 to 1. `moved` tells of what the user did, never of `set_position`.

    Args:
        home: the position of the default, marked by a notch.
        origin: the position of nothing, where the filled part begins: the left end, or the middle of -1 to 1.
    """

    moved = pyqtSignal(float)
    reset = pyqtSignal()
    released = pyqtSignal()

    def __init__(self, home: float, parent: QWidget | None = None, *, origin: float = 0.0) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._home = home
        self._origin = origin
        self._grip = (0.0, 0.0)
        self._quiet = False
        self.setRange(0, _STEPS)
        self.setSingleStep(_STEPS // 100)
        self.setPageStep(_STEPS // 10)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        wheel_when_focused(self)
        self.valueChanged.connect(self._tell)

    def position(self) -> float:
        """Return where it stands, 0 to 1."""
        return self.value() / _STEPS

    def set_position(self, position: float) -> None:
        """Put it somewhere without telling anybody."""
        self._quiet = True
        self.setValue(round(position * _STEPS))
        self._quiet = False

    def _tell(self, _value: int) -> None:
        if not self._quiet:
            self.moved.emit(self.position())

    def _at(self, x: float) -> float:
        return (x - _HANDLE_PX / 2) / max(self.width() - _HANDLE_PX, 1)

    def _go(self, position: float) -> None:
        self.setValue(round(min(max(position, 0.0), 1.0) * _STEPS))

    @override
    def sizeHint(self) -> QSize:
        return QSize(200, _HANDLE_PX + 10)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(80, _HANDLE_PX + 10)

    @override
    def mousePressEvent(self, ev: QMouseEvent | None) -> None:
        if ev is None or ev.button() != Qt.MouseButton.LeftButton:
            return
        self.setSliderDown(True)
        if not ev.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._go(self._at(ev.position().x()))
        self._grip = (ev.position().x(), self.position())

    @override
    def mouseMoveEvent(self, ev: QMouseEvent | None) -> None:
        if ev is None or not self.isSliderDown():
            return
        x = ev.position().x()
        if ev.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            from_x, from_position = self._grip
            self._go(from_position + _FINE * (self._at(x) - self._at(from_x)))
        else:
            self._go(self._at(x))
            self._grip = (x, self.position())

    @override
    def mouseReleaseEvent(self, ev: QMouseEvent | None) -> None:
        if self.isSliderDown():
            self.setSliderDown(False)
            self.released.emit()

    @override
    def mouseDoubleClickEvent(self, a0: QMouseEvent | None) -> None:
        self.setSliderDown(False)
        self.reset.emit()

    @override
    def wheelEvent(self, e: QWheelEvent | None) -> None:
        if e is None:
            return
        fine = bool(e.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        # Shift turns the wheel sideways on some platforms.
        turned = e.angleDelta().y() or e.angleDelta().x()
        self._go(self.position() + turned / 120 * _WHEEL_SHARE * (_FINE if fine else 1.0))
        e.accept()

    @override
    def paintEvent(self, ev: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, left, right = self.height() / 2, _HANDLE_PX / 2, self.width() - _HANDLE_PX / 2
        x = left + (right - left) * self.position()
        painter.setPen(Qt.PenStyle.NoPen)
        radius = _GROOVE_PX / 2
        painter.setBrush(QColor(theme.TROUGH))
        painter.drawRoundedRect(QRectF(left, middle - radius, right - left, _GROOVE_PX), radius, radius)
        self._paint_notch(painter, left + (right - left) * self._home, middle)
        painter.setBrush(QColor(theme.ACCENT if self.isEnabled() else theme.FAINT))
        begin = left + (right - left) * self._origin
        painter.drawRoundedRect(QRectF(min(begin, x), middle - radius, abs(x - begin), _GROOVE_PX), radius, radius)
        self._paint_handle(painter, QPointF(x, middle))
        painter.end()

    def _paint_notch(self, painter: QPainter, x: float, middle: float) -> None:
        painter.setBrush(QColor(theme.FAINT))
        painter.drawRoundedRect(QRectF(x - 1, middle + 8, 2, 6), 1, 1)

    def _paint_handle(self, painter: QPainter, at: QPointF) -> None:
        painter.setBrush(QColor(theme.TEXT if self.isEnabled() else theme.FAINT))
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.ACCENT), 3))
        painter.drawEllipse(at, _HANDLE_PX / 2 - 2, _HANDLE_PX / 2 - 2)
