"""A control for each param that the engine describes: which one depends on the param's kind and range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QElapsedTimer, Qt, pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget
from typing_extensions import override

from mirrorfx_ui.desk.theme import label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PyQt6.QtGui import QMouseEvent
    from PyQt6.QtWidgets import QLabel

__all__ = ["DRAG_FADE_S", "STEP_FADE_S", "ChoiceControl", "Control", "SwitchControl", "named_row"]

DRAG_FADE_S = 0.15
"""For values that are being dragged: long enough to hide the steps, short enough to feel direct."""
STEP_FADE_S = 0.6
"""For values that jump: a typed number, another seed, a prompt."""

_PAUSE_MS = 700
"""Turns of the wheel or keys that follow sooner are one step."""
_NAME_PX = 124
_INSET_PX = 11
"""Where a fader's groove begins: half a handle in; other controls start there, too."""


class Control(QWidget):
    """Shows one param and lets it be edited.

    Args:
        param: as the protocol's ``state`` describes it: name, kind, label, minimum, …
    """

    edited = pyqtSignal(str, object, float)
    """(name, value, fade in seconds): the user's doing, never `show_value`'s."""
    let_go = pyqtSignal()
    """The user is no longer at it: what others did meanwhile can be shown."""
    name_label: NameLabel

    def __init__(self, param: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = str(param["name"])
        self.param = param
        self._gesture = 0
        self._since_step = QElapsedTimer()
        self.setToolTip(str(param["help"]))

    @property
    def held(self) -> bool:
        """Whether the user is at it: other people's edits must not move it now."""
        return False

    @property
    def gesture(self) -> str:
        """Which movement of the user's hand an edit belongs to: those of one are undone as one."""
        return f"{self.name} {self._gesture}"

    def begin_gesture(self) -> None:
        """What is edited from now on is another step for undo."""
        self._gesture += 1
        self._since_step.invalidate()

    def step(self) -> None:
        """Begin a gesture, unless the one before was a step, too, and a moment ago."""
        if not self._since_step.isValid() or self._since_step.elapsed() > _PAUSE_MS:
            self.begin_gesture()
        self._since_step.start()

    def show_value(self, value: object) -> None:
        """Show the engine's value, telling nobody."""
        raise NotImplementedError

    def refused(self, value: object) -> None:
        """The engine did not take the edit: show what it has instead."""
        self.show_value(value)

    def reset(self) -> None:
        """Set the param to its default."""
        self.show_value(self.param["default"])
        self.edited.emit(self.name, self.param["default"], STEP_FADE_S)

    def describe(self, widget: QWidget) -> None:
        """Tell `widget`'s name and purpose to those who can't see it."""
        widget.setAccessibleName(str(self.param["label"]))
        widget.setAccessibleDescription(str(self.param["help"]))


class NameLabel(QWidget):
    """A param's name, with its unit or what its value also means; a double click takes the default."""

    def __init__(self, control: Control) -> None:
        super().__init__(control)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        self.name: QLabel = label(str(control.param["label"]), "param")
        column.addWidget(self.name)
        self.note = label(str(control.param["unit"]), "muted")
        if control.param["unit"] or control.param.get("readout"):
            column.addWidget(self.note)
        self.setFixedWidth(_NAME_PX)
        self._control = control

    @override
    def mouseDoubleClickEvent(self, a0: QMouseEvent | None) -> None:
        self._control.begin_gesture()
        self._control.reset()


def named_row(control: Control, *, inset: bool = False) -> QHBoxLayout:
    """Return `control`'s layout, with its name at the left; `inset` lines a box up with the faders' grooves."""
    row = QHBoxLayout(control)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(14)
    control.name_label = NameLabel(control)
    row.addWidget(control.name_label)
    if inset:
        row.addSpacing(_INSET_PX)
    return row


class SwitchControl(Control):
    """On or off."""

    def __init__(self, param: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(param, parent)
        self._box = QCheckBox()
        self.describe(self._box)
        self._box.toggled.connect(self._word)
        self._box.clicked.connect(self._click)
        self._word(on=False)
        row = named_row(self, inset=True)
        row.addWidget(self._box)
        row.addStretch()

    @override
    def show_value(self, value: object) -> None:
        self._box.setChecked(bool(value))

    def _click(self, on: bool) -> None:  # noqa: FBT001  a signal's argument
        self.begin_gesture()
        self.edited.emit(self.name, bool(on), STEP_FADE_S)

    def _word(self, on: bool) -> None:  # noqa: FBT001  a signal's argument
        self._box.setText(self.tr("on") if on else self.tr("off"))


class ChoiceControl(Control):
    """One of a few words."""

    def __init__(self, param: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(param, parent)
        self._box = QComboBox()
        self._box.addItems([str(choice) for choice in param["choices"]])
        self._box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.describe(self._box)
        self._box.textActivated.connect(self._choose)
        named_row(self, inset=True).addWidget(self._box, 1)

    def _choose(self, text: str) -> None:
        self.step()
        self.edited.emit(self.name, text, STEP_FADE_S)

    @property
    @override
    def held(self) -> bool:
        view = self._box.view()
        return view is not None and view.isVisible()

    @override
    def show_value(self, value: object) -> None:
        self._box.setCurrentText(str(value))
