"""The wall of a kiosk: nobody can close, move or leave it without holding Esc or a corner, and the PIN."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QGuiApplication, QPainter
from PyQt6.QtWidgets import QApplication
from typing_extensions import override

from mirrorfx.clock import SECOND
from mirrorfx.kiosk import ExitLock, PinFile, Stage
from mirrorfx_ui.follower import ScreenFollower
from mirrorfx_ui.wall.pin_pad import CANCEL, ENTER, ERASE, PinPad
from mirrorfx_ui.wall.window import WallWindow

if TYPE_CHECKING:
    from PyQt6.QtCore import QPoint
    from PyQt6.QtGui import (
        QCloseEvent,
        QContextMenuEvent,
        QFocusEvent,
        QKeyEvent,
        QMouseEvent,
        QPaintEvent,
        QScreen,
        QShowEvent,
    )

    from mirrorfx.clock import Clock
    from mirrorfx.frame import Size
    from mirrorfx.kiosk import KioskSettings
    from mirrorfx_ui.follower import Finds
    from mirrorfx_ui.wall.window import Presents

__all__ = ["KioskWindow"]

_CORNER_SHARE, _CORNER_LEAST_PX = 0.1, 80
_CHECK_NS = SECOND
_GRABBING = ("xcb", "windows")


class KioskWindow(WallWindow):
    """A `WallWindow` that is locked.

    It fills its screen, hides while that is unplugged, has no cursor, and swallows all keys but the panic keys and Esc.
    Holding Esc, or a finger in a corner, for three seconds shows a PIN pad on the picture, which the digits of a
    keyboard serve too. The right PIN ends the mirror.

    Args:
        presenter: says what is due.
        clock: the clock that the presenter's times are on.
        size: (width, height) of the pictures.
        settings: how it is locked.
        screens: which screens there are; by default those that Qt knows.
    """

    _checked = pyqtSignal(bool)

    def __init__(
        self, presenter: Presents, clock: Clock, size: Size, settings: KioskSettings, screens: Finds | None = None
    ) -> None:
        super().__init__(presenter, clock, size)
        self._settings = settings
        self._pin = PinFile()
        self._lock = ExitLock(self._begin_check if settings.needs_pin else None)
        self._pad = PinPad(self._lock)
        self._checked.connect(self._take_check)
        self._follower = ScreenFollower(self, settings.screen, screens, any_screen=settings.any_screen)
        self._next_check_ns = 0
        self._drawn = (self._lock.stage, 0)
        self.setWindowFlags(Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setCursor(Qt.CursorShape.BlankCursor)

    @property
    def lock(self) -> ExitLock:
        """How far somebody who wants to leave has come."""
        return self._lock

    @override
    def open(self, fullscreen: str | None = None) -> None:
        """Fill the screen that the settings name, or wait for it; tick in any case."""
        QApplication.setQuitOnLastWindowClosed(False)  # hidden is not closed
        self._follower.place()
        if not self.isVisible():
            self._take_rate()

    @override
    def fill(self, screen: QScreen) -> None:
        """Stay on the screen that the settings name, whoever asks."""

    @override
    def leave_fullscreen(self) -> None:
        """Stay fullscreen, whoever asks."""

    # Ticks

    @override
    def _tick(self, v_ns: int) -> None:
        super()._tick(v_ns)
        if self._presenter.stopping:
            return
        now_ns = self._clock.now_ns()
        self._lock.mind(now_ns)
        if self._lock.stage is Stage.OPEN:
            self.close()
            return
        if now_ns >= self._next_check_ns:
            self._next_check_ns = now_ns + _CHECK_NS
            self._insist()
        drawn = (self._lock.stage, self._lock.pause_left_s(now_ns))
        if drawn != self._drawn:
            self._drawn = drawn
            self.update()

    def _insist(self) -> None:
        """Put right what somebody may have changed: the place on the screen, the cursor, and who gets the keys."""
        self._follower.place()
        if not self._remote.editor.on:
            self.setCursor(Qt.CursorShape.BlankCursor)
        window = self.windowHandle()
        alone = self._settings.desk_screen is None
        if window and self.isVisible() and alone and QGuiApplication.platformName() in _GRABBING:
            window.setKeyboardGrabEnabled(True)  # also those that a window manager would take

    def _begin_check(self, pin: str) -> None:
        """Hash it in a thread: that takes some display ticks."""
        threading.Thread(target=lambda: self._checked.emit(self._pin.check(pin)), name="mfx-pin", daemon=True).start()

    def _take_check(self, right: bool) -> None:  # noqa: FBT001  a signal's argument
        self._lock.checked(right=right, now_ns=self._clock.now_ns())
        self.update()

    # Keys

    @override
    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        if a0 is None:
            return
        a0.accept()
        if self._remote.editor.on:
            super().keyPressEvent(a0)
            return
        repeat = self._repeats.is_repeat(a0)
        if a0.key() == Qt.Key.Key_Escape:
            self._lock.hold(self._clock.now_ns(), repeat=repeat)
            self.update()
        elif repeat:
            return
        elif not self._enter_key(a0) and not self._settings.lock_keys:
            self._press_panic(a0)

    @override
    def keyReleaseEvent(self, a0: QKeyEvent | None) -> None:
        super().keyReleaseEvent(a0)
        if a0 and a0.key() == Qt.Key.Key_Escape and not a0.isAutoRepeat():
            self._lock.let_go(self._clock.now_ns())

    @override
    def focusOutEvent(self, a0: QFocusEvent | None) -> None:
        self._lock.let_go(self._clock.now_ns())
        super().focusOutEvent(a0)

    def _enter_key(self, event: QKeyEvent) -> bool:
        """Take it for the pad; say whether it was one of the pad's."""
        if not self._lock.is_shown:
            return False
        text = event.text()
        names = {Qt.Key.Key_Backspace: ERASE, Qt.Key.Key_Return: ENTER, Qt.Key.Key_Enter: ENTER}
        key = text if text.isascii() and text.isdigit() else names.get(Qt.Key(event.key()))
        return key is not None and self._press(key)

    def _press(self, key: str) -> bool:
        now_ns = self._clock.now_ns()
        if key == ERASE:
            self._lock.erase(now_ns)
        elif key == ENTER:
            self._lock.enter(now_ns)
        elif key == CANCEL:
            self._lock.leave(now_ns)
        else:
            self._lock.digit(key, now_ns)
        self.update()
        return True

    # Touches: those of a finger arrive as the mouse's. While a desk has the corners shown, they can be dragged

    @override
    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is None or self._remote.editor.on:
            super().mousePressEvent(a0)
            return
        point = a0.position().toPoint()
        if self._lock.is_shown:
            self._pad.pressed = self._pad.key_at(point, self.rect(), self._canvas.geometry)
            if self._pad.pressed:
                self._press(self._pad.pressed)
        elif self._in_a_corner(point):
            self._lock.hold(self._clock.now_ns())

    @override
    def mouseReleaseEvent(self, a0: QMouseEvent | None) -> None:
        super().mouseReleaseEvent(a0)
        self._pad.pressed = None
        self._lock.let_go(self._clock.now_ns())
        self.update()

    @override
    def mouseMoveEvent(self, a0: QMouseEvent | None) -> None:
        if self._remote.editor.on:
            super().mouseMoveEvent(a0)
        elif (
            a0 and self._lock.stage is Stage.HOLDING and a0.buttons() and not self._in_a_corner(a0.position().toPoint())
        ):
            self._lock.let_go(self._clock.now_ns())

    @override
    def mouseDoubleClickEvent(self, a0: QMouseEvent | None) -> None:
        self.mousePressEvent(a0)

    @override
    def contextMenuEvent(self, a0: QContextMenuEvent | None) -> None:
        """There is none."""

    def _in_a_corner(self, point: QPoint) -> bool:
        side = max(min(self.width(), self.height()) * _CORNER_SHARE, _CORNER_LEAST_PX)
        beside = point.x() < side or point.x() >= self.width() - side
        return beside and (point.y() < side or point.y() >= self.height() - side)

    # The window

    @override
    def paintEvent(self, a0: QPaintEvent | None) -> None:
        super().paintEvent(a0)
        if self._lock.is_shown:
            painter = QPainter(self)
            self._pad.paint(painter, self.rect(), self._canvas.geometry, self._clock.now_ns())
            painter.end()

    @override
    def showEvent(self, a0: QShowEvent | None) -> None:
        super().showEvent(a0)
        self.activateWindow()
        self._next_check_ns = 0

    @override
    def changeEvent(self, a0: QEvent | None) -> None:
        super().changeEvent(a0)
        if a0 and a0.type() == QEvent.Type.WindowStateChange and self.isMinimized():
            self._next_check_ns = 0  # the next tick puts it back

    @override
    def closeEvent(self, a0: QCloseEvent | None) -> None:
        if self._lock.stage is not Stage.OPEN and not self._presenter.stopping:
            if a0:
                a0.ignore()
            return
        self._follower.stop()
        super().closeEvent(a0)
        QApplication.quit()
