"""The camera's page: which source, how its picture is turned and cropped, and what is locked on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QSignalBlocker
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from mirrorfx.geometry.input import ZOOM_MAX
from mirrorfx_ui.desk.chooser import Chooser
from mirrorfx_ui.desk.controls import INSET_PX, NAME_PX, ROW_GAP_PX, Control
from mirrorfx_ui.desk.edits import Edits
from mirrorfx_ui.desk.gesture import Gesture
from mirrorfx_ui.desk.number_controls import FaderControl, NumberBox
from mirrorfx_ui.desk.params import make_control
from mirrorfx_ui.desk.signs import Sign, icon
from mirrorfx_ui.desk.theme import label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx_ui.desk.bridge import Bridge
    from mirrorfx_ui.desk.steps import Steps

__all__ = ["CameraPanel", "LockRow"]

_TURNS = ("0°", "90°", "180°", "270°")
_BOX_PX = 90
_BUTTON_PX = 142
_FAR = 1e6


class LockRow(QWidget):
    """One of the camera's controls: automatic, or locked to a number in the driver's own unit."""

    def __init__(self, name: str, caption: str, edits: Edits, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self.caption = caption
        self._edits = edits
        self._real: float | None = None
        self.gesture = Gesture(name)
        self.lock = QPushButton()
        self.lock.setCheckable(True)
        self.lock.setFixedWidth(_BUTTON_PX)
        self.lock.clicked.connect(self._click)
        self.box = NumberBox({"minimum": -_FAR, "maximum": _FAR, "kind": "int"})
        self.box.setFixedWidth(_BOX_PX)
        self.box.setAccessibleName(caption)
        self.box.valueChanged.connect(self._typed)
        self.note = label("", "muted")
        self.note.setWordWrap(True)
        title = label(caption, "param")
        title.setFixedWidth(NAME_PX)
        row = QHBoxLayout()
        row.setSpacing(ROW_GAP_PX)
        row.addWidget(self.lock)
        row.addWidget(self.box)
        row.addStretch()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(ROW_GAP_PX + INSET_PX)
        grid.setVerticalSpacing(2)
        grid.addWidget(title, 0, 0)
        grid.addLayout(row, 0, 1)
        grid.addWidget(self.note, 1, 1)
        grid.setColumnStretch(1, 1)

    def show_state(self, asked: float | None, real: float | None, lacks: str, *, alone: bool) -> None:
        """Show how it is.

        Args:
            asked: what is asked for; None: automatic.
            real: what the camera has.
            lacks: why it can't be locked; empty when it can.
            alone: it is not so with the others: say it here.
        """
        self._real = real
        locked = asked is not None
        for widget in (self.lock, self.box):
            widget.setEnabled(not lacks and (widget is self.lock or locked))
        if not self._edits.is_on_its_way(self._name):
            self.lock.setChecked(locked)
            if not self.box.typing and (asked is not None or real is not None):
                self.box.show_value(asked if asked is not None else real or 0.0)
        self.lock.setText(self.tr("Locked") if locked else self.tr("Automatic"))
        self.lock.setIcon(icon(Sign.LOCK if locked else Sign.UNLOCKED))
        state = self.tr("%1 is locked") if locked else self.tr("%1 is automatic")
        self.lock.setAccessibleName(state.replace("%1", self.caption))
        differs = locked and real is not None and abs(real - (asked or 0.0)) > 0.5
        has = self.tr("The camera has %1.").replace("%1", f"{real:g}") if differs else ""
        self.note.setText(has if not lacks else lacks if alone else "")
        self.note.setVisible(bool(self.note.text()))

    def _typed(self, value: float) -> None:
        self.gesture.step()
        self._edits.edit(self._name, value, gesture=self.gesture.name)

    def _click(self, on: bool) -> None:  # noqa: FBT001  a signal's argument
        self._edits.edit(self._name, self.box.value() if on else None)


class CameraPanel(QWidget):
    """Everything here holds at once, but for another source: the wall holds its picture until that one is there."""

    def __init__(self, bridge: Bridge, steps: Steps, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._steps = steps
        self._sources: list[dict[str, Any]] = []
        self._edits = Edits(bridge, self, "camera", lambda state: (state.get("camera") or {}).get("asked", {}))
        self._edits.settled.connect(self._show)
        self._source_edits = Edits(bridge, self, "source", lambda state: {"name": state["source"]})
        self._source_edits.settled.connect(self._fill)
        self._asked: dict[str, Any] = {}
        self.source = Chooser()
        self.source.setAccessibleName(self.tr("Source"))
        self.source.activated.connect(self._choose)
        self.status, self.lacks = label("", "muted"), label("", "muted")
        for text in (self.status, self.lacks):
            text.setWordWrap(True)
        tr = self.tr
        self.locks = {
            name: LockRow(name, caption, self._edits)
            for name, caption in (
                ("exposure", tr("Exposure")),
                ("gain", tr("Gain")),
                ("white_balance", tr("White balance")),
                ("focus", tr("Focus")),
            )
        }
        self.controls = {control.name: control for control in map(make_control, self._pseudo_params())}
        zoom = self.controls["zoom"]
        assert isinstance(zoom, FaderControl)
        zoom.box.setDecimals(2)
        zoom.box.setSingleStep(0.05)
        for control in self.controls.values():
            control.edited.connect(self._edit)
            control.let_go.connect(self._let_go)
        names = {name: str(control.param["label"]) for name, control in self.controls.items()}
        steps.follow(self._edits, "camera/", names | {name: row.caption for name, row in self.locks.items()})
        steps.follow(self._source_edits, "source/", {"name": tr("Source")})
        self._lay_out()
        bridge.state_changed.connect(self.take)

    def take(self, state: Mapping[str, Any]) -> None:
        """Show what is asked for and what is."""
        camera = state.get("camera")
        self.setEnabled(camera is not None)
        if camera is None:
            return
        if state["sources"] != self._sources and not self.source.is_open:
            self._sources = state["sources"]
            self._fill()
        self._asked = camera["asked"]
        self.status.setText(self._status(camera))
        lacks = {name: camera["lacks"].get(name, "") for name in self.locks}
        alone = len(set(lacks.values())) > 1
        for name, row in self.locks.items():
            row.show_state(self._asked[name], camera["real"].get(name), lacks[name], alone=alone)
        self.lacks.setText("" if alone else next(iter(lacks.values())))
        self.lacks.setVisible(bool(self.lacks.text()))
        self._show()

    def _status(self, camera: Mapping[str, Any]) -> str:
        match camera.get("state"):
            case "open":
                width, height = camera["size"]
                rate = f"  ·  {camera['rate_fps']:g} fps" if camera.get("rate_fps") else ""
                return f"{width} × {height}{rate}"
            case "lost":
                return self.tr("Lost: %1").replace("%1", str(camera.get("reason", "")))
            case "off":
                return self.tr("Off")
        return self.tr("Starting …")

    def _fill(self) -> None:
        own = {"demo": self.tr("Demo clip"), "pattern": self.tr("Test pattern")}
        with QSignalBlocker(self.source):
            self.source.clear()
            for source in self._sources:
                self.source.addItem(own.get(source["name"], str(source["label"])), source["name"])
            current = [index for index, source in enumerate(self._sources) if source["current"]]
            self.source.setCurrentIndex(current[0] if current else -1)

    def _choose(self, index: int) -> None:
        if not self._sources[index]["current"]:
            self._source_edits.edit("name", self._sources[index]["name"])

    def _let_go(self) -> None:
        self._steps.end_gesture()
        self._show()

    def _show(self) -> None:
        for name, control in self.controls.items():
            if name in self._asked and not control.held and not self._edits.is_on_its_way(name):
                value = self._asked[name]
                control.show_value(f"{value}°" if name == "rotation" else value)

    def _edit(self, name: str, value: Any, _fade_s: float) -> None:
        asked = int(value.rstrip("°")) if name == "rotation" else value
        self._edits.edit(name, asked, gesture=self.controls[name].gesture.name)

    def _pseudo_params(self) -> list[dict[str, Any]]:
        """Describe how the picture is placed as the engine describes params, for the same controls."""
        tr = self.tr
        usual = {"kind": "float", "minimum": -1.0, "maximum": 1.0, "default": 0.0, "unit": "", "curve": 1.0, "osc": ""}
        zoom = {"minimum": 1.0, "maximum": ZOOM_MAX, "default": 1.0, "curve": 3.0}
        turned = {"kind": "choice", "choices": _TURNS, "default": _TURNS[0]}
        return [
            usual | turned | {"name": "rotation", "label": tr("Rotation"), "help": tr("Turn the picture clockwise")},
            usual
            | {"kind": "bool", "default": True, "name": "mirror"}
            | {"label": tr("Mirror"), "help": tr("Swap left and right, as a mirror does")},
            usual | zoom | {"name": "zoom", "label": tr("Zoom"), "help": tr("1 shows as much as fits")},
            usual | {"name": "pan_x", "label": tr("Left – right"), "help": tr("Which part of what was cropped")},
            usual | {"name": "pan_y", "label": tr("Up – down"), "help": tr("Which part of what was cropped")},
        ]

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(label(self.tr("Source"), "title"))
        column.addWidget(self.source)
        column.addWidget(self.status)
        column.addSpacing(6)
        column.addWidget(label(self.tr("Picture"), "title"))
        self._add_all(column, list(self.controls.values()))
        column.addSpacing(6)
        column.addWidget(label(self.tr("On the camera itself"), "title"))
        column.addWidget(self.lacks)
        self._add_all(column, list(self.locks.values()))

    def _add_all(self, column: QVBoxLayout, widgets: list[Control] | list[LockRow]) -> None:
        for widget in widgets:
            column.addWidget(widget)
