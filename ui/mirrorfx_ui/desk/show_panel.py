"""The show's page: GO and BACK, what is next, and the cue list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QElapsedTimer, Qt, QTimer
from PyQt6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from mirrorfx_ui.desk.cue_file import CueFileError, read_cues, write_cues
from mirrorfx_ui.desk.cue_model import CueModel, seconds_text
from mirrorfx_ui.desk.cue_table import CueTable
from mirrorfx_ui.desk.signs import Sign
from mirrorfx_ui.desk.strip import Strip
from mirrorfx_ui.desk.theme import label, small_button
from mirrorfx_ui.desk.wide_button import WideButton

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.control.protocol import Reply
    from mirrorfx_ui.desk.bridge import Bridge

__all__ = ["ShowPanel"]

_TICK_MS = 200
_NEW_CUE = {"fade_s": None, "follow_s": None, "sound": None, "note": ""}
_TABLE_PX = 150


class ShowPanel(QWidget):
    """The cue list as the engine runs it: the show goes on without this page."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._list: dict[str, Any] = {"cues": [], "at": -1, "follows_in_s": None}
        self._fresh = ""
        self._pending = 0
        self.model = CueModel(self)
        self.table = CueTable(self.model)
        self.go = WideButton()
        self.go.setProperty("role", "go")
        self.go.clicked.connect(lambda: bridge.ask("list_go"))
        self.back = QPushButton(self.tr("BACK"))
        self.back.setProperty("role", "big")
        self.back.clicked.connect(lambda: bridge.ask("list_back"))
        self.now = label("", "note")
        self.now.setWordWrap(True)
        self.countdown = label("", "value")
        self.hold = QPushButton(self.tr("Hold"))
        self.hold.setProperty("role", "small")
        self.hold.setToolTip(self.tr("Stay at this cue until somebody presses GO"))
        self.hold.clicked.connect(lambda: bridge.ask("list_hold"))
        self.strip = Strip(self.tr("What was done to the cue list"))
        self.empty = label(self.tr("No cues yet. Choose or cue a preset at the left, then add it."), "muted")
        self.empty.setWordWrap(True)
        self._since = QElapsedTimer()
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._count_down)
        self._make_tools()
        self._lay_out()
        self.model.edited.connect(self._send)
        self.model.refused.connect(lambda text: self.strip.say(text, Sign.WARNING))
        self.table.moved.connect(self._move)
        self.table.remove_pressed.connect(self._remove)
        self.table.jump_asked.connect(lambda row: bridge.ask("list_jump", index=row))
        selection = self.table.selectionModel()
        assert selection
        selection.currentChanged.connect(lambda *_: self._enable())
        bridge.state_changed.connect(self.take)

    def take(self, state: Mapping[str, Any]) -> None:
        """Show the list, and where the show is."""
        self._list = dict(state.get("list") or {"cues": [], "at": -1, "follows_in_s": None})
        self._fresh = str(state.get("cue") or state.get("preset") or "")
        self.model.presets = sorted((str(p["name"]) for p in state["presets"]), key=str.casefold)
        self._since.start()
        self._show()

    # What is shown

    def _show(self) -> None:
        if not self._pending and not self.table.editing:
            row = self.table.row
            self.model.show(self._list["cues"], self._list["at"])
            self.table.choose(min(row, self.model.rowCount() - 1))
        self.empty.setVisible(not self.model.cues)
        self._say_next()
        self._count_down()
        self._enable()

    def _say_next(self) -> None:
        cues = self._list["cues"]
        if not cues:
            self.go.setText(self.tr("GO"))
            self.go.setAccessibleName(self.tr("GO: the cue list is empty"))
            return
        index = (self._list["at"] + 1) % len(cues)
        name = str(cues[index]["preset"]) + (self.tr(" – missing") if cues[index].get("missing") else "")
        self.go.setText(self.tr("GO → %1  %2").replace("%1", str(index + 1)).replace("%2", name))
        fade = seconds_text(cues[index]["fade_s"]) or self.tr("its own time")
        text = self.tr("GO calls cue %1, %2, over %3").replace("%1", str(index + 1)).replace("%2", name)
        self.go.setAccessibleName(text.replace("%3", fade))
        self.go.setToolTip(self.go.accessibleName())

    def _count_down(self) -> None:
        """Say what runs, and how long it is until the next cue follows by itself."""
        follows_in_s = self._list.get("follows_in_s")
        for widget in (self.hold, self.countdown):
            widget.setVisible(follows_in_s is not None)
        self.now.setText(self._now())
        if follows_in_s is None:
            self._tick.stop()
            return
        left_s = max(follows_in_s - self._since.elapsed() / 1000, 0.0)
        text = seconds_text(float(round(left_s)))
        self.countdown.setText(self.tr("next in %1").replace("%1", text))
        if not self._tick.isActive():
            self._tick.start()

    def _now(self) -> str:
        cues, at = self._list["cues"], self._list["at"]
        if not 0 <= at < len(cues):
            return self.tr("The show has not begun.") if cues else ""
        text = self.tr("Cue %1 of %2: %3.").replace("%1", str(at + 1)).replace("%2", str(len(cues)))
        text = text.replace("%3", str(cues[at]["preset"]))
        return f"{text} {cues[at]['note']}".strip()

    def _enable(self) -> None:
        rows, row = self.model.rowCount(), self.table.row
        for button in (self.go, self.back):
            button.setEnabled(rows > 0)
        self.back.setEnabled(rows > 0 and self._list["at"] > 0)
        self.up.setEnabled(row > 0)
        self.down.setEnabled(0 <= row < rows - 1)
        self.remove.setEnabled(row >= 0)
        self.export.setEnabled(rows > 0)
        self.add.setEnabled(bool(self._fresh))
        name = self._fresh or self.tr("a preset")
        self.add.setToolTip(self.tr("Add “%1” below the chosen cue").replace("%1", name))
        self.add.setAccessibleName(self.add.toolTip())

    # What the operator does

    def _send(self) -> None:
        cues = [{key: value for key, value in cue.items() if key != "missing"} for cue in self.model.cues]
        self._pending += 1
        self._bridge.ask("list_set", self._sent, cues=cues)
        self._enable()

    def _sent(self, reply: Reply) -> None:
        self._pending -= 1
        if not reply.ok:
            self.strip.say(reply.error, Sign.WARNING)
        self._show()

    def _change(self, cues: list[dict[str, Any]], row: int) -> None:
        self.model.replace(cues)
        self.table.choose(row)
        self.empty.setVisible(not cues)

    def _add(self) -> None:
        row = self.table.row + 1 if self.table.row >= 0 else self.model.rowCount()
        self._insert({"preset": self._fresh, **_NEW_CUE}, row)

    def _insert(self, cue: dict[str, Any], row: int) -> None:
        cues = list(self.model.cues)
        cues.insert(row, cue)
        self._change(cues, row)

    def _move(self, old: int, new: int) -> None:
        cues = list(self.model.cues)
        if 0 <= old < len(cues) and 0 <= new < len(cues) and old != new:
            cues.insert(new, cues.pop(old))
            self._change(cues, new)

    def _remove(self) -> None:
        row = self.table.row
        if row < 0:
            return
        cues = list(self.model.cues)
        cue = cues.pop(row)
        self._change(cues, min(row, len(cues) - 1))
        text = self.tr("Removed cue %1, “%2”.").replace("%1", str(row + 1)).replace("%2", str(cue["preset"]))
        self.strip.say(text, Sign.INFO, self.tr("Undo"), lambda: self._insert(cue, min(row, len(self.model.cues))))

    # Files

    def open_import(self) -> QFileDialog:
        """Let the operator choose a file; the desk goes on meanwhile."""
        dialog = self._dialog(self.tr("Import a cue list"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.import_file)
        dialog.show()
        return dialog

    def open_export(self) -> QFileDialog:
        """Let the operator choose where to; the desk goes on meanwhile."""
        dialog = self._dialog(self.tr("Export the cue list"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")
        dialog.selectFile("cues.json")
        dialog.fileSelected.connect(self.export_file)
        dialog.show()
        return dialog

    def import_file(self, path: str) -> None:
        """Take the list in a file instead of the one there is, which can be had back."""
        try:
            cues = read_cues(Path(path))
        except CueFileError as error:
            self.strip.say(str(error), Sign.WARNING)
            return
        before = self.model.cues

        def answered(reply: Reply) -> None:
            if not reply.ok:
                self.strip.say(reply.error, Sign.WARNING)
                return
            text = self.tr("Imported %1 cues.").replace("%1", str(len(cues)))
            self.strip.say(text, Sign.GOOD, self.tr("Undo"), lambda: self._change(before, 0))

        self._bridge.ask("list_set", answered, cues=cues)

    def export_file(self, path: str) -> None:
        """Write the list to a file."""
        try:
            write_cues(Path(path), self.model.cues)
        except CueFileError as error:
            self.strip.say(str(error), Sign.WARNING)
        else:
            self.strip.say(self.tr("Exported to %1.").replace("%1", path), Sign.GOOD)

    def _dialog(self, title: str) -> QFileDialog:
        dialog = QFileDialog(self, title, "", self.tr("Cue lists (*.json);;All files (*)"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setModal(False)
        return dialog

    # Layout

    def _make_tools(self) -> None:
        tr = self.tr
        self.add = _tool(tr("Add"), "", self._add)
        self.remove = _tool(tr("Remove"), tr("Remove the chosen cue (Delete)"), self._remove)
        self.up = _tool(
            "↑", tr("Move the chosen cue up (Alt+Up)"), lambda: self._move(self.table.row, self.table.row - 1)
        )
        self.down = _tool(
            "↓", tr("Move the chosen cue down (Alt+Down)"), lambda: self._move(self.table.row, self.table.row + 1)
        )
        self.import_ = _tool(tr("Import …"), tr("Take a cue list from a file"), self.open_import)
        self.export = _tool(tr("Export …"), tr("Write the cue list to a file"), self.open_export)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(8)
        large = QHBoxLayout()
        large.setSpacing(10)
        large.addWidget(self.back, 1)
        large.addWidget(self.go, 3)
        column.addLayout(large)
        line = QHBoxLayout()
        line.addWidget(self.now, 1)
        line.addWidget(self.countdown)
        line.addWidget(self.hold)
        column.addLayout(line)
        column.addWidget(self.empty)
        self.table.setMinimumHeight(_TABLE_PX)
        column.addWidget(self.table, 1)
        column.addWidget(self.strip)
        tools = QHBoxLayout()
        tools.setSpacing(6)
        for tool in (self.add, self.remove, self.up, self.down):
            tools.addWidget(tool)
        tools.addStretch()
        for tool in (self.import_, self.export):
            tools.addWidget(tool)
        column.addLayout(tools)


def _tool(text: str, hint: str, do: Callable[[], object]) -> QPushButton:
    button = small_button(text, hint)
    button.clicked.connect(lambda: do())
    return button
