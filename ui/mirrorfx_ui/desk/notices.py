"""The line at the bottom that says what happened last, and the log above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QSize, Qt, QTime
from PyQt6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from mirrorfx_ui.desk.signs import Sign, icon, pixmap
from mirrorfx_ui.desk.theme import label

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["NoticePanel"]

_MOST = 300
_LOG_PX = 170
_SIGNS = {"info": Sign.INFO, "warning": Sign.WARNING, "error": Sign.BAD}


class NoticePanel(QFrame):
    """Keeps the latest notice in sight and the last 300 at hand."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self._seen: set[str] = set()
        self._sign = QLabel()
        self._time = label("", "muted")
        for part in (self._sign, self._time):
            part.hide()
        self.text = QLabel(self.tr("Nothing to report."))
        self.text.setAccessibleName(self.tr("Latest notice"))
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.log = QListWidget()
        self.log.setAccessibleName(self.tr("Notices"))
        self.log.setWordWrap(True)
        self.log.setIconSize(QSize(16, 16))
        self.log.setFixedHeight(_LOG_PX)
        self.log.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.log.hide()
        self.more = QToolButton()
        self.more.setProperty("role", "flat")
        self.more.setText(self.tr("Show log"))
        self.more.setCheckable(True)
        self.more.toggled.connect(self._show_log)
        self._lay_out()

    def add(self, level: str, text: str) -> None:
        """Show a notice; `level` is ``info``, ``warning`` or ``error``."""
        sign = _SIGNS.get(level, Sign.INFO)
        now = QTime.currentTime().toString("HH:mm:ss")
        self._sign.setPixmap(pixmap(sign, 18))
        self._sign.setAccessibleName(self.tr("error") if level == "error" else level)
        self._time.setText(now)
        for part in (self._sign, self._time):
            part.show()
        self.text.setText(text)
        self.log.addItem(QListWidgetItem(icon(sign), f"{now}   {text}"))
        if self.log.count() > _MOST:
            self.log.takeItem(0)
        self.log.scrollToBottom()

    def add_problems(self, problems: Iterable[str]) -> None:
        """Show those of a standing list of problems that are new."""
        for problem in problems:
            if problem not in self._seen:
                self._seen.add(problem)
                self.add("error", problem)

    def _show_log(self, on: bool) -> None:  # noqa: FBT001  a signal's argument
        self.log.setVisible(on)
        self.more.setText(self.tr("Hide log") if on else self.tr("Show log"))

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(10)
        line.addWidget(self._sign)
        line.addWidget(self._time)
        line.addWidget(self.text, 1)
        line.addWidget(self.more)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 10, 8)
        column.setSpacing(6)
        column.addWidget(self.log)
        column.addLayout(line)
