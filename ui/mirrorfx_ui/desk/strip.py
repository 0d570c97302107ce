"""A line where the operator looks: what was just done or refused, and how to take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from mirrorfx_ui.desk.signs import Sign, pixmap
from mirrorfx_ui.desk.theme import label

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Strip"]

_SHOWN_MS = 10_000


class Strip(QFrame):
    """Says one thing for ten seconds; what comes next replaces it."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._sign = QLabel()
        self.text = label("", "note")
        self.text.setAccessibleName(name)
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.button = QPushButton()
        self.button.clicked.connect(self._act)
        self._do: Callable[[], None] | None = None
        self._time = QTimer(self)
        self._time.setSingleShot(True)
        self._time.setInterval(_SHOWN_MS)
        self._time.timeout.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 6, 6)
        row.setSpacing(8)
        row.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.text, 1)
        row.addWidget(self.button)
        self.hide()

    def say(self, text: str, sign: Sign = Sign.INFO, action: str = "", do: Callable[[], None] | None = None) -> None:
        """Show `text`, and with `action` a button that does `do`."""
        self._sign.setPixmap(pixmap(sign, 18))
        self.text.setText(text)
        self.button.setText(action)
        self.button.setVisible(bool(action))
        self._do = do
        self.show()
        self._time.start()

    def _act(self) -> None:
        do, self._do = self._do, None
        self._time.stop()
        self.hide()
        if do:
            do()
