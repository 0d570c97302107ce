"""The live figures: how the beat is, what was dropped or repeated and why, who paints, and how its device is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from mirrorfx_ui.desk.events import EventLog
from mirrorfx_ui.desk.export import ExportButton
from mirrorfx_ui.desk.frames import Frames
from mirrorfx_ui.desk.lag import LagLine
from mirrorfx_ui.desk.painters import FRAMES, PainterStrip
from mirrorfx_ui.desk.plot import SECONDS, BeatPlots
from mirrorfx_ui.desk.report_file import document
from mirrorfx_ui.desk.signs import Sign, pixmap
from mirrorfx_ui.desk.tabs import scrolling
from mirrorfx_ui.desk.theme import label
from mirrorfx_ui.desk.tiles import NOTHING, Tile, tile_grid
from mirrorfx_ui.desk.workers import WorkerList

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from mirrorfx_ui.desk.bridge import Bridge

__all__ = ["FiguresPanel"]


class FiguresPanel(QWidget):
    """What the report says; drawn again when the engine tells, two or three times a second."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        tr = self.tr
        self.frames = Frames()
        self.log = EventLog(bridge, self.frames, self)
        self.fps = label(NOTHING, "huge")
        self.fps.setAccessibleName(tr("New frames a second"))
        self.export = ExportButton(self._collect)
        self.lag = LagLine()
        self.plots = BeatPlots()
        self.painters = PainterStrip()
        self.beat = Tile(tr("beat, std"), tr("How much the time between new frames varies"))
        self.freezes = Tile(tr("freezes"), tr("Gaps of three times the usual, in the last ten seconds"))
        self.engine = Tile(tr("engine CPU"), tr("CPU time that the engine itself needs for a frame"))
        self.wall = Tile(tr("wall"), tr("How often the screen shows a picture, new or repeated"))
        self.delay = Tile(tr("set delay"), tr("How long each frame waits for its turn, so that all come evenly"))
        self.newer = Tile(tr("newer came"), tr("Not painted: a newer frame came first. Normal with a fast camera"))
        self.late = Tile(tr("too late"), tr("Painted, but not in time to be shown"))
        self.lost = Tile(tr("worker lost"), tr("Lost with a worker that died or hung"))
        self.in_time = Tile(tr("none was due"), tr("The screen is faster than the beat. Normal"))
        self.behind = Tile(tr("none had come"), tr("A new frame should have been there: the wall lagged"))
        self.held = Tile(tr("on purpose"), tr("Held while networks change, or hidden by a panic key"))
        self.fallback = _Warning()
        self.workers = WorkerList()
        self._report: Mapping[str, Any] = {}
        self._lay_out()
        bridge.figures_changed.connect(self.show_figures)

    def show_figures(self, report: Mapping[str, Any]) -> None:
        """Show the report so far."""
        self._report = report
        self.export.setEnabled(True)
        recent = report.get("recent") or report
        painted = report["frames"]["shown"] > 0
        self.fps.setText(f"{recent['fps']:.1f}" if painted else NOTHING)
        self.lag.show_lag(report["lag"])
        self.beat.show_text(_spread(recent["interval_ms"].get("std"), painted))
        self.freezes.show_text(str(recent["freezes"]))
        self.engine.show_text(f"{report['engine_cpu_ms_per_frame']:.2f} ms")
        rate_hz, delay_ms = report.get("display_hz"), report.get("delay_ms")
        self.wall.show_text(f"{rate_hz:.4g} Hz" if rate_hz else NOTHING)
        self.delay.show_text(f"{delay_ms:.0f} ms" if painted and delay_ms is not None else NOTHING)
        self._show_counts(report["frames"])
        self.workers.show_figures(report["workers"])
        self._show_frames(report)
        self.fallback.show_text(self._fallback_reason(report))

    def _show_counts(self, frames: Mapping[str, Any]) -> None:
        dropped, repeated = frames["dropped"], frames["repeated_by"]
        held = repeated.get("hold", 0) + repeated.get("panic", 0)
        for tile, count in (
            (self.newer, dropped["mailbox"]),
            (self.late, dropped["late"]),
            (self.lost, dropped["worker_lost"]),
            (self.in_time, repeated.get("beat", 0)),
            (self.behind, repeated.get("behind", 0)),
            (self.held, held),
        ):
            tile.show_text(f"{count:,}".replace(",", " "))

    def _show_frames(self, report: Mapping[str, Any]) -> None:
        self.frames.take(report)
        now_s = self.frames.now_s
        marks = [event for event in self.log.events if event.t_s > now_s - SECONDS]
        self.plots.show_frames(self.frames.recent(SECONDS), now_s, marks)
        last = [(int(row[4]), bool(row[5])) for row in self.frames.rows[-FRAMES:]]
        self.painters.show_frames(last, {worker["number"]: worker["name"] for worker in report["workers"]})

    def _collect(self) -> tuple[Mapping[str, Any], NDArray[np.float64]]:
        return document(self._report, tuple(self.log.events)), self.frames.rows

    def _fallback_reason(self, report: Mapping[str, Any]) -> str:
        opening = report.get("opening") or {}
        if not opening.get("open", True):
            until = opening.get("until")
            return self.tr("Closed until %1.").replace("%1", until) if until else self.tr("Closed.")
        if report.get("showing") != "fallback":
            return ""
        text = self.tr("The wall shows the fallback scene, not the mirror.")
        camera = report.get("camera", {})
        if camera.get("state") == "lost":
            return f"{text} {self.tr('The source is lost:')} {camera.get('reason', '')}"
        if all(worker["state"] != "ready" for worker in report["workers"]):
            return f"{text} {self.tr('No worker is ready yet.')}"
        return text

    # Layout

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.fallback)
        column.addLayout(self._headline())
        column.addWidget(self.lag)
        column.addWidget(self.plots, 3)
        column.addWidget(self.painters)
        rest = scrolling(self._rest())
        rest.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # nothing in it takes the keys that scroll
        rest.setAccessibleName(self.tr("Workers and counts"))
        column.addWidget(rest, 4)

    def _headline(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.fps)
        row.addWidget(label(self.tr("new frames\na second"), "muted"), 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch()
        row.addWidget(self.export, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _rest(self) -> QWidget:
        inside = QWidget()
        inside.setObjectName("inside")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(10)
        column.addWidget(self.workers)
        for title, *rows in (
            (self.tr("Frames dropped"), (self.newer, self.late, self.lost)),
            (self.tr("Pictures repeated"), (self.in_time, self.behind, self.held)),
            (self.tr("Pace"), (self.beat, self.freezes, self.delay), (self.wall, self.engine)),
        ):
            column.addWidget(_rule())
            column.addWidget(label(title, "title"))
            column.addLayout(tile_grid(*rows))
        column.addStretch()
        return inside


class _Warning(QFrame):
    """A sign and a sentence, there only when there is something to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "warning")
        self.text = QLabel()
        self.text.setWordWrap(True)
        sign = QLabel()
        sign.setPixmap(pixmap(Sign.WARNING, 20))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(12)
        row.addWidget(sign)
        row.addWidget(self.text, 1)
        self.hide()

    def show_text(self, text: str) -> None:
        """Show the sentence; an empty one hides all."""
        self.text.setText(text)
        self.setAccessibleName(text)
        self.setVisible(bool(text))


def _rule() -> QFrame:
    rule = QFrame()
    rule.setProperty("role", "rule")
    return rule


def _spread(value: float | None, painted: bool) -> str:  # noqa: FBT001  private
    if not painted or value is None:
        return NOTHING
    return f"± {value:.1f} ms" if value < 10 else f"± {value:.0f} ms"
