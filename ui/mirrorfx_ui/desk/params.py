"""The panel with a control for every param of the effect in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from mirrorfx_ui.desk.controls import ChoiceControl, Control, SwitchControl
from mirrorfx_ui.desk.drift_walk import DriftWalk
from mirrorfx_ui.desk.edits import ParamEdits
from mirrorfx_ui.desk.number_controls import FaderControl, SeedControl
from mirrorfx_ui.desk.prompt import TextControl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx_ui.desk.bridge import Bridge
    from mirrorfx_ui.desk.steps import Steps

__all__ = ["ParamPanel", "make_control"]

_FADER_MOST = 10_000


def make_control(param: Mapping[str, Any]) -> Control:
    """Return the control that suits `param`."""
    match param["kind"]:
        case "text":
            return TextControl(param)
        case "bool":
            return SwitchControl(param)
        case "choice":
            return ChoiceControl(param)
        case "int" if param["maximum"] - param["minimum"] > _FADER_MOST:
            return SeedControl(param)
        case _:
            return FaderControl(param)


class ParamPanel(QWidget):
    """Controls in the engine's order, rebuilt when the effect changes what there is.

    A control that the user holds, or whose edit is on its way, is left alone; it takes the engine's value afterwards.
    """

    rebuilt = pyqtSignal()
    """There are other controls."""

    def __init__(self, bridge: Bridge, steps: Steps, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controls: dict[str, Control] = {}
        self._params: list[dict[str, Any]] = []
        self._values: dict[str, Any] = {}
        self._locked: frozenset[str] = frozenset()
        self._bridge = bridge
        self.walk = DriftWalk(self)
        self.walk.hide()
        self._edits = ParamEdits(bridge, self)
        self._edits.settled.connect(self._settled)
        self.steps = steps
        steps.follow(self._edits)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(14)
        bridge.state_changed.connect(self.take)
        bridge.figures_changed.connect(self.walk.show_figures)

    def take(self, state: Mapping[str, Any]) -> None:
        """Show what is set."""
        if state["params"] != self._params:
            self._build(state["params"])
        self._values = state["values"]
        self._locked = frozenset(state.get("locked", ()))
        for name, control in self.controls.items():
            control.show_locked(locked=name in self._locked)
        self.walk.show_seed(int(self._values.get("seed", 0)))
        self._show()

    def _lock(self, name: str, on: bool) -> None:  # noqa: FBT001  a signal's argument
        locked = self._locked | {name} if on else self._locked - {name}
        self._bridge.ask("lock", params=sorted(locked))

    def _copied(self, text: str) -> None:
        self._bridge.noticed.emit("info", self.tr("Copied: %1").replace("%1", text))

    def _edit(self, name: str, value: object, fade_s: float) -> None:
        self._edits.edit(name, value, fade_s, self.controls[name].gesture.name)

    def _let_go(self) -> None:
        self.steps.end_gesture()
        self._show()

    def _show(self) -> None:
        for name, control in self.controls.items():
            if name in self._values and not control.held and not self._edits.is_on_its_way(name):
                control.show_value(self._values[name])

    def _settled(self, refused: frozenset[str]) -> None:
        for name in refused & self.controls.keys() & self._values.keys():
            self.controls[name].refused(self._values[name])
        self._show()

    def _build(self, params: list[dict[str, Any]]) -> None:
        """Keep the controls whose params are as they were: somebody may be typing in one."""
        self._params = params
        old, self.controls = self.controls, {}
        for param in params:
            control = old.pop(param["name"], None)
            if control is None or control.param != param:
                if control:
                    self._drop(control)
                control = make_control(param)
                control.edited.connect(self._edit)
                control.let_go.connect(self._let_go)
                control.lock_asked.connect(self._lock)
                control.copied.connect(self._copied)
                control.troubled.connect(lambda text: self._bridge.noticed.emit("warning", text))
            self.controls[control.name] = control
        for control in old.values():
            self._drop(control)
        for control in self.controls.values():
            self._column.removeWidget(control)
        for control in self.controls.values():
            self._column.addWidget(control)
        self._column.removeWidget(self.walk)
        self.walk.setVisible("drift" in self.controls)
        if "drift" in self.controls:
            self._column.insertWidget(self._column.indexOf(self.controls["drift"]) + 1, self.walk)
        self.rebuilt.emit()

    def _drop(self, control: Control) -> None:
        self._column.removeWidget(control)
        control.hide()
        control.deleteLater()
