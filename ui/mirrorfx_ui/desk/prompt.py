"""The prompt's editor: several lines, applied by Ctrl+Enter or when the typing pauses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QTextCursor
from PyQt6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget
from typing_extensions import override

from mirrorfx_ui.desk.controls import STEP_FADE_S, Control
from mirrorfx_ui.desk.theme import label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PyQt6.QtGui import QFocusEvent, QKeyEvent

__all__ = ["TextControl"]

_PAUSE_MS = 1200
_LINES_PX = 132


class TextControl(Control):
    """A param that is text. What was typed is never lost: undo reaches back over other people's edits, too."""

    def __init__(self, param: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(param, parent)
        self._shown = ""
        self._refused = False
        self.editor = _Editor()
        self.editor.setTabChangesFocus(True)
        self.editor.setFixedHeight(_LINES_PX)
        self.editor.setPlaceholderText(str(param["help"]))
        self.describe(self.editor)
        self.status = label("", "muted")
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.apply)
        self.editor.textChanged.connect(self._typed)
        self.editor.entered.connect(self.apply)
        self.editor.left.connect(self._leave)
        self._lay_out(str(param["label"]))
        self._say()

    @property
    @override
    def held(self) -> bool:
        return self._refused or self._plain() != self._shown

    @override
    def show_value(self, value: object) -> None:
        self._refused = False
        self._shown = str(value)
        self._pause.stop()
        if self._plain() != self._shown:
            self._replace(self._shown)
        self._say()

    @override
    def refused(self, value: object) -> None:
        self._shown = str(value)
        self._refused = True
        self._say()

    def apply(self) -> None:
        """Send what is typed, now."""
        self._pause.stop()
        if self._plain() != self._shown:
            self._shown, self._refused = self._plain(), False
            self.begin_gesture()
            self.edited.emit(self.name, self._shown, STEP_FADE_S)
        self._say()

    def _leave(self) -> None:
        if not self._refused:
            self.apply()

    def _lay_out(self, name: str) -> None:
        head = QHBoxLayout()
        head.addWidget(label(name, "title"))
        head.addStretch()
        head.addWidget(self.status)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.editor)

    def _typed(self) -> None:
        self._refused = False
        if self._plain() != self._shown:
            self._pause.start()
        else:
            self._pause.stop()
            self.let_go.emit()
        self._say()

    def _say(self) -> None:
        if self._refused:
            self.status.setText(self.tr("not taken: see the message below"))
        elif self._plain() != self._shown:
            self.status.setText(self.tr("not applied yet · Ctrl+Enter applies now"))
        else:
            self.status.setText(self.tr("applied"))

    def _plain(self) -> str:
        """Return what is typed the way the engine keeps it: on one line."""
        return re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", self.editor.toPlainText()).strip()

    def _replace(self, text: str) -> None:
        cursor = self.editor.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)  # unlike setPlainText, this can be undone
        self._pause.stop()


class _Editor(QPlainTextEdit):
    entered = pyqtSignal()
    left = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)

    @override
    def keyPressEvent(self, e: QKeyEvent | None) -> None:
        enter = e is not None and e.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and e is not None and e.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.entered.emit()
        else:
            super().keyPressEvent(e)

    @override
    def focusOutEvent(self, e: QFocusEvent | None) -> None:
        super().focusOutEvent(e)
        self.left.emit()
