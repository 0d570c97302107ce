"""Keeping a window on one screen, known by its name, while screens come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from PyQt6.QtCore import QObject, QTimer, pyqtSignal
from PyQt6.QtGui import QGuiApplication

if TYPE_CHECKING:
    from collections.abc import Callable

    from PyQt6.QtGui import QScreen
    from PyQt6.QtWidgets import QWidget

__all__ = ["Finds", "ScreenFollower", "Screens"]


class Finds(Protocol):
    """Where a follower learns which screens there are."""

    def find(self, name: str) -> QScreen | None:
        """Return the screen called `name`, or None; "" is the primary one."""

    def on_change(self, call: Callable[[], None]) -> None:
        """Have `call` called whenever a screen came, went, moved or changed its size."""


class Screens(QObject):
    """The screens that Qt knows."""

    _changed = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        app.screenAdded.connect(self._added)
        app.screenRemoved.connect(self._changed)
        app.primaryScreenChanged.connect(self._changed)
        for screen in QGuiApplication.screens():
            screen.geometryChanged.connect(self._changed)

    def find(self, name: str) -> QScreen | None:
        """Return the screen called `name`, or None; "" is the primary one."""
        if not name:
            return QGuiApplication.primaryScreen()
        return next((screen for screen in QGuiApplication.screens() if screen.name() == name), None)

    def on_change(self, call: Callable[[], None]) -> None:
        """Have `call` called whenever a screen came, went, moved or changed its size."""
        self._changed.connect(call)

    def _added(self, screen: QScreen) -> None:
        screen.geometryChanged.connect(self._changed)
        self._changed.emit()


class ScreenFollower(QObject):
    """Fills the screen called `name`, hides while it is away, and fills it again once it is back.

    Args:
        window: belongs on that screen.
        name: of the screen; "" is whichever is the primary one.
        screens: which there are.
        any_screen: fill the primary screen meanwhile, instead of hiding.
    """

    def __init__(self, window: QWidget, name: str, screens: Finds | None = None, *, any_screen: bool = False) -> None:
        super().__init__(window)
        self._window = window
        self._name = name
        self._any_screen = any_screen
        self._stopped = False
        self._screens = screens or Screens(self)
        self._screens.on_change(self.place)
        # Qt moves windows by itself when a screen goes, after it has said so.
        self._screens.on_change(lambda: self._later.start())
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self.place)

    @property
    def is_there(self) -> bool:
        """Whether the named screen is there."""
        return self._screens.find(self._name) is not None

    def place(self) -> None:
        """Put the window where it belongs; does nothing when it is there."""
        if self._stopped:
            return
        screen = self._screens.find(self._name)
        if screen is None and self._any_screen:
            screen = self._screens.find("")
        if screen is None:
            self._window.hide()
        elif not self._is_on(screen):
            self._fill(screen)

    def stop(self) -> None:
        """Leave the window where it is from now on."""
        self._stopped = True
        self._later.stop()

    def _is_on(self, screen: QScreen) -> bool:
        window = self._window
        at_home = window.screen() is screen and window.geometry() == screen.geometry()
        return at_home and window.isVisible() and window.isFullScreen()

    def _fill(self, screen: QScreen) -> None:
        window = self._window
        window.setScreen(screen)
        window.setGeometry(screen.geometry())
        window.showFullScreen()
