"""One card for each worker: its state in a sign and a word, how long it takes, how often it was restarted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

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
        self.name = QLabel()
        self.state = label("", "muted")
        self.state.setWordWrap(True)
        self.times = QLabel()
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
        self.name.setText(f"{worker['name']} · {worker['device']}")
        self.state.setText(self._state(state, worker["progress"]))
        self.restarts.setText(self._restarts(worker["restarts"]))
        service = worker["service_ms"]
        painted = worker["frames"] > 0
        self.times.setText(f"{service['p50']:.0f} ms" if painted else "–")
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
        words = (self.name, self.state, self.times, self.restarts)
        self.setAccessibleName(", ".join(word.text() for word in words))

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
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.name)
        words.addWidget(self.state)
        figures = QVBoxLayout()
        figures.setSpacing(2)
        for figure in (self.times, self.restarts):
            figures.addWidget(figure, 0, Qt.AlignmentFlag.AlignRight)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self.sign)
        head.addLayout(words, 1)
        head.addLayout(figures)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 9, 14, 9)
        column.setSpacing(8)
        column.addLayout(head)
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
