"""The beat as a picture: latency and interval of each frame of the last minute, with a mark for each event."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QLineF, QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QPainter, QPen, QStaticText
from PyQt6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QToolTip, QVBoxLayout, QWidget
from typing_extensions import override

from mirrorfx_ui.desk import theme
from mirrorfx_ui.desk.theme import label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PyQt6.QtGui import QMouseEvent
    from PyQt6.QtWidgets import QLabel

    from mirrorfx_ui.desk.events import Event

__all__ = ["SECONDS", "BeatPlots", "TimePlot"]

SECONDS = 60.0
_LATENCY, _INTERVAL = "#efb366", "#7fb8ef"
_LEVELS = {"error": theme.BAD, "warning": theme.WARN, "info": theme.MUTED}
"""The worst first: where letters would overlap, its letter stays."""
_KINDS = {"preset": "P", "effect": "E", "cue": "C", "panic": "!", "link": "L"}
_NOTICES = {"info": "i", "warning": "!", "error": "×"}
_PERCENTILES = (50, 95, 99)
_DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
_GAP_MS = 1000.0
_NEAR_PX = 7
_AXIS_PX = 36
_VALUE_PX = 42
_FINEST_S = 0.2
_LETTER_PX, _LETTER_APART_PX = 14, 9
_ROOM = 0.12
"""Above and below the axis, as a share of it: for its outer labels."""


def letter(event: Event) -> str:
    """Return the letter that stands for an event's kind, so that none is told by colour alone."""
    return _KINDS.get(event.kind) or _NOTICES.get(event.level, "i")


@cache
def _static(text: str) -> QStaticText:
    return QStaticText(text)


class _Marks(pg.GraphicsObject):  # type: ignore[misc]
    """Vertical lines with a letter on top; one item, however many there are."""

    def __init__(self, *, lettered: bool) -> None:
        super().__init__()
        self.events: Sequence[Event] = ()
        self._now_s = 0.0
        self._lettered = lettered
        self._lettered_at: list[float] = []
        self._font = QFont()
        self._font.setPixelSize(11)
        self._font.setBold(True)

    def show_events(self, events: Sequence[Event], now_s: float) -> None:
        self.events, self._now_s = events, now_s
        self.update()

    @override
    def boundingRect(self) -> QRectF:
        view = self.getViewBox()
        return QRectF(view.viewRect()) if view else QRectF()

    @override
    def viewRangeChanged(self) -> None:
        self.prepareGeometryChange()

    @override
    def paint(self, painter: QPainter, *_args: Any) -> None:
        seen = painter.worldTransform().mapRect(self.boundingRect())
        per_s = seen.width() / SECONDS
        self._lettered_at.clear()
        painter.save()
        painter.resetTransform()
        painter.setFont(self._font)
        for level, colour in _LEVELS.items():
            marked = [event for event in self.events if event.level == level]
            places = [seen.right() - per_s * (self._now_s - event.t_s) for event in marked]
            self._paint_level(painter, QColor(colour), seen, list(zip(places, marked, strict=True)))
        painter.restore()

    def _paint_level(
        self, painter: QPainter, colour: QColor, seen: QRectF, marks: Sequence[tuple[float, Event]]
    ) -> None:
        painter.setPen(colour)
        top = seen.top()
        if self._lettered:
            top += _LETTER_PX
            for x, event in marks:
                if all(abs(x - taken) >= _LETTER_APART_PX for taken in self._lettered_at):
                    self._lettered_at.append(x)
                    painter.drawStaticText(QPointF(x - 4, seen.top()), _static(letter(event)))
        colour.setAlpha(150)
        painter.setPen(QPen(colour, 1))
        for x, _ in marks:
            painter.drawLine(QLineF(x, top, x, seen.bottom()))


class TimePlot(pg.PlotWidget):  # type: ignore[misc]
    """One value over the last minute; the right edge is now.

    Args:
        colour: of the line.
        lettered: whether the marks of events have their letters here.
    """

    def __init__(self, colour: str, *, lettered: bool) -> None:
        super().__init__(background=theme.PANEL)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # there is nothing in it for the keys
        self.setMenuEnabled(False)
        self.setMouseEnabled(False, False)
        self.setMinimumHeight(64)
        self.setMouseTracking(True)
        self.plotItem.hideButtons()
        self.plotItem.layout.setContentsMargins(0, 2, 1, 2)
        self.hideAxis("bottom")
        self._style_axis(self.getAxis("left"))
        self._lines = [self._percentile(colour, dash) for dash in _DASHES]
        self._curve = pg.PlotCurveItem(pen=pg.mkPen(colour, width=1), antialias=False)
        self._marks = _Marks(lettered=lettered)
        self.addItem(self._curve)
        self.addItem(self._marks, ignoreBounds=True)
        self.disableAutoRange()
        self._top = 0.0
        self._t0_s = 0.0

    def show_values(self, t_s: NDArray[np.float64], values_ms: NDArray[np.float64], gaps: NDArray[np.bool_]) -> None:
        """Show a value for each time.

        Args:
            t_s: by the engine's clock.
            values_ms: as many.
            gaps: whether nothing was shown before that frame for long, so that no line leads there.
        """
        top = _ceiling(values_ms)
        if top != self._top:
            self._top = top
            self.setYRange(0, top, padding=_ROOM)
            self.getAxis("left").setTicks([[(0, "0"), (top / 2, f"{top / 2:g}"), (top, f"{top:g}")], []])
        t_s, seen, connect = _thinned(t_s, np.minimum(values_ms, top), gaps)
        self._curve.setData(t_s - self._t0_s, seen, connect=connect)
        self.scene().prepareForPaint()  # else the first painting would bring about a second

    def show_percentiles(self, values_ms: Sequence[float]) -> None:
        """Move the lines of p50, p95 and p99."""
        for line, value in zip(self._lines, values_ms, strict=True):
            line.setValue(min(value, self._top))
            line.show()

    def show_now(self, now_s: float, events: Sequence[Event]) -> None:
        """Move on to `now_s`, with the marks of `events`."""
        if not self._t0_s or now_s < self._t0_s:
            self._t0_s = now_s  # small numbers: the painter's are floats
        now = now_s - self._t0_s
        self.setXRange(now - SECONDS, now, padding=0)
        self._marks.show_events(events, now_s)

    def event_at(self, x_px: float) -> Event | None:
        """Return the event whose mark is within a few pixels of `x_px`, the nearest one."""
        view = self.getViewBox()
        per_px = view.viewPixelSize()[0]
        at = view.mapSceneToView(QPointF(x_px, 0)).x() + self._t0_s
        near = min(self._marks.events, key=lambda event: abs(event.t_s - at), default=None)
        return near if near and abs(near.t_s - at) <= _NEAR_PX * per_px else None

    @override
    def mouseMoveEvent(self, ev: QMouseEvent) -> None:
        super().mouseMoveEvent(ev)
        event = self.event_at(ev.position().x())
        if event:
            QToolTip.showText(ev.globalPosition().toPoint(), f"{event.time[11:19]}  {event.text}", self)
        else:
            QToolTip.hideText()

    def _percentile(self, colour: str, dash: Qt.PenStyle) -> Any:
        faded = QColor(colour).lighter(135)
        faded.setAlpha(190)
        line = pg.InfiniteLine(angle=0, pen=pg.mkPen(faded, width=1, style=dash))
        line.hide()
        self.addItem(line, ignoreBounds=True)
        return line

    def _style_axis(self, axis: Any) -> None:
        font = QFont()
        font.setPixelSize(12)
        axis.setStyle(tickFont=font, tickLength=0, autoExpandTextSpace=False, tickTextOffset=6)
        axis.setWidth(_AXIS_PX)
        axis.enableAutoSIPrefix(False)
        axis.setPen(pg.mkPen(theme.LINE))
        axis.setTextPen(theme.MUTED)


@dataclass(frozen=True, slots=True)
class _Row:
    """A plot with its three values beside it."""

    plot: TimePlot
    values: tuple[QLabel, ...]
    name: str


class BeatPlots(QWidget):
    """Latency above, interval below, and their p50, p95 and p99 in figures."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        tr = self.tr
        self.latency = self._row(_LATENCY, tr("Latency, camera to wall, in ms"), lettered=True)
        self.interval = self._row(_INTERVAL, tr("Interval between new frames, in ms"), lettered=False)
        self._lay_out()

    def show_frames(self, rows: NDArray[np.float64], now_s: float, events: Sequence[Event]) -> None:
        """Show the frames of the last minute, ``float64[n, 6]`` as in `frames.FIELDS`."""
        shown = rows[rows[:, 3] > 0]
        gaps = shown[:, 3] > _GAP_MS
        for row, column in ((self.latency, 2), (self.interval, 3)):
            row.plot.show_now(now_s, events)
            row.plot.show_values(shown[:, 1] / 1e9, shown[:, column], gaps)
            self._show_percentiles(row, shown[:, column])

    def _show_percentiles(self, row: _Row, values_ms: NDArray[np.float64]) -> None:
        if not len(values_ms):
            return
        figures = [float(value) for value in np.percentile(values_ms, _PERCENTILES, method="inverted_cdf")]
        row.plot.show_percentiles(figures)
        for shown, figure in zip(row.values, figures, strict=True):
            shown.setText(f"{figure:.0f}")
        said = ", ".join(f"p{p} {figure:.0f} ms" for p, figure in zip(_PERCENTILES, figures, strict=True))
        row.plot.setAccessibleName(f"{row.name}: {said}")

    def _row(self, colour: str, name: str, *, lettered: bool) -> _Row:
        plot = TimePlot(colour, lettered=lettered)
        plot.setAccessibleName(name)
        return _Row(plot, tuple(label("–", "value") for _ in _PERCENTILES), name)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for row in (self.latency, self.interval):
            column.addWidget(label(row.name, "muted"))
            column.addLayout(self._beside(row), 1)
        ends = QHBoxLayout()
        ends.setContentsMargins(_AXIS_PX, 0, 0, 0)
        ends.addWidget(label(self.tr("a minute ago"), "muted"))
        ends.addStretch()
        ends.addWidget(label(self.tr("now"), "muted"))
        ends.addSpacing(_VALUE_PX + 44)
        column.addLayout(ends)

    def _beside(self, row: _Row) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(0)
        grid.setHorizontalSpacing(8)
        grid.addWidget(row.plot, 0, 0, len(_PERCENTILES), 1)
        grid.setColumnStretch(0, 1)
        for line, (percent, value) in enumerate(zip(_PERCENTILES, row.values, strict=True)):
            grid.addWidget(label(f"p{percent}", "muted"), line, 1)
            value.setMinimumWidth(_VALUE_PX)
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(value, line, 2)
        return grid


def _thinned(t_s: NDArray[np.float64], values: NDArray[np.float64], gaps: NDArray[np.bool_]) -> tuple[Any, Any, Any]:
    """Return the lowest and the highest value of each fifth of a second, and which points lead to the next.

    Fifths of the clock, not of the picture: else the line would shimmer as it moves.
    """
    if not len(t_s):
        return t_s, values, gaps
    starts = np.flatnonzero(np.diff(np.floor(t_s / _FINEST_S), prepend=-np.inf))
    lowest, highest = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    leads = np.append(~np.logical_or.reduceat(gaps, starts)[1:], False)
    connect = np.column_stack((np.ones_like(leads), leads)).ravel()
    return np.repeat(t_s[starts], 2), np.column_stack((lowest, highest)).ravel(), connect


def _ceiling(values_ms: NDArray[np.float64]) -> float:
    """Return a round top for the axis, which leaves single outliers out and seldom changes."""
    if not len(values_ms):
        return 100.0
    wanted = 1.25 * float(np.percentile(values_ms, 99.5))
    return next((top for top in (20, 50, 100, 150, 200, 300, 500, 1000, 2000, 5000) if top >= wanted), 10_000.0)
