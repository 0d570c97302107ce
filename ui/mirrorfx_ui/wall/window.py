"""The wall's window: asks the presenter at every display tick, and paints what is due."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from PyQt6.QtCore import QEvent, QRect, QSize, Qt, QTimer
from PyQt6.QtGui import QPainter
from PyQt6.QtWidgets import QWidget
from typing_extensions import override

from mirrorfx.errors import InvalidValue
from mirrorfx.geometry import OutputGeometry, load_screen
from mirrorfx.safety.panic import Panic
from mirrorfx_ui.wall.canvas import Canvas, fitted
from mirrorfx_ui.wall.key_repeat import KeyRepeats
from mirrorfx_ui.wall.remote import Remote
from mirrorfx_ui.wall.screens import display_period_ns, find_screen
from mirrorfx_ui.wall.ticker import Ticker

if TYPE_CHECKING:
    from PyQt6.QtGui import QCloseEvent, QKeyEvent, QMouseEvent, QPaintEvent, QScreen, QShowEvent

    from mirrorfx.clock import Clock
    from mirrorfx.frame import Image, Size

__all__ = ["Presents", "WallWindow"]

_log = logging.getLogger(__name__)
_CURSOR_MS = 2000
_WINDOW_SHARE = 0.95
_PANIC_KEYS = {
    Qt.Key.Key_B: Panic.BLACKOUT,
    Qt.Key.Key_F: Panic.FREEZE,
    Qt.Key.Key_Y: Panic.BYPASS,
    Qt.Key.Key_S: Panic.SAFE,
}


class Presents(Protocol):
    """What the window needs of `mirrorfx.processes.presenter.Presenter`."""

    stopping: bool

    @property
    def picture(self) -> Image | None:
        """What is on the wall now."""

    def set_period(self, period_ns: int) -> None:
        """Take the display's real period."""

    def pump(self) -> None:
        """Take what others have sent."""

    def tick(self, v_ns: int) -> Image | None:
        """Return the new picture, or None to repeat the last."""

    def presented(self, t_ns: int) -> None:
        """Note that the tick's picture is on the screen."""

    def press(self, key: Panic) -> None:
        """Obey a panic key."""

    def take_wishes(self) -> list[dict[str, Any]]:
        """Return what the engine has asked of the window since the last time."""

    def tell_of_window(self, state: dict[str, Any]) -> None:
        """Tell the engine how the window stands."""


class WallWindow(QWidget):
    """Where the visitors look. F11 or a double click fills the screen; Esc goes back to a window.

    K shows the keystone's corners to be dragged, G the test grid; the desk can ask for both.

    The panic keys work here whatever the engine does: B blackout, F freeze, Y bypass, S safe preset; the same key
    again takes it back.

    Args:
        presenter: says what is due.
        clock: the clock that the presenter's times are on.
        size: (width, height) of the pictures.
    """

    def __init__(self, presenter: Presents, clock: Clock, size: Size) -> None:
        super().__init__()
        self._presenter = presenter
        self._clock = clock
        self._picture_size = QSize(*size)
        self._canvas = Canvas()
        self._remote = Remote(self, self)
        self._repeats = KeyRepeats()
        self._windowed: QRect | None = None
        self._followed: QScreen | None = None
        self._ticker = Ticker(clock, self._tick, self)
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(_CURSOR_MS)
        self._idle.timeout.connect(self._hide_cursor)
        self.setWindowTitle(self.tr("MirrorFX – wall"))
        self.setAccessibleName(self.tr("The mirror's picture"))
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setMinimumSize(160, 160)

    def open(self, fullscreen: str | None = None) -> None:
        """Show the window and begin to tick.

        Args:
            fullscreen: the name of the screen to fill, "" for the primary one; None stays a window.
        """
        screen = find_screen(fullscreen or "")
        if screen:
            self.setGeometry(_in_the_middle(self._picture_size, screen))
        if fullscreen is None or screen is None:
            self.show()
        else:
            self.fill(screen)

    def fill(self, screen: QScreen) -> None:
        """Fill `screen`."""
        if not self.isFullScreen():
            self._windowed = self.geometry()
        if self.isFullScreen() and self.screen() is not screen:
            self.showNormal()  # a window that fills one screen would stay there
        # Placing it first chooses the screen, and fills it even where no window manager minds the state.
        self.setScreen(screen)
        self.setGeometry(screen.geometry())
        self.showFullScreen()
        self._idle.start()

    def leave_fullscreen(self) -> None:
        """Go back to a window; does nothing in one."""
        if not self.isFullScreen():
            return
        self.showNormal()
        if self._windowed:
            self.setGeometry(self._windowed)
        self._idle.stop()
        self.unsetCursor()

    def toggle_fullscreen(self) -> None:
        """Fill the screen that the window is on, or go back."""
        screen = self.screen()
        if self.isFullScreen() or screen is None:
            self.leave_fullscreen()
        else:
            self.fill(screen)

    @property
    def geometry_on_screen(self) -> OutputGeometry:
        """How the picture lies on this screen."""
        return self._canvas.geometry

    @geometry_on_screen.setter
    def geometry_on_screen(self, geometry: OutputGeometry) -> None:
        self._canvas.geometry = geometry

    # Ticks

    def _tick(self, v_ns: int) -> None:
        self._presenter.pump()
        if self._presenter.stopping:
            self.close()
            return
        for wish in self._presenter.take_wishes():
            self._remote.obey(wish)
        news = self._remote.news()
        if news is not None:
            self._presenter.tell_of_window(news)
        new = self._presenter.tick(v_ns)
        self._canvas.set_picture(self._presenter.picture)
        if new is not None:
            self.repaint()  # at once: painted and flushed when it returns
        self._presenter.presented(self._clock.now_ns())

    def _follow_screen(self) -> None:
        """Take rate and geometry of the screen that the window is on now."""
        screen = self.screen()
        if screen is not self._followed:
            if self._followed:
                self._followed.refreshRateChanged.disconnect(self._take_rate)
            if screen:
                screen.refreshRateChanged.connect(self._take_rate)
            self._followed = screen
            self._canvas.geometry = self._remote.being_saved(screen) or _saved_geometry(screen)
            self._remote.took_screen()
        self._take_rate()
        self.update()

    def _take_rate(self) -> None:
        period_ns = display_period_ns(self.screen())
        self._presenter.set_period(period_ns)
        self._ticker.start(period_ns)

    def _hide_cursor(self) -> None:
        if self.isFullScreen():
            self.setCursor(Qt.CursorShape.BlankCursor)

    # Events

    @override
    def showEvent(self, a0: QShowEvent | None) -> None:
        super().showEvent(a0)
        window = self.windowHandle()
        if self._followed is None and window:
            window.screenChanged.connect(self._follow_screen)
            self._follow_screen()

    @override
    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        self._canvas.paint(painter, self.rect(), self.devicePixelRatioF())
        self._remote.paint(painter)
        painter.end()

    @override
    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        key = a0.key() if a0 else None
        if a0 and (self._press_panic(a0) or self._remote.key(a0)):
            return
        if key == Qt.Key.Key_F11:
            self.toggle_fullscreen()
        elif key == Qt.Key.Key_K:
            self._remote.edit(on=True)
        elif key == Qt.Key.Key_G:
            self._remote.show_grid(on=not self.geometry_on_screen.test_grid)
        elif key == Qt.Key.Key_Escape:
            self.leave_fullscreen()
        else:
            super().keyPressEvent(a0)

    def _press_panic(self, event: QKeyEvent) -> bool:
        """Obey it if it is a panic key; say whether it is."""
        if event.key() not in _PANIC_KEYS or event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier:
            return False
        if not self._repeats.is_repeat(event):
            self._presenter.press(_PANIC_KEYS[Qt.Key(event.key())])
            self._hide_cursor()  # a pointer in the middle of the wall is no blackout
        return True

    @override
    def keyReleaseEvent(self, a0: QKeyEvent | None) -> None:
        if a0:
            self._repeats.released(a0)
        super().keyReleaseEvent(a0)

    @override
    def focusNextPrevChild(self, next: bool) -> bool:
        return False  # Tab is a key like others: it goes to the next corner

    @override
    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is None or not self._remote.press(a0.position()):
            super().mousePressEvent(a0)

    @override
    def mouseReleaseEvent(self, a0: QMouseEvent | None) -> None:
        self._remote.editor.release()
        super().mouseReleaseEvent(a0)

    @override
    def mouseDoubleClickEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is None or not self._remote.press(a0.position()):
            self.toggle_fullscreen()

    @override
    def mouseMoveEvent(self, a0: QMouseEvent | None) -> None:
        self.unsetCursor()
        if a0 and self._remote.drag(a0.position()):
            return
        if self.isFullScreen():
            self._idle.start()

    @override
    def changeEvent(self, a0: QEvent | None) -> None:
        super().changeEvent(a0)
        if a0 and a0.type() == QEvent.Type.WindowStateChange:
            self._remote.moved()

    @override
    def closeEvent(self, a0: QCloseEvent | None) -> None:
        self._ticker.stop()
        self._idle.stop()
        self._remote.close()
        super().closeEvent(a0)


def _in_the_middle(picture: QSize, screen: QScreen) -> QRect:
    """Return a window for `picture` at its own size, or smaller where that would not fit well."""
    room = screen.availableGeometry()
    most = room.size() * _WINDOW_SHARE
    if picture.width() <= room.width() * _WINDOW_SHARE and picture.height() <= room.height() * _WINDOW_SHARE:
        most = picture
    window = fitted(picture, QRect(room.topLeft(), most))
    window.moveCenter(room.center())
    return window


def _saved_geometry(screen: QScreen | None) -> OutputGeometry:
    if screen is None:
        return OutputGeometry()
    try:
        return load_screen(screen.name())
    except InvalidValue as error:
        _log.error("%s The picture is shown without it.", error)
        return OutputGeometry()
