"""After a mirror that did not end properly: whether to go on where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QDate, QDateTime, Qt
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from mirrorfx_ui.desk.signs import Sign, pixmap
from mirrorfx_ui.desk.theme import label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx_ui.desk.bridge import Bridge

__all__ = ["SessionBanner"]


class SessionBanner(QFrame):
    """A calm question on top, which goes away by itself as soon as somebody begins to work."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.text = label("")
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.go_on = QPushButton(self.tr("Go on"))
        self.afresh = QPushButton(self.tr("Start afresh"))
        self.go_on.clicked.connect(lambda: bridge.ask("session", restore=True))
        self.afresh.clicked.connect(lambda: bridge.ask("session", restore=False))
        sign = QLabel()
        sign.setPixmap(pixmap(Sign.HISTORY, 20))
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 10, 8)
        row.setSpacing(10)
        row.addWidget(sign)
        row.addWidget(self.text, 1)
        row.addWidget(self.go_on)
        row.addWidget(self.afresh)
        self.hide()
        bridge.state_changed.connect(self.show_state)

    def show_state(self, state: Mapping[str, Any]) -> None:
        """Ask while the engine has something to offer."""
        offer = (state.get("session") or {}).get("offer")
        self.setVisible(bool(offer))
        if offer:
            where = ", ".join(filter(None, (offer.get("preset"), offer.get("effect"), _time(str(offer["saved"])))))
            text = self.tr("The mirror did not end properly. Go on where it was (%1)?")
            self.text.setText(text.replace("%1", where))
            self.setAccessibleName(self.text.text())


def _time(saved: str) -> str:
    """Return the time of day for today, with the day for what is older."""
    moment = QDateTime.fromString(saved, "yyyy-MM-dd HH:mm:ss")
    if not moment.isValid():
        return saved
    return moment.toString("HH:mm" if moment.date() == QDate.currentDate() else "yyyy-MM-dd HH:mm")
