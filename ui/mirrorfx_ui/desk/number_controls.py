"""Controls for numbers: a fader with a box to type in, and the seed."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QEvent, QSignalBlocker, QSize, Qt
from PyQt6.QtGui import QKeyEvent, QKeySequence
from PyQt6.QtWidgets import QDoubleSpinBox, QToolButton, QWidget
from typing_extensions import override

from mirrorfx.params import Readout
from mirrorfx_ui.desk.controls import DRAG_FADE_S, STEP_FADE_S, Control, named_row
from mirrorfx_ui.desk.fader import Fader
from mirrorfx_ui.desk.signs import Sign, icon
from mirrorfx_ui.desk.wheel import wheel_when_focused

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FaderControl", "NumberBox", "SeedControl"]

_BOX_PX = 90
_SEED_PX = 136
_STEPS = 100


class NumberBox(QDoubleSpinBox):
    """Takes a number by keys or wheel, and tells when it is entered, not at every digit.

    A `QSpinBox` ends at 2³¹; seeds go to 2³².
    """

    def __init__(self, param: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        lowest, highest = float(param["minimum"]), float(param["maximum"])
        whole = param["kind"] == "int"
        span = max(highest - lowest, 1e-6)
        decimals = 0 if whole else max(0, 2 - math.floor(math.log10(span) + 1e-9))
        self.setDecimals(min(decimals, 4))
        self.setRange(lowest, highest)
        self.setSingleStep(1 if whole else 10 ** round(math.log10(span / _STEPS)))
        self.setKeyboardTracking(False)
        self.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)  # the row has one
        wheel_when_focused(self)

    @property
    def typing(self) -> bool:
        """Whether something is typed that was not entered yet."""
        edit = self.lineEdit()
        return self.hasFocus() and edit is not None and edit.isModified()

    @override
    def event(self, event: QEvent | None) -> bool:
        """Leave letters (the panic keys) to the desk, and undo and redo unless something is being typed."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            wanted = QKeySequence.StandardKey
            undoes = event.matches(wanted.Undo) or event.matches(wanted.Redo)
            if event.text().isalpha() or (undoes and not self.typing):
                event.ignore()
                return False
        return super().event(event)

    def show_value(self, value: float) -> None:
        """Show a number, telling nobody."""
        with QSignalBlocker(self):
            self.setValue(value)


class FaderControl(Control):
    """A number by fader and by box. The fader's travel is bent by the param's curve."""

    def __init__(self, param: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(param, parent)
        self._whole = param["kind"] == "int"
        self._lowest = float(param["minimum"])
        self._span = max(float(param["maximum"]) - self._lowest, 1e-9)
        self._curve = float(param["curve"])
        self.fader = Fader(self._position(float(param["default"])), origin=self._position(0.0))
        self.box = NumberBox(param)
        self.box.setFixedWidth(_BOX_PX)
        for widget in (self.fader, self.box):
            self.describe(widget)
        self.fader.sliderPressed.connect(self.gesture.begin)
        self.fader.moved.connect(self._faded)
        self.fader.reset.connect(self.reset)
        self.fader.released.connect(self.let_go)
        self.box.editingFinished.connect(self.let_go)
        self.box.valueChanged.connect(self._typed)
        row = named_row(self)
        row.addWidget(self.fader, 1)
        row.addWidget(self.box)
        row.addWidget(self.lock)

    @override
    def parts(self) -> tuple[QWidget, ...]:
        return self.fader, self.box

    @property
    @override
    def held(self) -> bool:
        return self.fader.isSliderDown() or self.box.typing

    @override
    def show_value(self, value: object) -> None:
        number = float(str(value))
        self.fader.set_position(self._position(number))
        self.box.show_value(number)
        self._read(number)

    def _faded(self, position: float) -> None:
        if not self.fader.isSliderDown():
            self.gesture.step()
        value = self._lowest + self._span * position**self._curve
        self.box.show_value(value)
        # What the box shows is what is set: no digits that nobody can see.
        self._tell(self.box.value(), DRAG_FADE_S)

    def _typed(self, value: float) -> None:
        self.gesture.step()
        self.fader.set_position(self._position(value))
        self._tell(value, STEP_FADE_S)

    def _tell(self, value: float, fade_s: float) -> None:
        self._read(value)
        self.edited.emit(self.name, round(value) if self._whole else value, fade_s)

    def _read(self, value: float) -> None:
        """Show what the value also means, if the engine has told how to tell."""
        if readout := self.param.get("readout"):
            self.name_label.note.setText(Readout(**readout).of(value))

    def _position(self, value: float) -> float:
        share = min(max((value - self._lowest) / self._span, 0.0), 1.0)
        return float(share ** (1 / self._curve))


class SeedControl(Control):
    """A whole number of which none is more than another: one up, one down, or by the dice."""

    def __init__(self, param: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(param, parent)
        self.box = NumberBox(param)
        self.box.setFixedWidth(_SEED_PX)
        self.describe(self.box)
        self.box.valueChanged.connect(self._changed)
        self.box.editingFinished.connect(self.let_go)
        self.down = self._button("−", self.tr("Seed before this one"), self.box.stepDown)
        self.up = self._button("+", self.tr("Seed after this one"), self.box.stepUp)
        self.dice = self._button("", self.tr("Roll the dice: another seed"), self._roll)
        self.dice.setIcon(icon(Sign.DICE))
        self.dice.setIconSize(QSize(22, 22))
        row = named_row(self, inset=True)
        for widget in (self.box, self.down, self.up, self.dice):
            row.addWidget(widget)
        row.addStretch()
        row.addWidget(self.lock)

    def _button(self, text: str, name: str, on_click: Any) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setAccessibleName(name)
        button.setToolTip(name)
        button.setAutoRepeat(text != "")
        button.clicked.connect(lambda: on_click())
        return button

    @override
    def parts(self) -> tuple[QWidget, ...]:
        return self.box, self.down, self.up, self.dice

    @property
    @override
    def held(self) -> bool:
        return self.box.typing

    @override
    def show_value(self, value: object) -> None:
        self.box.show_value(float(str(value)))

    def _roll(self) -> None:
        # Six digits are easy to read out and write down; the whole range is there for those who type.
        most = min(int(self.param["maximum"]), 999_999)
        self.gesture.begin()
        self.box.setValue(random.randint(int(self.param["minimum"]), most))

    def _changed(self, value: float) -> None:
        self.gesture.step()
        self.edited.emit(self.name, round(value), STEP_FADE_S)
