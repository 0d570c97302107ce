"""Undo and redo as buttons that name what they undo, with their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from mirrorfx_ui.desk.signs import Sign, icon

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx_ui.desk.steps import Steps

__all__ = ["UndoButtons"]

_LABEL_PX = 200


class UndoButtons(QWidget):
    """Two buttons. Their keys work anywhere in `window`, but where text is typed."""

    def __init__(self, steps: Steps, window: QWidget) -> None:
        super().__init__(window)
        self._steps = steps
        self.undo = self._button(Sign.UNDO, steps.undo)
        self.redo = self._button(Sign.REDO, steps.redo)
        for keys, do in (("Ctrl+Z", steps.undo), ("Ctrl+Shift+Z", steps.redo), ("Ctrl+Y", steps.redo)):
            QShortcut(QKeySequence(keys), window).activated.connect(do)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.undo)
        row.addWidget(self.redo)
        steps.changed.connect(self._show)
        self._show()

    def _button(self, sign: Sign, do: Callable[[], None]) -> QToolButton:
        button = QToolButton()
        button.setProperty("role", "flat")
        button.setIcon(icon(sign))
        button.setIconSize(QSize(18, 18))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.clicked.connect(lambda: do())
        return button

    def _show(self) -> None:
        undo, redo = self._steps.undo_label, self._steps.redo_label
        self._name(self.undo, self.tr("Undo %1") if undo else self.tr("Undo"), undo, "Ctrl+Z")
        self._name(self.redo, self.tr("Redo %1") if redo else self.tr("Redo"), redo, "Ctrl+Shift+Z")

    def _name(self, button: QToolButton, text: str, label: str | None, keys: str) -> None:
        said = text.replace("%1", label or "")
        metrics = button.fontMetrics()
        button.setText(metrics.elidedText(said, Qt.TextElideMode.ElideRight, _LABEL_PX))
        button.setEnabled(label is not None)
        button.setAccessibleName(said)
        button.setToolTip(f"{said}  ·  {keys}")
