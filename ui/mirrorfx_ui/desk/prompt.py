"""The prompt's editor: several lines, applied by Ctrl+Enter or when the typing pauses; Alt+Up brings earlier ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QPoint, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QTextCursor
from PyQt6.QtWidgets import QHBoxLayout, QListWidget, QPlainTextEdit, QToolButton, QVBoxLayout, QWidget
from typing_extensions import override

from mirrorfx_ui.desk.controls import STEP_FADE_S, Control
from mirrorfx_ui.desk.prompt_history import PromptHistory
from mirrorfx_ui.desk.signs import Sign, icon
from mirrorfx_ui.desk.theme import label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PyQt6.QtGui import QFocusEvent, QKeyEvent

__all__ = ["TextControl"]

_PAUSE_MS = 1200
_LINES_PX = 84
_ROW_PX, _ROWS_MOST = 34, 8


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
        self.history = PromptHistory()
        self.editor.earlier.connect(lambda: self._recall(self.history.before(self._plain())))
        self.editor.later.connect(lambda: self._recall(self.history.after(self._plain())))
        self.earlier = QToolButton()
        self.earlier.setProperty("role", "sign")
        self.earlier.setIcon(icon(Sign.HISTORY))
        self.earlier.setAccessibleName(self.tr("Earlier prompts"))
        self.earlier.setToolTip(self.tr("Earlier prompts  ·  Alt+Up, Alt+Down"))
        self.earlier.clicked.connect(self._open_list)
        self.prompts = _PromptList(self)
        self.prompts.chosen.connect(self._recall_and_apply)
        self._lay_out(str(param["label"]))
        self._say()

    @override
    def parts(self) -> tuple[QWidget, ...]:
        return self.editor, self.earlier

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
            self.gesture.begin()
            self._keep(self._shown)
            self.edited.emit(self.name, self._shown, STEP_FADE_S)
        self._say()

    def _keep(self, prompt: str) -> None:
        before = self.history.problem
        self.history.add(prompt)
        if self.history.problem not in ("", before):
            text = self.tr("Earlier prompts can't be kept for the next evening. %1")
            self.troubled.emit(text.replace("%1", self.history.problem))

    def _recall(self, prompt: str | None) -> None:
        """Put an earlier prompt into the editor; it is applied when the typing pauses, as any other."""
        if prompt is not None:
            cursor = self.editor.textCursor()
            cursor.select(QTextCursor.SelectionType.Document)
            cursor.insertText(prompt)

    def _recall_and_apply(self, prompt: str) -> None:
        self._recall(prompt)
        self.apply()

    def _open_list(self) -> None:
        self.prompts.open(self.history.prompts, self.editor)

    def _leave(self) -> None:
        if not self._refused:
            self.apply()

    def _lay_out(self, name: str) -> None:
        head = QHBoxLayout()
        head.addWidget(label(name, "title"))
        head.addStretch()
        head.addWidget(self.status)
        head.addSpacing(6)
        head.addWidget(self.earlier)
        head.addWidget(self.lock)
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


class _PromptList(QListWidget):
    """The earlier prompts, the newest first, in a list that opens over the editor."""

    chosen = pyqtSignal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowFlag(Qt.WindowType.Popup)
        self.setProperty("role", "popup")
        self.setAccessibleName(self.tr("Earlier prompts"))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.itemClicked.connect(lambda item: self._choose(item.text()))
        self.itemActivated.connect(lambda item: self._choose(item.text()))

    def open(self, prompts: list[str], over: QWidget) -> None:
        self.clear()
        self.addItems(reversed(prompts))
        self.setCurrentRow(0)
        rows = min(max(self.count(), 1), _ROWS_MOST)
        self.setFixedSize(over.width(), rows * _ROW_PX + 12)
        self.move(over.mapToGlobal(QPoint(0, 0)))
        self.show()
        self.setFocus()

    def _choose(self, prompt: str) -> None:
        if self.isVisible():  # a click may count as activation, too
            self.hide()
            self.chosen.emit(prompt)


class _Editor(QPlainTextEdit):
    entered = pyqtSignal()
    left = pyqtSignal()
    earlier = pyqtSignal()
    later = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)

    @override
    def keyPressEvent(self, e: QKeyEvent | None) -> None:
        enter = e is not None and e.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        alt = e is not None and bool(e.modifiers() & Qt.KeyboardModifier.AltModifier)
        if enter and e is not None and e.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.entered.emit()
        elif e is not None and alt and e.key() == Qt.Key.Key_Up:
            self.earlier.emit()
        elif e is not None and alt and e.key() == Qt.Key.Key_Down:
            self.later.emit()
        else:
            super().keyPressEvent(e)

    @override
    def focusOutEvent(self, e: QFocusEvent | None) -> None:
        super().focusOutEvent(e)
        self.left.emit()
