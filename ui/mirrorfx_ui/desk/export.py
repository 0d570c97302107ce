"""The button that writes the report into files, beside the GUI's thread."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QDateTime, QStandardPaths, Qt, pyqtSignal
from PyQt6.QtWidgets import QFileDialog, QToolButton, QWidget

from mirrorfx_ui.desk.report_file import frames_path, write_report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ExportButton"]


class ExportButton(QToolButton):
    """Asks for a file, without holding anything up, and writes what `collect` returns.

    Args:
        collect: returns the document and the frames as they are now.
    """

    said = pyqtSignal(str, str)
    """(level, text): what became of it."""
    _written = pyqtSignal(str, str)

    def __init__(
        self, collect: Callable[[], tuple[Mapping[str, Any], NDArray[np.float64]]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._collect = collect
        self.dialog: QFileDialog | None = None
        self._thread: threading.Thread | None = None
        self.setProperty("role", "flat")
        self.setText(self.tr("Export …"))
        self.setToolTip(self.tr("Write the report, the events and the frames into files (Ctrl+E)"))
        self.setAccessibleName(self.tr("Export the report"))
        self.setShortcut("Ctrl+E")
        self.setEnabled(False)
        self.clicked.connect(self._ask)
        self._written.connect(self._on_written)

    def _ask(self) -> None:
        if self.dialog is None:
            self.dialog = self._make_dialog()
        time = QDateTime.currentDateTime().toString("yyyy-MM-dd-HHmmss")
        self.dialog.selectFile(f"mirrorfx-{time}.json")
        self.dialog.show()
        self.dialog.raise_()

    def _make_dialog(self) -> QFileDialog:
        documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        start = documents if Path(documents).is_dir() else str(Path.home())
        dialog = QFileDialog(self, self.tr("Export the report"), start, self.tr("Report (*.json)"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")
        dialog.setWindowModality(Qt.WindowModality.NonModal)
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.fileSelected.connect(self.write)
        return dialog

    def write(self, name: str) -> None:
        """Write the report at `name` and the frames beside it; `said` tells how that went."""
        if self._thread and self._thread.is_alive():
            self.said.emit("warning", self.tr("The last report is still being written."))
            return
        told, rows = self._collect()
        self._thread = threading.Thread(target=self._write, args=(Path(name), told, rows), name="export", daemon=True)
        self._thread.start()

    def _write(self, path: Path, told: Mapping[str, Any], rows: NDArray[np.float64]) -> None:
        try:
            write_report(path, told, rows)
            problem = ""
        except OSError as error:
            problem = error.strerror or str(error)
        with contextlib.suppress(RuntimeError):  # the desk was closed meanwhile
            self._written.emit(str(path), problem)

    def _on_written(self, name: str, problem: str) -> None:
        if problem:
            text = self.tr("The report could not be written at %1: %2. Choose another folder.")
            self.said.emit("error", text.replace("%1", name).replace("%2", problem))
            return
        text = self.tr("The report is in %1, its frames in %2.")
        self.said.emit("info", text.replace("%1", name).replace("%2", frames_path(Path(name)).name))
