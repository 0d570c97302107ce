"""One card for each worker: its state in a sign and a word, its times, restarts, and how its device is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QGridLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from mirrorfx_ui.desk.painters import worker_colour, worker_letter
from mirrorfx_ui.desk.sensors import SensorLine
from mirrorfx_ui.desk.signs import Sign, pixmap
from mirrorfx_ui.desk.theme import label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["WorkerCard", "WorkerList"]

_SIGNS = {
    "ready": Sign.GOOD,
    "starting": Sign.BUSY,
    "waiting to restart": Sign.WARNING,
    "quarantined": Sign.BAD,
    "off": Sign.WAITING,
}


class WorkerCard(QFrame):
    """One worker."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.sign = QLabel()
        self.letter = label("", "letter")
        self.name = QLabel()
        self.state = label("", "muted")
        self.state.setWordWrap(True)
        self.times = label("", "value")
        self.slow = label("", "muted")
        self.sensors = SensorLine()
        self.restarts = label("", "muted")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setRange(0, 100)
        self.progress.setAccessibleName(self.tr("Warm-up"))
        self.reason = label("", "bad")
        self.reason.setWordWrap(True)
        self.notice = label("", "muted")
        self.notice.setWordWrap(True)
        self._lay_out()

    def show_figures(self, worker: Mapping[str, Any]) -> None:
        """Show one of the report's ``workers``."""
        state = str(worker["state"])
        busy = state == "starting" or (state == "ready" and bool(worker["progress"]["what"]))
        self.sign.setPixmap(pixmap(Sign.BUSY if busy else _SIGNS.get(state, Sign.WAITING), 18))
        self._show_letter(int(worker["number"]))
        self.name.setText(f"{worker['name']} · {worker['device']}")
        self.state.setText(self._state(state, worker["progress"]))
        self.restarts.setText(self._restarts(worker["restarts"]))
        service = worker["service_ms"]
        painted = worker["frames"] > 0
        self.times.setText(f"{service['p50']:.0f} ms" if painted else "–")
        self.slow.setText(f"p95 {service['p95']:.0f} ms" if painted else "")
        self.sensors.show_sensors(worker.get("sensors"))
        self.times.setToolTip(
            self.tr("A frame takes %1 ms as a rule, 95 in 100 take %2 ms at most")
            .replace("%1", f"{service['p50']:.1f}")
            .replace("%2", f"{service['p95']:.1f}")
            if painted
            else ""
        )
        self.progress.setVisible(busy and (state == "starting" or worker["progress"]["share"] > 0))
        self.progress.setValue(round(100 * worker["progress"]["share"]))
        self.reason.setText(str(worker["reason"]))
        self.reason.setVisible(bool(worker["reason"]))
        self.notice.setText(str(worker["details"].get("notice", "")))
        self.notice.setVisible(bool(self.notice.text()))
        words = (self.letter, self.name, self.state, self.times, self.slow, self.restarts)
        self.setAccessibleName(", ".join(word.text() for word in words))

    def _show_letter(self, number: int) -> None:
        if self.letter.text() != worker_letter(number):
            self.letter.setText(worker_letter(number))
            self.letter.setStyleSheet(f"color: {worker_colour(number)}")

    def _state(self, state: str, progress: Mapping[str, Any]) -> str:
        if state == "ready" and progress["what"] and not progress["share"]:
            return str(progress["what"])
        if state in ("starting", "ready") and progress["what"]:
            return f"{progress['what']} · {100 * progress['share']:.0f} %"
        return {
            "ready": self.tr("ready"),
            "starting": self.tr("starting"),
            "waiting to restart": self.tr("waiting to restart"),
            "quarantined": self.tr("set aside: it failed too often"),
            "off": self.tr("off"),
        }.get(state, state)

    def _restarts(self, restarts: int) -> str:
        if restarts == 1:
            return self.tr("1 restart")
        return self.tr("%1 restarts").replace("%1", str(restarts))

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(1)
        grid.setColumnStretch(2, 1)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        grid.addWidget(self.sign, 0, 0)
        grid.addWidget(self.letter, 0, 1)
        grid.addWidget(self.name, 0, 2)
        grid.addWidget(self.times, 0, 3, right)
        grid.addWidget(self.state, 1, 1, 1, 2)
        grid.addWidget(self.slow, 1, 3, right)
        grid.addWidget(self.sensors, 2, 1, 1, 2)
        grid.addWidget(self.restarts, 2, 3, right)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(6)
        column.addLayout(grid)
        column.addWidget(self.progress)
        column.addWidget(self.reason)
        column.addWidget(self.notice)


class WorkerList(QWidget):
    """As many cards as there are workers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inside")
        self.cards: list[WorkerCard] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._column.addStretch()

    def show_figures(self, workers: Sequence[Mapping[str, Any]]) -> None:
        """Show the report's ``workers``."""
        while len(self.cards) < len(workers):
            self.cards.append(WorkerCard())
            self._column.insertWidget(len(self.cards) - 1, self.cards[-1])
        while len(self.cards) > len(workers):
            self.cards.pop().deleteLater()
        for card, worker in zip(self.cards, workers, strict=True):
            card.show_figures(worker)
