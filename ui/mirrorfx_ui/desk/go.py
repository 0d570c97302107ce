"""GO: what it will do, its time, and how far the fade is that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QElapsedTimer, QRectF, QSize, Qt, QTimer
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QValidator
from PyQt6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget
from typing_extensions import override

from mirrorfx_ui.desk import theme

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PyQt6.QtGui import QPaintEvent

    from mirrorfx_ui.desk.preset_list import PresetList

__all__ = ["GoBar"]

_HEIGHT_PX, _STRIPE_PX = 68, 6
_TICK_MS = 40
_SHORTEST_FADE_S = 0.5
"""Shorter ones are edits by hand, which need no progress."""
_OWN_TIME = -0.5
_FADE_MOST_S = 600.0
_INK = QColor("#0e1620")


class GoBar(QWidget):
    """The button, and the time that it takes instead of the presets' own."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = _GoButton()
        self.fade = _FadeBox()
        self.fade.setRange(_OWN_TIME, _FADE_MOST_S)
        self.fade.setSingleStep(0.5)
        self.fade.setDecimals(1)
        self.fade.setSuffix(self.tr(" s"))
        self.fade.setSpecialValueText(self.tr("Preset's own"))
        self.fade.setValue(_OWN_TIME)
        self.fade.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.fade.setAccessibleName(self.tr("Fade time of GO and the number keys, in seconds"))
        self.fade.setToolTip(self.tr("Seconds. An empty field, or the wheel down past 0, is the preset's own time."))
        self.fade.valueChanged.connect(self._say)
        self._target: tuple[str, float, str] | None = None
        self._fading_to, self._fade_s, self._left_s = "", 0.0, 0.0
        self._getting_ready = False
        self._since = QElapsedTimer()
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._show_fade)
        self._lay_out()
        self._say()

    @property
    def fade_s(self) -> float | None:
        """The time to take instead of the presets' own; None takes theirs."""
        return None if self.fade.value() < 0 else self.fade.value()

    def show_state(self, state: Mapping[str, Any], presets: PresetList) -> None:
        """Take what is next, and the fade that runs."""
        self._target = self._next(state, presets)
        fade = state.get("fade")
        self._fading_to = str(state["preset"] or self.tr("what was set"))
        self._getting_ready = bool(state.get("preparing")) and not state.get("dirty")
        if fade and fade["seconds"] >= _SHORTEST_FADE_S:
            self._fade_s, self._left_s = float(fade["seconds"]), float(fade["left_s"])
            self._since.start()
            self._tick.start()
        else:
            self._left_s = 0.0
        self._say()
        self._show_fade()

    def _next(self, state: Mapping[str, Any], presets: PresetList) -> tuple[str, float, str] | None:
        """Return (name, its fade in seconds, a note) of what GO takes: what is cued, else the list's next."""
        row = presets.find(state["cue"]) if state.get("cue") else None
        if row:
            edited = row.text == state["preset"] and state.get("dirty")
            return row.text, row.fade_s, self.tr("takes the edits back") if edited else ""
        listed = state.get("list") or {}
        cues, following = listed.get("cues", []), listed.get("at", -1) + 1
        if following >= len(cues):
            return None
        cue = cues[following]
        row = presets.find(cue["preset"])
        own_s = row.fade_s if row else 0.0
        fade_s = cue.get("fade_s")
        note = self.tr("cue %1 of the list").replace("%1", str(following + 1))
        return str(cue["preset"]), own_s if fade_s is None else float(fade_s), note

    def _left_now_s(self) -> float:
        return max(self._left_s - self._since.elapsed() / 1000, 0.0) if self._left_s else 0.0

    def _show_fade(self) -> None:
        left_s = self._left_now_s()
        if self._getting_ready:
            self.button.show_fade(self.tr("Getting %1 ready …").replace("%1", self._fading_to), 0.0)
        elif left_s:
            text = self.tr("%1 in %2 s").replace("%1", self._fading_to).replace("%2", f"{left_s:.1f}")
            self.button.show_fade(text, 1 - left_s / self._fade_s)
        else:
            self.button.show_fade("", 0.0)
        if not left_s:
            self._tick.stop()

    def _say(self) -> None:
        own = self.fade_s is None
        self.fade.setProperty("role", "small" if own else "set")
        style = self.fade.style()
        if style:
            style.polish(self.fade)
        if self._target is None:
            self.button.show_target("", self.tr("Click a preset first"))
            return
        name, seconds, note = self._target
        seconds = seconds if self.fade_s is None else self.fade_s
        over = self.tr("over %1 s").replace("%1", f"{seconds:g}") if seconds else self.tr("at once")
        self.button.show_target(name, " · ".join(filter(None, (over, note))))

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.button)
        row = QHBoxLayout()
        row.addWidget(theme.label(self.tr("Fade time"), "muted"))
        row.addStretch()
        row.addWidget(self.fade)
        self.fade.setFixedWidth(140)
        column.addLayout(row)


class _FadeBox(QDoubleSpinBox):
    """Seconds; an empty field is the least value, which stands for the presets' own time."""

    @override
    def validate(self, input: str | None, pos: int) -> tuple[QValidator.State, str, int]:
        if self._is_empty(input):
            return QValidator.State.Acceptable, input or "", pos
        return super().validate(input, pos)

    @override
    def valueFromText(self, text: str | None) -> float:
        return self.minimum() if self._is_empty(text) else super().valueFromText(text)

    def _is_empty(self, text: str | None) -> bool:
        return not (text or "").removesuffix(self.suffix()).strip()


class _GoButton(QPushButton):
    """Large; its text says all of it to those who can't see it."""

    def __init__(self) -> None:
        super().__init__()
        self._name, self._detail = "", ""
        self._fade_text, self._share = "", 0.0
        self.setMinimumHeight(_HEIGHT_PX)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_target(self, name: str, detail: str) -> None:
        """Say what a press does."""
        self._name, self._detail = name, detail
        self.setEnabled(bool(name))
        text = self.tr("GO → %1, %2").replace("%2", detail).replace("%1", name)
        self.setText(text if name else self.tr("GO"))
        self.setAccessibleName(self.text())
        self.setAccessibleDescription("" if name else detail)
        self.setToolTip(self.tr("Key: Space"))
        self.update()

    def show_fade(self, text: str, share: float) -> None:
        """Say how far the fade is; nothing runs when `text` is empty."""
        if (text, share) != (self._fade_text, self._share):
            self._fade_text, self._share = text, share
            self.update()

    @property
    def fade_text(self) -> str:
        """What is said about the fade that runs; empty when none does."""
        return self._fade_text

    @override
    def sizeHint(self) -> QSize:
        return QSize(200, _HEIGHT_PX)

    @override
    def paintEvent(self, _event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        shape = QPainterPath()
        shape.addRoundedRect(area, 10, 10)
        painter.fillPath(shape, self._back())
        painter.setClipPath(shape)
        if self._fade_text:
            done = QRectF(area.left(), area.bottom() - _STRIPE_PX, area.width() * self._share, _STRIPE_PX)
            painter.fillRect(QRectF(area.left(), done.top(), area.width(), _STRIPE_PX), QColor(0, 0, 0, 90))
            painter.fillRect(done, QColor(theme.ACCENT))
        painter.setClipping(False)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.ACCENT), 2))
            painter.drawPath(shape)
        self._paint_words(painter, area.adjusted(16, 4, -12, -4 - (_STRIPE_PX if self._fade_text else 0)))
        painter.end()

    def _back(self) -> QColor:
        if not self.isEnabled():
            return QColor(theme.TROUGH).darker(125)
        colour = QColor(theme.NEXT)
        if self.isDown():
            return colour.darker(125)
        return colour.lighter(106) if self.underMouse() else colour

    def _paint_words(self, painter: QPainter, area: QRectF) -> None:
        ink = _INK if self.isEnabled() else QColor(theme.MUTED)
        painter.setPen(ink)
        big = _sized(painter, 27, bold=True)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.tr("GO"))
        words = area.adjusted(QFontMetricsF(big).horizontalAdvance(self.tr("GO")) + 14, 0, 0, 0)
        upper, lower = QRectF(words), QRectF(words)
        upper.setHeight(words.height() * 0.54)
        lower.setTop(upper.bottom())
        said = self._fade_text or self._detail
        if not self._name:
            _sized(painter, 14, bold=False)
            _line(painter, words, said, Qt.AlignmentFlag.AlignVCenter)
            return
        _sized(painter, 18, bold=True)
        _line(painter, upper, f"→ {self._name}", Qt.AlignmentFlag.AlignBottom)
        _sized(painter, 14, bold=False)
        _line(painter, lower, said, Qt.AlignmentFlag.AlignTop)


def _line(painter: QPainter, area: QRectF, text: str, vertical: Qt.AlignmentFlag) -> None:
    fitted = QFontMetricsF(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, area.width())
    painter.drawText(area, vertical | Qt.AlignmentFlag.AlignLeft, fitted)


def _sized(painter: QPainter, size_px: int, *, bold: bool) -> QFont:
    font = QFont(painter.font())
    font.setPixelSize(size_px)
    font.setBold(bold)
    painter.setFont(font)
    return font
