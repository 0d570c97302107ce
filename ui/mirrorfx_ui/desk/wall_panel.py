"""The wall's page: which screen it fills, the test grid, and the picture's corners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QSignalBlocker, QSize, Qt
from PyQt6.QtGui import QIcon
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from mirrorfx.geometry import UNIT_SQUARE
from mirrorfx_ui.desk.chooser import Chooser
from mirrorfx_ui.desk.corner_pad import CornerPad
from mirrorfx_ui.desk.edits import Edits
from mirrorfx_ui.desk.signs import Sign, icon
from mirrorfx_ui.desk.theme import label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx.control.protocol import Reply
    from mirrorfx_ui.desk.bridge import Bridge
    from mirrorfx_ui.desk.steps import Steps

__all__ = ["WallPanel"]

_WHERE = "wall/"


class WallPanel(QWidget):
    """The corners can be dragged here in small, or, better, on the wall itself; they are kept for each screen."""

    def __init__(self, bridge: Bridge, steps: Steps, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._steps = steps
        self._wall: Mapping[str, Any] | None = None
        self._edits = Edits(bridge, self, "wall", _corners)
        self._edits.settled.connect(self._show)
        tr = self.tr
        steps.follow(self._edits, _WHERE, {"corners": tr("Corners")})
        self.note = label(tr("The wall has no window now: it runs without a screen."), "muted")
        self.note.setWordWrap(True)
        self.where_to = Chooser()
        self.where_to.setAccessibleName(tr("Screen of the wall"))
        self.where_to.activated.connect(self._choose)
        self.identify = QPushButton(tr("Identify"))
        self.identify.setToolTip(tr("Each screen shows its number and name for three seconds"))
        self.identify.clicked.connect(lambda: bridge.ask("wall", identify=True))
        self.grid = self._switch(tr("Test grid"), tr("Show a grid for aligning in the picture's place"), "grid")
        self.edit = self._switch(
            tr("Drag on the wall"),
            tr("Show the corners on the wall itself, to be dragged there until Enter"),
            "edit",
        )
        self.pad = CornerPad()
        self.pad.setToolTip(tr("Shift drags finely. Keys: 1 to 4 choose a corner, arrows move it by one pixel"))
        self.pad.moved.connect(self._corners_moved)
        self.pad.released.connect(self._released)
        self.where = label("", "muted")
        self.reset = QPushButton(tr("Reset"))
        self.reset.setAccessibleName(tr("Reset the corners"))
        self.reset.setToolTip(tr("Put all corners back to the screen's own"))
        self.reset.clicked.connect(lambda: self._edits.edit("corners", [list(corner) for corner in UNIT_SQUARE]))
        self._lay_out()
        bridge.state_changed.connect(self.take)
        self._show()

    def take(self, state: Mapping[str, Any]) -> None:
        """Show how the wall's window stands."""
        before, self._wall = self._wall, state.get("wall")
        if self._wall and not self.where_to.is_open and (before is None or _places(before) != _places(self._wall)):
            self._fill(self._wall)
        if before and self._wall and before["screen"] != self._wall["screen"]:
            self._steps.forget(_WHERE)  # each screen has corners of its own
        self._show()

    def _released(self) -> None:
        self._steps.end_gesture()
        self._show()

    def _show(self) -> None:
        wall = self._wall
        self.note.setVisible(wall is None)
        for widget in (self.where_to, self.identify, self.grid, self.edit, self.pad, self.reset):
            widget.setEnabled(wall is not None)
        if wall is None:
            return
        for button, on in ((self.grid, wall["grid"]), (self.edit, wall["edit"])):
            button.setChecked(on)
            button.setIcon(icon(Sign.CHOSEN) if on else QIcon())
        if not self.pad.held and not self._edits.is_on_its_way("corners"):
            a, b, c, d = ((float(x), float(y)) for x, y in wall["corners"])
            self.pad.show_corners((a, b, c, d), _pixels(wall))
        self._show_place()

    def _show_place(self) -> None:
        self.where.setText(self.pad.words)
        self.reset.setEnabled(self._wall is not None and self.pad.corners != UNIT_SQUARE)

    def _fill(self, wall: Mapping[str, Any]) -> None:
        with QSignalBlocker(self.where_to):
            self.where_to.clear()
            self.where_to.addItem(self.tr("In a window"), None)
            for number, screen in enumerate(wall["screens"], 1):
                text = f"{number}  ·  {screen['name']}  ·  {screen['width']} × {screen['height']}"
                self.where_to.addItem(self.tr("Fills %1").replace("%1", text), screen["name"])
                self.where_to.setItemData(number, f"{text}  ·  {screen['hz']:g} Hz", Qt.ItemDataRole.ToolTipRole)
            names = [screen["name"] for screen in wall["screens"]]
            fills = wall["fullscreen"] and wall["screen"] in names
            self.where_to.setCurrentIndex(1 + names.index(wall["screen"]) if fills else 0)

    def _choose(self, index: int) -> None:
        self._bridge.ask("wall", self._chosen, fullscreen=self.where_to.itemData(index))

    def _chosen(self, reply: Reply) -> None:
        if not reply.ok and self._wall:
            self._fill(self._wall)

    def _corners_moved(self, corners: Any) -> None:
        self._edits.edit("corners", [list(corner) for corner in corners], gesture=self.pad.gesture.name)
        self._show_place()

    def _switch(self, text: str, hint: str, wish: str) -> QPushButton:
        button = QPushButton(text)
        button.setCheckable(True)
        button.setToolTip(hint)
        button.setAccessibleDescription(hint)
        button.clicked.connect(lambda on: self._bridge.ask("wall", lambda _reply: self._show(), **{wish: bool(on)}))
        return button

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(label(self.tr("Screen"), "title"))
        column.addWidget(self.note)
        column.addLayout(_row(self.where_to, self.identify))
        column.addWidget(label(self.tr("Corners"), "title"))
        column.addLayout(_row(self.edit, self.grid, None, self.reset))
        column.addWidget(self.pad, 1)
        column.addWidget(self.where)


def _row(*widgets: QWidget | None) -> QHBoxLayout:
    """Return widgets in a row; None is what stretches."""
    row = QHBoxLayout()
    row.setSpacing(10)
    for widget in widgets:
        if widget is None:
            row.addStretch()
        else:
            row.addWidget(widget)
    return row


def _corners(state: Mapping[str, Any]) -> dict[str, Any]:
    wall = state.get("wall")
    return {"corners": [list(corner) for corner in wall["corners"]]} if wall else {}


def _places(wall: Mapping[str, Any]) -> tuple[Any, ...]:
    return wall["screens"], wall["screen"], wall["fullscreen"]


def _pixels(wall: Mapping[str, Any]) -> QSize:
    """Return how many pixels the wall's screen has."""
    own = [screen for screen in wall["screens"] if screen["name"] == wall["screen"]]
    return QSize(own[0]["width"], own[0]["height"]) if own else QSize(1920, 1080)
