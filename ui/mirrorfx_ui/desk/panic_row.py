"""BLACKOUT, FREEZE, BYPASS and SAFE PRESET: large, always in sight, one keystroke each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from mirrorfx.safety.panic import Panic
from mirrorfx_ui.desk.signs import Sign, pixmap
from mirrorfx_ui.desk.theme import label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx_ui.desk.panic_line import PanicLine

__all__ = ["PanicRow"]

_KEYS = {Panic.BLACKOUT: "B", Panic.FREEZE: "F", Panic.BYPASS: "Y", Panic.SAFE: "S"}
_SIGNS = {
    Panic.BLACKOUT: Sign.BLACKOUT,
    Panic.FREEZE: Sign.FREEZE,
    Panic.BYPASS: Sign.BYPASS,
    Panic.SAFE: Sign.SAFE,
}


class PanicRow(QWidget):
    """Asks for what the wall does by itself, and shows what the wall says that it does.

    The keys are the wall's own: B, F, Y, S. Where text is being typed they are letters, and Alt makes them keys again.
    They work while the engine hangs: see `PanicLine`.
    """

    def __init__(self, line: PanicLine, window: QWidget) -> None:
        super().__init__(window)
        self._line = line
        self._on: dict[Panic, bool] = dict.fromkeys(Panic, False)
        self.buttons = {what: PanicButton(what, self) for what in Panic}
        self.advice = label("", "note")
        self.advice.setAccessibleName(self.tr("What works while the wall can't be reached from here"))
        self.advice.setText(self.tr("No answer. Click on the wall: its own keys B, F, Y and S work."))
        self.advice.setWordWrap(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        for what, button in self.buttons.items():
            row.addWidget(button, 1)
            button.clicked.connect(partial(self.press, what))
            for keys in (_KEYS[what], f"Alt+{_KEYS[what]}"):
                shortcut = QShortcut(QKeySequence(keys), window)
                shortcut.setAutoRepeat(False)
                shortcut.activated.connect(partial(self.press, what))
        row.addWidget(self.advice, 1)
        self._was_reached = line.reaches
        line.state_changed.connect(self.show_state)
        line.reach_changed.connect(self.show_reach)
        self.show_state(line.state)
        self.show_reach(line.reaches)

    def press(self, what: Panic, *_: object) -> None:
        """Switch `what` on, or off when it is on."""
        if self.buttons[what].locked and not self._on[what]:
            self._line.refused.emit(self.buttons[what].toolTip())
        elif self._line.reaches:
            self._line.press(what.label, on=not self._on[what])

    def show_state(self, panic: Mapping[str, Any]) -> None:
        """Show what is on, as the wall has said; see `PanicLine.state_changed`."""
        for what, button in self.buttons.items():
            self._on[what] = bool(panic.get("blackout")) if what is Panic.BLACKOUT else panic.get("below") == what.label
            button.locked = what.label in panic.get("locked", ())
            button.show_state(on=self._on[what], seen=panic.get("seen") == what.label)
        self._enable()

    def show_reach(self, reached: bool) -> None:  # noqa: FBT001  a signal's argument
        """Say what works when neither monitor nor engine answers: the wall's own keys."""
        self._enable()
        self.advice.setVisible(self._was_reached and not reached)
        self._was_reached = self._was_reached or reached

    def _enable(self) -> None:
        for what, button in self.buttons.items():
            button.setEnabled(self._line.reaches and (self._on[what] or not button.locked))


class PanicButton(QPushButton):
    """A sign, the word, and below it the state in words."""

    def __init__(self, what: Panic, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panic")
        self.setProperty("what", what.label)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keyboard where it was
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.locked = False
        """Whether this mirror never shows it: a kiosk's visitors stay unseen by others."""
        self._key = _KEYS[what]
        self._word, self._does = {
            Panic.BLACKOUT: (self.tr("BLACKOUT"), self.tr("The wall is black.")),
            Panic.FREEZE: (self.tr("FREEZE"), self.tr("The wall keeps the picture of this moment.")),
            Panic.BYPASS: (self.tr("BYPASS"), self.tr("The wall shows the camera's own picture.")),
            Panic.SAFE: (self.tr("SAFE PRESET"), self.tr("The wall is calm at once, then shows the safe preset.")),
        }[what]
        sign = QLabel()
        sign.setPixmap(pixmap(_SIGNS[what], 26))
        self.state = label("", "panic-state")
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch()
        words.addWidget(label(self._word, "panic-word"))
        words.addWidget(self.state)
        words.addStretch()
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 2, 12, 2)
        row.setSpacing(14)
        row.addWidget(sign)
        row.addLayout(words, 1)
        for part in self.findChildren(QLabel):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.show_state(on=False, seen=False)

    def show_state(self, *, on: bool, seen: bool) -> None:
        """Show whether it is on, and whether BLACKOUT hides that."""
        if self.locked and not on:
            text = self.tr("locked  ·  needs --allow-bypass")
        elif not on:
            text = self.tr("off  ·  key %1")
        else:
            text = self.tr("ON  ·  %1 ends it") if seen else self.tr("ON, below BLACKOUT")
        self.state.setText(text.replace("%1", self._key))
        said = self.tr("on") if on else self.tr("locked") if self.locked else self.tr("off")
        self.setAccessibleName(f"{self._word}: {said}")
        why = self.tr("BYPASS is locked: a kiosk shows the camera's own picture only with --allow-bypass.")
        self.setToolTip(why if self.locked else f"{self._does}  ·  {self._key}, Alt+{self._key}")
        self.setAccessibleDescription(self.toolTip())
        self.setProperty("on", on)
        style = self.style()
        for part in (self, *self.findChildren(QLabel)):
            if style:
                style.polish(part)
