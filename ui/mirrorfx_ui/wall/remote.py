"""What the desk asks of the wall's window: which screen it fills, the test grid, the keystone's corners."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from PyQt6.QtCore import QObject, QPointF, QRect
from PyQt6.QtGui import QGuiApplication

from mirrorfx.errors import InvalidValue
from mirrorfx.geometry import UNIT_SQUARE
from mirrorfx_ui.wall.corner_editor import CornerEditor
from mirrorfx_ui.wall.geometry_saver import GeometrySaver
from mirrorfx_ui.wall.identify import Identify
from mirrorfx_ui.wall.screens import display_period_ns, find_screen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PyQt6.QtGui import QKeyEvent, QPainter, QScreen

    from mirrorfx.geometry import OutputGeometry

__all__ = ["Remote", "Steered"]

_log = logging.getLogger(__name__)


class Steered(Protocol):
    """What it needs of the wall's window."""

    geometry_on_screen: OutputGeometry

    def rect(self) -> QRect:
        """Return the window's area."""

    def screen(self) -> QScreen | None:
        """Return the screen that it is on."""

    def isFullScreen(self) -> bool:  # noqa: N802
        """Return whether it fills its screen."""

    def devicePixelRatioF(self) -> float:  # noqa: N802
        """Return how many pixels Qt's unit has."""

    def update(self) -> None:
        """Paint soon."""

    def fill(self, screen: QScreen) -> None:
        """Fill a screen."""

    def leave_fullscreen(self) -> None:
        """Go back to a window."""

    def unsetCursor(self) -> None:  # noqa: N802
        """Show the pointer."""


class Remote(QObject):
    """Obeys, keeps the geometry, and has news for the engine when something is otherwise than before.

    Threads: Qt's. Realtime: yes; files are written elsewhere.
    """

    def __init__(self, window: Steered, parent: QObject) -> None:
        super().__init__(parent)
        self._window = window
        self._grid_of_file = False
        self._told: dict[str, Any] = {}
        self._stale = True
        self._problem = ""
        self._saver = GeometrySaver()
        self.editor = CornerEditor(self._change, self._save, lambda: self.edit(on=False))
        self.identify = Identify(self)
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        for signal in (app.screenAdded, app.screenRemoved, app.primaryScreenChanged):
            signal.connect(self.moved)

    def obey(self, wish: Mapping[str, Any]) -> None:
        """Do what the engine has passed on, already checked."""
        self._stale = True
        if wish.get("identify"):
            self.identify.show()
        if "fullscreen" in wish:
            self._go_to(wish["fullscreen"])
        if "grid" in wish:
            self.show_grid(on=bool(wish["grid"]))
        if "corners" in wish:
            self._set_corners(wish["corners"])
        if "edit" in wish:
            self.edit(on=bool(wish["edit"]))

    def news(self) -> dict[str, Any] | None:
        """Return how all is, if that is new to the engine; None when it isn't."""
        for problem in self._saver.problems():
            self._problem, self._stale = problem, True
        if not self._stale:
            return None
        self._stale = False
        state = self._state()
        if state == self._told:
            return None
        self._told = state
        return state

    def moved(self) -> None:
        """The window is on another screen, fills it or doesn't, or there are other screens."""
        self._stale = True

    def being_saved(self, screen: QScreen | None) -> OutputGeometry | None:
        """Return the geometry that is on its way to the file for a screen."""
        return self._saver.under_way(screen.name()) if screen else None

    def took_screen(self) -> None:
        """The geometry of another screen was loaded."""
        self._grid_of_file = self._window.geometry_on_screen.test_grid
        self.moved()

    def edit(self, *, on: bool) -> None:
        """Show the corners to be dragged, or no more."""
        if on is self.editor.on:
            return
        self.editor.on = on
        self._stale = True
        if on:
            self._window.unsetCursor()
        self._window.update()

    def show_grid(self, *, on: bool) -> None:
        """Show the test grid in the picture's place, until told otherwise; that is not saved."""
        self._change(replace(self._window.geometry_on_screen, test_grid=on))
        self._stale = True

    def close(self) -> None:
        """Save what is to be saved. Safe to call twice."""
        self.identify.hide()
        self._saver.close()

    # The window's events

    def press(self, at: QPointF) -> bool:
        """Take a corner at a press of the mouse; say whether corners are edited."""
        if self.editor.on:
            self.editor.press(at, self._window.rect(), self._window.geometry_on_screen.keystone)
            self._window.update()
        return self.editor.on

    def drag(self, at: QPointF) -> bool:
        """Move it; say whether corners are edited."""
        if self.editor.on:
            self.editor.drag(at, self._window.rect(), self._window.geometry_on_screen)
        return self.editor.on

    def key(self, event: QKeyEvent) -> bool:
        """Obey a key that is meant for the corners; say whether it was."""
        window = self._window
        return self.editor.on and self.editor.key(
            event, window.rect(), window.geometry_on_screen, window.devicePixelRatioF()
        )

    def paint(self, painter: QPainter) -> None:
        """Draw the corners over the picture while they are edited."""
        if self.editor.on:
            self.editor.paint(painter, self._window.rect(), self._window.geometry_on_screen.keystone)

    # Parts

    def _go_to(self, name: str | None) -> None:
        screen = find_screen(name or "")
        if name is None or screen is None:
            self._window.leave_fullscreen()
        else:
            self._window.fill(screen)

    def _set_corners(self, corners: Any) -> None:
        keystone = UNIT_SQUARE if corners is None else tuple((float(x), float(y)) for x, y in corners)
        try:
            self._change(replace(self._window.geometry_on_screen, keystone=keystone))  # type: ignore[arg-type]
        except InvalidValue as error:
            _log.warning("%s", error)
            return
        self._save()

    def _change(self, geometry: OutputGeometry) -> None:
        self._window.geometry_on_screen = geometry
        self._window.update()

    def _save(self) -> None:
        screen = self._window.screen()
        self._problem = ""
        self._stale = True
        if screen:
            self._saver.save(screen.name(), replace(self._window.geometry_on_screen, test_grid=self._grid_of_file))

    def _state(self) -> dict[str, Any]:
        window, screen = self._window, self._window.screen()
        geometry = window.geometry_on_screen
        first = QGuiApplication.primaryScreen()
        primary = first.name() if first else None
        return {
            "screens": [_described(one, primary=one.name() == primary) for one in QGuiApplication.screens()],
            "screen": screen.name() if screen else None,
            "fullscreen": window.isFullScreen(),
            "grid": geometry.test_grid,
            "edit": self.editor.on,
            "corners": [list(corner) for corner in geometry.keystone],
            "problem": self._problem,
        }


def _described(screen: QScreen, *, primary: bool) -> dict[str, Any]:
    size, scale = screen.size(), screen.devicePixelRatio()
    return {
        "name": screen.name(),
        "width": round(size.width() * scale),
        "height": round(size.height() * scale),
        "hz": round(1e9 / display_period_ns(screen), 2),
        "primary": primary,
    }
