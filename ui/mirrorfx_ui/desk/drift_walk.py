"""The seed's drift as a picture: keyframes as beads along a path, and where on it the noise is now."""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QElapsedTimer, QPointF, QRectF, QSize, Qt, QTimer
from PyQt6.QtGui import QColor, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from mirrorfx_ui.desk import theme

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PyQt6.QtGui import QHideEvent, QPaintEvent, QShowEvent

__all__ = ["DriftWalk", "height_at"]

_HEIGHT_PX = 64
_TEXT_PX = 20
_BEAD_PX = 92
"""From one keyframe to the next."""
_NOW_SHARE = 0.3
_STEP = 1 / 12
_TICK_MS = 100


def height_at(seed: int, phase: float) -> float:
    """Return how high the path runs at `phase` keyframes, 0 to 1: by chance at each keyframe, smooth in between."""
    before = math.floor(phase)
    along = phase - before
    eased = (1 - math.cos(math.pi * along)) / 2
    return _bead(seed, before) * (1 - eased) + _bead(seed, before + 1) * eased


def _bead(seed: int, keyframe: int) -> float:
    return zlib.crc32(f"{seed}/{keyframe}".encode()) / 2**32


class DriftWalk(QWidget):
    """The path runs to the left under a marker that stays; behind it lies what was painted.

    The engine tells position and speed a few times a second; in between the picture goes on by itself, ten times a
    second while it is seen and something moves.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._seed = 0
        self._phase = 0.0
        self._rate = 0.0
        self._since = QElapsedTimer()
        self._since.start()
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._go_on)
        self.setFixedHeight(_HEIGHT_PX + _TEXT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(self.tr("The seed's noise walks from keyframe to keyframe; this is where it is now."))

    def show_seed(self, seed: int) -> None:
        """Show another path."""
        if seed != self._seed:
            self._seed = seed
            self.update()

    def show_figures(self, figures: Mapping[str, Any]) -> None:
        """Take position (keyframes) and speed (keyframes a minute) from the report's ``drift``, if it has one."""
        drift = figures.get("drift")
        if drift:
            self._phase, self._rate = float(drift["phase"]), float(drift["rate"])
            self._since.restart()
            self._go_on()
            self._run()

    @property
    def phase(self) -> float:
        """Where it is now, in keyframes."""
        return self._phase + self._rate * self._since.elapsed() / 60_000

    @property
    def words(self) -> str:
        """What the picture shows, in words."""
        keyframe = math.floor(self.phase)
        if self._rate <= 0:
            return self.tr("rests at keyframe %1").replace("%1", f"{self.phase:.2f}")
        left_s = (keyframe + 1 - self.phase) * 60 / self._rate
        text = self.tr("keyframe %1 in %2 s")
        return text.replace("%1", str(keyframe + 1)).replace("%2", f"{left_s:.0f}" if left_s >= 1 else "<1")

    def _go_on(self) -> None:
        self.setAccessibleName(self.tr("Drift: %1").replace("%1", self.words))
        self.update()

    def _run(self) -> None:
        if self._rate > 0 and self.isVisible():
            if not self._tick.isActive():
                self._tick.start()
        else:
            self._tick.stop()

    @override
    def showEvent(self, a0: QShowEvent | None) -> None:
        super().showEvent(a0)
        self._run()

    @override
    def hideEvent(self, a0: QHideEvent | None) -> None:
        super().hideEvent(a0)
        self._tick.stop()

    @override
    def sizeHint(self) -> QSize:
        return QSize(240, self.height())

    @override
    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        now = self.phase
        first, last = self._phase_at(0, now), self._phase_at(self.width(), now)
        self._paint_path(painter, now, first, now, QColor(theme.FAINT))
        self._paint_path(painter, now, now, last, QColor(theme.MUTED))
        font = self.font()
        font.setPixelSize(12)
        painter.setFont(font)
        words = self.words
        room = self.width() - painter.fontMetrics().horizontalAdvance(words) - 16
        for keyframe in range(math.floor(first), math.ceil(last) + 1):
            self._paint_bead(painter, keyframe, now, room)
        self._paint_now(painter, now)
        painter.setPen(QColor(theme.MUTED))
        below = QRectF(0, _HEIGHT_PX, self.width(), _TEXT_PX)
        painter.drawText(below, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words)
        painter.end()

    def _phase_at(self, x: float, now: float) -> float:
        return now + (x - self.width() * _NOW_SHARE) / _BEAD_PX

    def _point(self, phase: float, now: float) -> QPointF:
        room = _HEIGHT_PX - 24
        x = self.width() * _NOW_SHARE + (phase - now) * _BEAD_PX
        return QPointF(x, 12 + room * (1 - height_at(self._seed, phase)))

    def _paint_path(self, painter: QPainter, now: float, start: float, end: float, colour: QColor) -> None:
        steps = max(math.ceil((end - start) / _STEP), 1)
        points = [self._point(start + (end - start) * step / steps, now) for step in range(steps + 1)]
        painter.setPen(QPen(colour, 1.6))
        painter.drawPolyline(QPolygonF(points))

    def _paint_bead(self, painter: QPainter, keyframe: int, now: float, room: float) -> None:
        """Draw a keyframe: full behind the marker, a ring before it; with its number, if that ends within `room`."""
        at = self._point(keyframe, now)
        passed = keyframe <= now
        painter.setPen(QPen(QColor(theme.FAINT if passed else theme.MUTED), 1.6))
        painter.setBrush(QColor(theme.FAINT if passed else theme.PANEL))
        painter.drawEllipse(at, 4.5, 4.5)
        if at.x() + 12 > room:
            return
        painter.setPen(QColor(theme.FAINT))
        painter.drawText(QRectF(at.x() - 30, _HEIGHT_PX, 60, _TEXT_PX), Qt.AlignmentFlag.AlignCenter, str(keyframe))

    def _paint_now(self, painter: QPainter, now: float) -> None:
        at = self._point(now, now)
        glow = QColor(theme.ACCENT)
        glow.setAlpha(50)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(glow)
        painter.drawEllipse(at, 11, 11)
        painter.setBrush(QColor(theme.ACCENT if self.isEnabled() else theme.FAINT))
        painter.drawEllipse(at, 6, 6)
