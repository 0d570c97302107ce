"""What can be done with presets: call, save, name, delete and take that back, carry in and out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QIODevice, QObject, QSaveFile, Qt, pyqtSignal
from PyQt6.QtWidgets import QFileDialog, QWidget

from mirrorfx_ui.desk.signs import Sign

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.control.protocol import Reply
    from mirrorfx_ui.desk.bridge import Bridge
    from mirrorfx_ui.desk.go import GoBar
    from mirrorfx_ui.desk.name_line import NameLine
    from mirrorfx_ui.desk.preset_list import PresetList, Row
    from mirrorfx_ui.desk.strip import Strip

__all__ = ["PresetActions"]

_BYTES_MOST = 256 * 1024
_NAME_MOST = 60


class PresetActions(QObject):
    """Asks the engine, and says beside the presets what came of it.

    Files are read and written here, on the desk's machine; the engine gets and gives their text.
    """

    made = pyqtSignal(str)
    """There is, or is about to be, a preset of this name that the operator has just made."""

    def __init__(self, bridge: Bridge, presets: PresetList, go: GoBar, line: NameLine, strip: Strip) -> None:
        super().__init__(strip)
        self._bridge = bridge
        self._presets = presets
        self._go = go
        self._line = line
        self._strip = strip
        self._deleted: str | None = None
        bridge.done.connect(self._done)

    # The show

    def cue(self, name: str | None) -> None:
        """Make a preset the next; None leaves none."""
        self._ask("cue", name=name)

    def go(self) -> None:
        """Take what is next, over its time or the one beside GO."""
        if self._go.button.isEnabled():
            self._ask("go", **self._fade())

    def call(self, name: str) -> None:
        """Take a preset now."""
        self._ask("preset", name=name, **self._fade())

    def call_key(self, key: int) -> None:
        """Take the preset of a number key, 1 to 10."""
        row = self._presets.with_key(key)
        if row:
            self.call(row.text)

    # Saving and naming

    def save(self) -> None:
        """Save over the preset on the wall when it is the user's own; else ask for a name."""
        row = self._presets.find(self._presets.program)
        if row and row.own:
            self._ask("save", self._saved, name=row.text)
        elif row:
            text = self.tr("“%1” is built in and stays as it is. Save what is set as your own preset, under the name")
            self.save_as(text.replace("%1", row.text))
        else:
            self.save_as()

    def save_as(self, title: str = "") -> None:
        """Ask for a name and save what is set; `title` is the question."""
        row = self._presets.find(self._presets.program)
        self._line.ask(
            title or self.tr("Save what is set under the name"),
            self._free_name(row.text) if row else self._presets.program or "",
            (self.tr("Save"), self.tr("Replace")),
            self._save_as,
            category=row.category if row else "",
        )

    def duplicate(self, row: Row) -> None:
        """Ask for the copy's name."""
        title = self.tr("Name of the copy of “%1”").replace("%1", row.text)
        labels = (self.tr("Duplicate"), self.tr("Duplicate"))
        self._line.ask(title, self._free_name(row.text), labels, lambda *given: self._copy(row.text, *given))

    def rename(self, row: Row) -> None:
        """Ask for the new name; a built-in preset keeps its own."""
        if self._is_own(row, self.tr("“%1” is built in and keeps its name. Duplicate it, and name the copy.")):
            title = self.tr("New name of “%1”").replace("%1", row.text)
            labels = (self.tr("Rename"), self.tr("Rename"))
            self._line.ask(title, row.text, labels, lambda *given: self._rename(row.text, *given))

    def delete(self, row: Row) -> None:
        """Delete one of the user's own; for ten seconds a button takes that back."""
        if self._is_own(row, self.tr("“%1” is built in and can't be deleted.")):
            self._ask("delete", self._was_deleted, name=row.text)

    # Files

    def choose_import(self, parent: QWidget) -> QFileDialog:
        """Let files be chosen; nothing waits for it."""
        dialog = self._dialog(parent, self.tr("Import presets"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(self.import_files)
        dialog.show()
        return dialog

    def import_files(self, paths: list[str]) -> None:
        """Give the text of preset files to the engine."""
        for path in map(Path, paths):
            try:
                if path.stat().st_size > _BYTES_MOST:
                    self._refuse(self.tr("%1 is too large to be a preset.").replace("%1", path.name))
                    continue
                text = path.read_text(encoding="utf-8-sig")
            except UnicodeDecodeError:
                self._refuse(self.tr("%1 is not text, so it is no preset.").replace("%1", path.name))
            except OSError as error:
                self._refuse(f"{path}: {error.strerror or error}")
            else:
                self._ask("import", self._imported, toml=text)

    def export(self, row: Row, parent: QWidget) -> None:
        """Ask where a preset's file is to go, and write it there."""
        self._ask("export", lambda reply: self._choose_export(reply, row.text, parent), name=row.text)

    def write_file(self, path: str, text: str) -> None:
        """Write a preset's text whole or not at all."""
        file = QSaveFile(path)
        content = text.encode()
        done = file.open(QIODevice.OpenModeFlag.WriteOnly) and file.write(content) == len(content) and file.commit()
        if done:
            self._strip.say(self.tr("Exported to %1").replace("%1", path), Sign.GOOD)
        else:
            self._refuse(self.tr("%1 can't be written: %2").replace("%1", path).replace("%2", file.errorString()))

    # What came of it

    def _ask(self, do: str, then: Callable[[Reply], None] | None = None, **arguments: Any) -> None:
        def replied(reply: Reply) -> None:
            if not reply.ok:
                self._refuse(reply.error)
            elif then:
                then(reply)

        self._bridge.ask(do, replied, **arguments)

    def _refuse(self, why: str) -> None:
        self._strip.say(why, Sign.BAD)

    def _save_as(self, name: str, category: str | None, answered: Callable[[Reply], None]) -> None:
        def replied(reply: Reply) -> None:
            answered(reply)
            if reply.ok:
                self._saved(reply)

        self._bridge.ask("save", replied, name=name, category=category or "")

    def _copy(self, name: str, new_name: str, _category: str | None, answered: Callable[[Reply], None]) -> None:
        def replied(reply: Reply) -> None:
            answered(reply)
            if reply.ok:
                self._say_of(self.tr("Duplicated as “%1”."), reply)

        self._bridge.ask("duplicate", replied, name=name, new_name=new_name)

    def _rename(self, name: str, new_name: str, _category: str | None, answered: Callable[[Reply], None]) -> None:
        def replied(reply: Reply) -> None:
            answered(reply)
            if reply.ok:
                self._say_of(self.tr("Renamed to “%1”."), reply)

        self._bridge.ask("rename", replied, name=name, new_name=new_name)

    def _saved(self, reply: Reply) -> None:
        self._say_of(self.tr("Saved “%1”."), reply)
        text = self.tr("Saved as %1.").replace("%1", str(reply.result.get("path", "")))
        self._bridge.noticed.emit("info", text)

    def _imported(self, reply: Reply) -> None:
        self._say_of(self.tr("Imported as “%1”."), reply)

    def _done(self, do: str, reply: Reply) -> None:
        if do == "undelete":  # by the button here, or by the desk's undo
            self._deleted = None
            self._say_of(self.tr("“%1” is back."), reply)

    def _was_deleted(self, reply: Reply) -> None:
        self._deleted = str(reply.result["undo"])
        name = str(reply.result.get("name", ""))
        text = self.tr("Deleted “%1”.").replace("%1", name)
        self._strip.say(text, Sign.INFO, self.tr("Undo"), self._undo_pressed)

    def _undo_pressed(self) -> None:
        if self._deleted is not None:
            self._ask("undelete", undo=self._deleted)

    def _say_of(self, text: str, reply: Reply) -> None:
        name = str(reply.result.get("name", ""))
        self._strip.say(text.replace("%1", name), Sign.GOOD)
        self.made.emit(name)

    def _choose_export(self, reply: Reply, name: str, parent: QWidget) -> None:
        text = str(reply.result.get("toml", ""))
        dialog = self._dialog(parent, self.tr("Export “%1”").replace("%1", name))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("toml")
        dialog.selectFile(f"{name}.toml")
        dialog.fileSelected.connect(lambda path: self.write_file(path, text))
        dialog.show()

    def _dialog(self, parent: QWidget, title: str) -> QFileDialog:
        dialog = QFileDialog(parent, title, "", self.tr("Presets (*.toml);;All files (*)"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setModal(False)
        return dialog

    def _is_own(self, row: Row, otherwise: str) -> bool:
        if not row.own:
            self._strip.say(otherwise.replace("%1", row.text), Sign.WARNING)
        return row.own

    def _fade(self) -> dict[str, Any]:
        seconds = self._go.fade_s
        return {} if seconds is None else {"fade_s": seconds}

    def _free_name(self, name: str) -> str:
        number = 2
        while self._presets.find(free := f"{name[: _NAME_MOST - 4].rstrip()} {number}"):
            number += 1
        return free
