"""The live figures: how the beat is, what was dropped and why, and who paints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from mirrorfx_ui.desk.signs import Sign, pixmap
from mirrorfx_ui.desk.sparkline import Sparkline
from mirrorfx_ui.desk.theme import label
from mirrorfx_ui.desk.workers import WorkerList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx_ui.desk.bridge import Bridge

__all__ = ["FiguresPanel", "Tile"]

_NOTHING = "–"
_TILE_PX = 102
"""Columns that stay where they are while the figures change."""


class Tile(QWidget):
    """A figure over what it counts."""

    def __init__(self, caption: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.value = label(_NOTHING, "value")
        self.caption = label(caption, "muted")
        self._caption = caption
        self.setToolTip(hint)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self.value)
        column.addWidget(self.caption)

    def show_text(self, text: str) -> None:
        """Show a figure."""
        self.value.setText(text)
        self.setAccessibleName(f"{self._caption}: {text}")


class FiguresPanel(QWidget):
    """What the report says, ten seconds back, five times a second."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fps = label(_NOTHING, "huge")
        self.fps.setAccessibleName(self.tr("New frames a second"))
        self.line = Sparkline()
        self.line.setAccessibleName(self.tr("New frames a second over the last minute"))
        tr = self.tr
        self.p50 = Tile(tr("delay, median"), tr("From the camera to the wall, half of all frames"))
        self.p95 = Tile(tr("delay, p95"), tr("From the camera to the wall, 95 of 100 frames"))
        self.beat = Tile(tr("beat, std"), tr("How much the time between new frames varies"))
        self.freezes = Tile(tr("freezes"), tr("Gaps of three times the usual, in the last ten seconds"))
        self.engine = Tile(tr("engine CPU"), tr("CPU time that the engine itself needs for a frame"))
        self.wall = Tile(tr("wall"), tr("How often the screen shows a picture, new or repeated"))
        self.newer = Tile(tr("newer came"), tr("Not painted: a newer frame came first. Normal with a fast camera"))
        self.late = Tile(tr("too late"), tr("Painted, but not in time to be shown"))
        self.lost = Tile(tr("worker lost"), tr("Lost with a worker that ended"))
        self.fallback = _Warning()
        self.workers = WorkerList()
        self._lay_out()
        bridge.figures_changed.connect(self.show_figures)

    def show_figures(self, report: Mapping[str, Any]) -> None:
        """Show the report so far."""
        recent = report.get("recent") or report
        painted = report["frames"]["shown"] > 0
        self.fps.setText(f"{recent['fps']:.1f}" if painted else _NOTHING)
        self.line.add(float(recent["fps"]))
        latency, interval = recent["latency_ms"], recent["interval_ms"]
        self.p50.show_text(_ms(latency.get("p50"), painted))
        self.p95.show_text(_ms(latency.get("p95"), painted))
        self.beat.show_text(_spread(interval.get("std"), painted))
        self.freezes.show_text(str(recent["freezes"]))
        self.engine.show_text(f"{report['engine_cpu_ms_per_frame']:.2f} ms")
        rate_hz = report.get("display_hz")
        self.wall.show_text(f"{rate_hz:.4g} Hz" if rate_hz else _NOTHING)
        dropped = report["frames"]["dropped"]
        self.newer.show_text(str(dropped["mailbox"]))
        self.late.show_text(str(dropped["late"]))
        self.lost.show_text(str(dropped["worker_lost"]))
        self.workers.show_figures(report["workers"])
        self.fallback.show_text(self._fallback_reason(report))

    def _fallback_reason(self, report: Mapping[str, Any]) -> str:
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
        column.setSpacing(10)
        column.addWidget(self.fallback)
        column.addLayout(self._headline())
        column.addWidget(self.line)
        column.addSpacing(4)
        column.addLayout(self._tiles(((self.p50, self.p95, self.beat), (self.wall, self.engine, self.freezes))))
        column.addWidget(_rule())
        column.addWidget(label(self.tr("Dropped frames"), "title"))
        column.addLayout(self._tiles(((self.newer, self.late, self.lost),)))
        column.addWidget(_rule())
        column.addWidget(label(self.tr("Workers"), "title"))
        column.addWidget(_scrolling(self.workers), 1)

    def _headline(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.fps)
        row.addWidget(label(self.tr("new frames\na second"), "muted"), 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch()
        return row

    def _tiles(self, rows: tuple[tuple[Tile, ...], ...]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(12)
        for y, row in enumerate(rows):
            for x, tile in enumerate(row):
                grid.addWidget(tile, y, x)
                grid.setColumnStretch(x, 1)
                grid.setColumnMinimumWidth(x, _TILE_PX)
        return grid


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


def _scrolling(inside: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidget(inside)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


def _ms(value: float | None, painted: bool) -> str:  # noqa: FBT001  private
    return f"{value:.0f} ms" if painted and value is not None else _NOTHING


def _spread(value: float | None, painted: bool) -> str:  # noqa: FBT001  private
    if not painted or value is None:
        return _NOTHING
    return f"± {value:.1f} ms" if value < 10 else f"± {value:.0f} ms"
