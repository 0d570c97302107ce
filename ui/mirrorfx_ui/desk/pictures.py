"""What is seen and shown, beside each other: the camera's picture, the wall's, and a preview while there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QRectF, QSizeF, Qt, QTimer
from PyQt6.QtGui import QColor, QImage, QPainter, QPainterPath
from PyQt6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget
from typing_extensions import override

from mirrorfx.control.pictures import INPUT, PREVIEW, PROGRAM
from mirrorfx_ui.desk import theme
from mirrorfx_ui.desk.picture_stream import PictureStream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PyQt6.QtGui import QHideEvent, QPaintEvent, QShowEvent

    from mirrorfx_ui.desk.bridge import Bridge

__all__ = ["PictureView", "PicturesPanel"]

_RATES = {PROGRAM: 5.0, INPUT: 3.0}
_PREVIEW_RATE = 5.0
_EVERY = 5
"""Each fifth picture is the preview's, while there is one."""
_STALE_MS = 4000
_LEAST_PX = 80
_ROW_PX = 24
_RADIUS_PX = 8
_CENTRED = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap


class PictureView(QWidget):
    """A picture as large as fits, its shape kept; or words that say why there is none."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = ""
        self.lines: tuple[str, ...] = ()
        """What is to be read on the picture, each cut where it is longer than that."""
        self.image: QImage | None = None
        self.setAccessibleName(name)
        self.setMinimumHeight(_LEAST_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def caption(self) -> str:
        """All that is to be read on the picture."""
        return " – ".join(self.lines)

    def show_image(self, image: QImage) -> None:
        """Show a picture."""
        self.image = image
        self.setAccessibleDescription(self.caption or self.tr("There is a picture"))
        self.update()

    def show_words(self, words: str) -> None:
        """Show these instead."""
        if self.image is None and words == self.words:
            return
        self.image, self.words = None, words
        self.setAccessibleDescription(words)
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        place = QRectF(self.rect())
        if self.image:
            size = QSizeF(self.image.size()).scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRectF(place.left(), place.top(), size.width(), size.height())
        rounded = QPainterPath()
        rounded.addRoundedRect(place, _RADIUS_PX, _RADIUS_PX)
        painter.setClipPath(rounded)
        font = painter.font()
        font.setPixelSize(13)
        painter.setFont(font)
        if self.image:
            painter.drawImage(place, self.image)
            self._draw_caption(painter, place)
            return
        painter.fillRect(place, QColor(theme.RAISED))
        painter.setPen(QColor(theme.MUTED))
        painter.drawText(place.adjusted(12, 8, -12, -8), _CENTRED, self.words)

    def _draw_caption(self, painter: QPainter, place: QRectF) -> None:
        if not self.lines:
            return
        metrics = painter.fontMetrics()
        height = metrics.lineSpacing() * len(self.lines) + 8
        strip = QRectF(place.left(), place.bottom() - height, place.width(), height)
        painter.fillRect(strip, QColor(0, 0, 0, 170))
        painter.setPen(QColor(theme.TEXT))
        room = strip.adjusted(6, 4, -6, -4)
        fitted = [metrics.elidedText(line, Qt.TextElideMode.ElideRight, int(room.width())) for line in self.lines]
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, "\n".join(fitted))


class _Column(QWidget):
    """A picture under its name, and what there is to say about it."""

    def __init__(self, name: str, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._none = words
        self.title = theme.label(name, "title")
        self.title.setFixedHeight(_ROW_PX)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.note = theme.label("", "muted")
        self.view = PictureView(name)
        self.view.show_words(words)
        self._stale = QTimer(self)
        self._stale.setSingleShot(True)
        self._stale.setInterval(_STALE_MS)
        self._stale.timeout.connect(lambda: self.view.show_words(self._none))
        self.row = QHBoxLayout()
        self.row.setSpacing(10)
        self.row.addWidget(self.title, 1)
        self.row.addWidget(self.note)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(self.row)
        column.addWidget(self.view, 1)

    def show_image(self, image: QImage) -> None:
        """Show a picture, until none has come for a while."""
        self._stale.start()
        self.view.show_image(image)

    def say(self, words: str) -> None:
        """Say why there is no picture, as long as there is none."""
        self._none = words
        if self.view.image is None or not self._stale.isActive():
            self.view.show_words(words)

    def blank(self, words: str) -> None:
        """Take the picture away, and say why."""
        self._stale.stop()
        self._none = words
        self.view.show_words(words)


class PicturesPanel(QWidget):
    """Input, program and preview. Nothing is asked of the mirror while nobody sees the panel.

    While there is a preview, it goes over to what is cued next.
    """

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._preview: dict[str, Any] | None = None
        self._cue: str | None = None
        self.stream = PictureStream(self)
        tr = self.tr
        self.input = _Column(tr("Input"), tr("Connecting …"))
        self.program = _Column(tr("Program"), tr("Connecting …"))
        self.preview = _Column(tr("Preview"), "")
        self.preview_button = QToolButton()
        self.preview_button.setProperty("role", "small")
        self.preview_button.clicked.connect(self._toggle_preview)
        self.preview.row.addWidget(self.preview_button)
        self._columns = {PROGRAM: self.program, INPUT: self.input, PREVIEW: self.preview}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(14)
        for column in (self.input, self.program, self.preview):
            row.addWidget(column, 1)
        self.stream.came.connect(self._show_image)
        self.stream.up_changed.connect(self._show_up)
        bridge.state_changed.connect(self.show_state)
        self._show_preview()

    def close_stream(self) -> None:
        """Hang up. Safe to call twice."""
        self.stream.close()

    def show_state(self, state: Mapping[str, Any]) -> None:
        """Show what concerns pictures: where they come from, and the preview."""
        self.stream.connect_to(str(state.get("monitor_url") or ""))
        if not self.stream.url:
            for column in (self.input, self.program):
                column.blank(self.tr("This mirror sends no pictures."))
        before, self._cue, self._preview = self._cue, state.get("cue"), state.get("preview")
        if self._preview and self._cue not in (None, before, self._preview["name"]):
            self._bridge.ask("preview", name=self._cue, every=self._preview["every"])
        self._show_preview()
        self._ask()

    def show_panic(self, panic: Mapping[str, Any]) -> None:
        """Name what the wall shows instead of the program."""
        seen = panic.get("seen")
        self.program.note.setText(str(seen).upper() if seen else "")

    def _show_image(self, kind: str, image: QImage) -> None:
        if kind in self._columns:
            self._columns[kind].show_image(image)

    # The preview

    def _toggle_preview(self) -> None:
        if self._preview:
            self._bridge.ask("preview", name=None)
        elif self._cue:
            self._bridge.ask("preview", name=self._cue, every=_EVERY)

    def _show_preview(self) -> None:
        tr, preview = self.tr, self._preview
        if preview is None:
            self.preview.view.lines = ()
            self.preview.blank(
                tr("%s is cued. Look at it here before GO.").replace("%s", self._cue)
                if self._cue
                else tr("Cue a preset to look at it here before GO.")
            )
        else:
            name, share = str(preview["name"]), preview.get("cost_share")
            cost = tr("costs %1 % of the rate")
            known = () if share is None else (cost.replace("%1", f"{100 * share:.0f}"),)
            self.preview.view.lines = (name, *known)
            self.preview.say(tr("%s is being prepared …").replace("%s", name))
        self.preview_button.setText(tr("Stop") if preview else tr("Start"))
        self.preview_button.setAccessibleName(tr("Stop the preview") if preview else tr("Preview what is cued"))
        self.preview_button.setEnabled(bool(preview or self._cue))

    # Connection and rate

    def _show_up(self, up: bool) -> None:  # noqa: FBT001  a signal's argument
        tr = self.tr
        if up:
            self.input.say(tr("No picture from the camera"))
            self.program.say(tr("No picture from the wall"))
        else:
            for column in (self.input, self.program):
                column.blank(tr("The pictures are being restarted …"))

    def _ask(self) -> None:
        rates = (_RATES | ({PREVIEW: _PREVIEW_RATE} if self._preview else {})) if self.isVisible() else {}
        self.stream.want(rates)

    @override
    def showEvent(self, event: QShowEvent | None) -> None:
        self._ask()

    @override
    def hideEvent(self, event: QHideEvent | None) -> None:
        self._ask()
