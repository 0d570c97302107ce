"""A control for each param that the engine describes: which one depends on the param's kind and range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QVBoxLayout, QWidget
from typing_extensions import override

from mirrorfx_ui.desk.chooser import Chooser
from mirrorfx_ui.desk.gesture import Gesture
from mirrorfx_ui.desk.signs import Sign, icon
from mirrorfx_ui.desk.theme import label
from mirrorfx_ui.desk.tick_box import TickBox

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PyQt6.QtGui import QContextMenuEvent, QMouseEvent
    from PyQt6.QtWidgets import QLabel

__all__ = [
    "DRAG_FADE_S",
    "INSET_PX",
    "NAME_PX",
    "ROW_GAP_PX",
    "STEP_FADE_S",
    "ChoiceControl",
    "Control",
    "SwitchControl",
    "named_row",
]

DRAG_FADE_S = 0.15
"""For values that are being dragged: long enough to hide the steps, short enough to feel direct."""
STEP_FADE_S = 0.6
"""For values that jump: a typed number, another seed, a prompt."""

NAME_PX = 120
ROW_GAP_PX = 10
INSET_PX = 11
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
    lock_asked = pyqtSignal(str, bool)
    """(name, whether it is to be locked)."""
    copied = pyqtSignal(str)
    """This text is in the clipboard now."""
    troubled = pyqtSignal(str)
    """Something could not be kept; why."""
    name_label: NameLabel

    def __init__(self, param: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = str(param["name"])
        self.param = param
        self.gesture = Gesture(self.name)
        self.locked = False
        self.lock = QToolButton()
        self.lock.setProperty("role", "sign")
        if not param["osc"]:
            self.lock.hide()  # no param of the effect: presets don't touch it anyway
        self.lock.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.lock.clicked.connect(lambda: self.lock_asked.emit(self.name, not self.locked))
        self._show_lock()
        self.setToolTip(str(param["help"]))

    @property
    def held(self) -> bool:
        """Whether the user is at it: other people's edits must not move it now."""
        return False

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

    def parts(self) -> tuple[QWidget, ...]:
        """Return what the user edits it by: out of use while it is locked."""
        raise NotImplementedError

    def show_locked(self, *, locked: bool) -> None:
        """Show whether presets, undo and hands leave it alone."""
        self.locked = locked
        self._show_lock()
        for part in self.parts():
            part.setEnabled(not locked)

    def _show_lock(self) -> None:
        locked, name = self.locked, str(self.param["label"])
        said = self.tr("Unlock %1") if locked else self.tr("Lock %1: presets leave it as it is")
        self.lock.setIcon(icon(Sign.LOCK if locked else Sign.UNLOCKED))
        self.lock.setToolTip(said.replace("%1", name))
        self.lock.setAccessibleName((self.tr("Unlock %1") if locked else self.tr("Lock %1")).replace("%1", name))

    def menu(self) -> QMenu:
        """Return what a right click offers."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        reset = menu.addAction(self.tr("Reset to its default"), self._reset_by_menu)
        assert reset
        reset.setEnabled(not self.locked)
        if self.param["osc"]:
            lock = self.tr("Unlock") if self.locked else self.tr("Lock")
            menu.addAction(lock, lambda: self.lock_asked.emit(self.name, not self.locked))
            menu.addAction(self.tr("Copy OSC address %1").replace("%1", self.param["osc"]), self._copy_osc)
        return menu

    def _reset_by_menu(self) -> None:
        self.gesture.begin()
        self.reset()

    def _copy_osc(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.param["osc"])
            self.copied.emit(self.param["osc"])

    @override
    def contextMenuEvent(self, a0: QContextMenuEvent | None) -> None:
        if a0 is not None:
            self.menu().popup(a0.globalPos())  # not exec: nothing waits for it

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
        self.setFixedWidth(NAME_PX)
        self._control = control

    @override
    def mouseDoubleClickEvent(self, a0: QMouseEvent | None) -> None:
        if not self._control.locked:
            self._control.gesture.begin()
            self._control.reset()


def named_row(control: Control, *, inset: bool = False) -> QHBoxLayout:
    """Return `control`'s layout, with its name at the left; `inset` lines a box up with the faders' grooves."""
    row = QHBoxLayout(control)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(ROW_GAP_PX)
    control.name_label = NameLabel(control)
    row.addWidget(control.name_label)
    if inset:
        row.addSpacing(INSET_PX)
    return row


class SwitchControl(Control):
    """On or off."""

    def __init__(self, param: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(param, parent)
        self._box = TickBox()
        self.describe(self._box)
        self._box.toggled.connect(self._word)
        self._box.clicked.connect(self._click)
        self._word(on=False)
        row = named_row(self, inset=True)
        row.addWidget(self._box)
        row.addStretch()
        row.addWidget(self.lock)

    @override
    def parts(self) -> tuple[QWidget, ...]:
        return (self._box,)

    @override
    def show_value(self, value: object) -> None:
        self._box.setChecked(bool(value))

    def _click(self, on: bool) -> None:  # noqa: FBT001  a signal's argument
        self.gesture.begin()
        self.edited.emit(self.name, bool(on), STEP_FADE_S)

    def _word(self, on: bool) -> None:  # noqa: FBT001  a signal's argument
        self._box.setText(self.tr("on") if on else self.tr("off"))


class ChoiceControl(Control):
    """One of a few words."""

    def __init__(self, param: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(param, parent)
        self._box = Chooser()
        self._box.addItems([str(choice) for choice in param["choices"]])
        self.describe(self._box)
        self._box.textActivated.connect(self._choose)
        row = named_row(self, inset=True)
        row.addWidget(self._box, 1)
        row.addWidget(self.lock)

    def _choose(self, text: str) -> None:
        self.gesture.step()
        self.edited.emit(self.name, text, STEP_FADE_S)

    @property
    @override
    def held(self) -> bool:
        return self._box.is_open

    @override
    def parts(self) -> tuple[QWidget, ...]:
        return (self._box,)

    @override
    def show_value(self, value: object) -> None:
        self._box.setCurrentText(str(value))
