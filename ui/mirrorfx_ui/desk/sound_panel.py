"""The sound's page: the soundtrack, what is listened to, and which params follow it."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QElapsedTimer, QSignalBlocker, Qt, QTimer
from PyQt6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from mirrorfx_ui.desk.chooser import Chooser
from mirrorfx_ui.desk.controls import INSET_PX, NAME_PX, ROW_GAP_PX
from mirrorfx_ui.desk.edits import Edits
from mirrorfx_ui.desk.meters import Meters
from mirrorfx_ui.desk.number_controls import FaderControl
from mirrorfx_ui.desk.routes import RouteTable
from mirrorfx_ui.desk.signs import Sign, pixmap
from mirrorfx_ui.desk.theme import label, small_button
from mirrorfx_ui.desk.tick_box import TickBox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PyQt6.QtGui import QHideEvent, QShowEvent

    from mirrorfx.control.protocol import Reply
    from mirrorfx_ui.desk.bridge import Bridge
    from mirrorfx_ui.desk.steps import Steps

__all__ = ["SoundPanel"]

_TICK_MS = 250
_NOTHING, _SOUNDTRACK = None, "soundtrack"


class SoundPanel(QWidget):
    """Asks for sound when it is first looked at; before that no sound process runs."""

    def __init__(self, bridge: Bridge, steps: Steps, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._steps = steps
        self._sound: dict[str, Any] = {}
        self._asked = False
        self._routing = 0
        self._edits = Edits(bridge, self, "sound", _volume)
        steps.follow(self._edits, "sound/", {"volume": self.tr("Volume")})
        self.trouble = _Trouble()
        self._make_soundtrack()
        self.input = Chooser()
        self.input.setAccessibleName(self.tr("Listen to"))
        self.input.activated.connect(lambda _index: bridge.ask("sound", self._answered, input=self.input.currentData()))
        self.meters = Meters()
        self.routes = RouteTable()
        self.routes.edited.connect(self._route)
        self._since = QElapsedTimer()
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._show_position)
        self._lay_out()
        bridge.state_changed.connect(self.take)
        bridge.levels_changed.connect(self._show_levels)

    def take(self, state: Mapping[str, Any]) -> None:
        """Show how the sound stands."""
        sound = state.get("sound")
        self.setEnabled(sound is not None)
        if sound is None:
            return
        self._sound = dict(sound)
        self._since.start()
        self._asked = self._asked and sound["ok"] is None
        self._ask_if_seen()
        self.routes.show_params(state["params"])
        if not self._routing:
            self.routes.show_routes(sound["routes"])
        self._show()

    @override
    def showEvent(self, a0: QShowEvent | None) -> None:
        super().showEvent(a0)
        self._ask_if_seen()
        self._show_position()

    @override
    def hideEvent(self, a0: QHideEvent | None) -> None:
        super().hideEvent(a0)
        self._tick.stop()

    def _ask_if_seen(self) -> None:
        if self.isVisible() and self._sound and self._sound["ok"] is None and not self._asked:
            self._asked = True
            self._bridge.ask("sound")

    # What is shown

    def _show(self) -> None:
        sound = self._sound
        self.trouble.show_sound(sound)
        name = PurePath(sound["file"]).name
        self.file.setText(name or self.tr("No soundtrack"))
        self.file.setToolTip(sound["file"])
        self.clear.setEnabled(bool(name))
        self.play.setEnabled(bool(name))
        self.play.setText(self.tr("Stop") if sound["playing"] else self.tr("Play"))
        self.play.setAccessibleName(
            self.tr("Stop the soundtrack") if sound["playing"] else self.tr("Play the soundtrack")
        )
        self.loop.setChecked(sound["loop"])
        if not self.volume.held and not self._edits.is_on_its_way("volume"):
            self.volume.show_value(sound["volume"])
        self._fill(self.device, self._outputs(), sound["device"])
        self._fill(self.input, self._inputs(), sound["input"])
        if sound["input"] is None:
            self.meters.show_levels({})
        self.meters.setEnabled(sound["input"] is not None)
        self._show_position()

    def _show_position(self) -> None:
        sound = self._sound
        if not sound or sound["position_s"] is None:
            self.position.setText(self.tr("loading …") if sound and sound["loading"] else self._length(sound))
            self._tick.stop()
            return
        passed_s = sound["position_s"] + self._since.elapsed() / 1000
        duration_s = sound["duration_s"]
        if duration_s:
            passed_s = passed_s % duration_s if sound["loop"] else min(passed_s, duration_s)
        self.position.setText(" / ".join(filter(None, (_clock(passed_s), self._length(sound)))))
        if self.isVisible() and not self._tick.isActive():
            self._tick.start()

    def _length(self, sound: Mapping[str, Any]) -> str:
        return _clock(sound["duration_s"]) if sound and sound["duration_s"] and sound["file"] else ""

    def _outputs(self) -> list[tuple[str, Any]]:
        return [(self.tr("The usual device"), ""), *((name, name) for name in self._sound["devices"])]

    def _inputs(self) -> list[tuple[str, Any]]:
        own = [(self.tr("Nothing"), _NOTHING), (self.tr("The soundtrack"), _SOUNDTRACK)]
        return [*own, (self.tr("The usual input"), ""), *((name, name) for name in self._sound["inputs"])]

    def _fill(self, chooser: Chooser, choices: Sequence[tuple[str, Any]], chosen: Any) -> None:
        """Offer `choices`; what is chosen but not there is offered too, and says so."""
        if chooser.is_open:
            return
        values = [value for _, value in choices]
        if chosen not in values:
            choices = [*choices, (self.tr("%1 (not there)").replace("%1", str(chosen)), chosen)]
            values.append(chosen)
        with QSignalBlocker(chooser):
            if [(chooser.itemText(n), chooser.itemData(n)) for n in range(chooser.count())] != list(choices):
                chooser.clear()
                for text, value in choices:
                    chooser.addItem(text, value)
            chooser.setCurrentIndex(values.index(chosen))

    def _show_levels(self, levels: Mapping[str, float]) -> None:
        if self.isVisible():
            self.meters.show_levels(levels)

    # What the operator does

    def choose_file(self) -> QFileDialog:
        """Let the operator choose a soundtrack; the desk goes on meanwhile."""
        kinds = "*.wav *.flac *.mp3 *.ogg *.opus *.m4a *.aac *.aif *.aiff *.mp4 *.mov *.mkv"
        filters = f"{self.tr('Sound and films')} ({kinds});;{self.tr('All files')} (*)"
        folder = str(PurePath(self._sound["file"]).parent) if self._sound.get("file") else ""
        dialog = QFileDialog(self, self.tr("Soundtrack"), folder, filters)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setModal(False)
        dialog.fileSelected.connect(self.take_file)
        dialog.show()
        return dialog

    def _edit_volume(self, name: str, value: float, _fade_s: float) -> None:
        self._edits.edit(name, value, gesture=self.volume.gesture.name)

    def _let_volume_go(self) -> None:
        self._steps.end_gesture()
        self._show()

    def take_file(self, path: str) -> None:
        """Ask for another soundtrack."""
        self._bridge.ask("sound", file=path)

    def _route(self, routes: list[dict[str, Any]]) -> None:
        self._routing += 1
        self._bridge.ask("modulation", self._routed, routes=routes)

    def _routed(self, _reply: Reply) -> None:
        self._routing -= 1
        if not self._routing:
            self.routes.show_routes(self._sound["routes"])

    def _answered(self, _reply: Reply) -> None:
        self._show()  # what was refused goes back to what it was

    # Layout

    def _make_soundtrack(self) -> None:
        tr, bridge = self.tr, self._bridge
        self.file = label(tr("No soundtrack"), "param")
        self.file.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.file.setAccessibleName(tr("Soundtrack"))
        self.choose = small_button(tr("Choose …"), tr("Choose a soundtrack"))
        self.choose.clicked.connect(lambda: self.choose_file())
        self.clear = small_button(tr("None"), tr("Have no soundtrack"))
        self.clear.clicked.connect(lambda: bridge.ask("sound", file=None))
        self.play = small_button(tr("Play"), tr("Play the soundtrack"))
        self.play.clicked.connect(lambda: bridge.ask("sound", play=not self._sound["playing"]))
        self.loop = TickBox(tr("Again and again"))
        self.loop.clicked.connect(lambda on: bridge.ask("sound", self._answered, loop=bool(on)))
        self.position = label("", "muted")
        self.position.setAccessibleName(tr("Position in the soundtrack"))
        self.volume = FaderControl(
            {"name": "volume", "kind": "float", "label": tr("Volume"), "help": tr("Of the soundtrack")}
            | {"minimum": 0.0, "maximum": 1.0, "default": 1.0, "unit": "", "curve": 1.0, "osc": ""}
        )
        self.volume.edited.connect(self._edit_volume)
        self.volume.let_go.connect(self._let_volume_go)
        self.device = Chooser()
        self.device.setAccessibleName(tr("Play on"))
        self.device.activated.connect(
            lambda _index: bridge.ask("sound", self._answered, device=self.device.currentData())
        )

    def _lay_out(self) -> None:
        tr = self.tr
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.trouble)
        column.addWidget(label(tr("Soundtrack"), "title"))
        column.addLayout(_row(self.file, self.choose, self.clear))
        column.addLayout(_row(self.play, self.loop, self.position))
        column.addWidget(self.volume)
        column.addLayout(_named(tr("Play on"), self.device))
        column.addSpacing(8)
        column.addWidget(label(tr("What params follow"), "title"))
        column.addLayout(_named(tr("Listen to"), self.input))
        column.addWidget(self.meters)
        column.addWidget(self.routes)


class _Trouble(QFrame):
    """Says that there is no sound, why, and what mends it."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "warning")
        self.text = label("", "note")
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setAccessibleName(self.tr("Why there is no sound"))
        sign = QLabel()
        sign.setPixmap(pixmap(Sign.WARNING, 18))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.text, 1)
        self.hide()

    def show_sound(self, sound: Mapping[str, Any]) -> None:
        """Show the reason, if there is one."""
        self.setVisible(sound["ok"] is False)
        mends = self.tr("What mends it: %1").replace("%1", sound["fix"]) if sound["fix"] else ""
        self.text.setText(f"{sound['reason']}\n{mends}".strip())


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget, int(isinstance(widget, QLabel) and widget.property("role") == "param"))
    if not any(isinstance(widget, QLabel) and widget.property("role") == "param" for widget in widgets):
        row.addStretch()
    return row


def _named(name: str, widget: QWidget) -> QHBoxLayout:
    title = label(name, "param")
    title.setFixedWidth(NAME_PX)
    row = QHBoxLayout()
    row.setSpacing(ROW_GAP_PX + INSET_PX)
    row.addWidget(title)
    row.addWidget(widget, 1)
    return row


def _volume(state: Mapping[str, Any]) -> dict[str, Any]:
    sound = state.get("sound")
    return {"volume": sound["volume"]} if sound else {}


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
