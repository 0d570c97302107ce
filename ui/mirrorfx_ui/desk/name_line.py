"""Where a name is typed: to save under, for a copy, or instead of the old one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from mirrorfx_ui.desk.theme import label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mirrorfx.control.protocol import Reply

    Entered = Callable[[str, str | None, Callable[[Reply], None]], None]
    """(name, category or None, whom to tell the engine's reply)."""

__all__ = ["NameLine"]

_NAME_MOST, _CATEGORY_MOST = 60, 40


class NameLine(QFrame):
    """A question with a field for the answer, shown until it is answered or Esc; what is refused stays in the field."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.title = label("", "muted")
        self.title.setWordWrap(True)
        self.name = QLineEdit()
        self.name.setMaxLength(_NAME_MOST)
        self.category = QLineEdit()
        self.category.setMaxLength(_CATEGORY_MOST)
        self.category.setPlaceholderText(self.tr("Category (may stay empty)"))
        self.category.setAccessibleName(self.tr("Category"))
        self.error = label("", "bad")
        self.error.setWordWrap(True)
        self.enter = QPushButton()
        self.cancel = QPushButton(self.tr("Cancel"))
        self._enter: Entered | None = None
        self._labels = ("", "")
        self._taken: frozenset[str] = frozenset()
        self.name.textChanged.connect(self._typed)
        for field in (self.name, self.category):
            field.returnPressed.connect(self._entered)
        self.enter.clicked.connect(self._entered)
        self.cancel.clicked.connect(self.close_line)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        escape.activated.connect(self.close_line)
        self._lay_out()
        self.hide()

    def ask(
        self, title: str, name: str, labels: tuple[str, str], enter: Entered, *, category: str | None = None
    ) -> None:
        """Show the question.

        Args:
            title: what the name is for.
            name: what stands in the field at first, selected.
            labels: of the button; the second for a name that is taken and would be replaced.
            enter: called with what was entered.
            category: what stands in the second field at first; None leaves that out.
        """
        self.title.setText(title)
        self.name.setAccessibleName(title)
        self._labels, self._enter = labels, enter
        self.error.hide()
        self.category.setVisible(category is not None)
        self.category.setText(category or "")
        self.name.setText(name)
        self._typed()
        self.show()
        self.name.selectAll()
        self.name.setFocus(Qt.FocusReason.OtherFocusReason)

    def set_taken(self, names: Sequence[str]) -> None:
        """Take which names of the user's own there are already."""
        self._taken = frozenset(name.casefold() for name in names)
        self._typed()

    def close_line(self) -> None:
        """Ask no more."""
        self._enter = None
        self.hide()

    def _typed(self) -> None:
        name = self.name.text().strip()
        self.enter.setText(self._labels[name.casefold() in self._taken])
        self.enter.setEnabled(bool(name))

    def _entered(self) -> None:
        name = self.name.text().strip()
        if name and self._enter:
            asked = self._enter
            category = None if self.category.isHidden() else self.category.text().strip()
            asked(name, category, lambda reply: self._answered(reply, asked))

    def _answered(self, reply: Reply, asked: Entered) -> None:
        if asked is not self._enter:
            return  # it was closed meanwhile, or asks something else now
        if reply.ok:
            self.close_line()
            return
        self.error.setText(reply.error)
        self.error.show()
        self.name.setFocus(Qt.FocusReason.OtherFocusReason)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 10)
        column.setSpacing(6)
        column.addWidget(self.title)
        column.addWidget(self.name)
        column.addWidget(self.category)
        column.addWidget(self.error)
        row = QHBoxLayout()
        row.addStretch()
        row.addWidget(self.cancel)
        row.addWidget(self.enter)
        column.addLayout(row)
