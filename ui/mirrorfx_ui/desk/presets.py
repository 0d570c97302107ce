"""The list of presets: a click fades over to one; what is set can be saved as another."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QBrush, QColor, QFont, QIcon, QPixmap
from PyQt6.QtWidgets import QHBoxLayout, QLineEdit, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from mirrorfx_ui.desk import theme
from mirrorfx_ui.desk.signs import Sign, icon

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx.control.protocol import Reply
    from mirrorfx_ui.desk.bridge import Bridge

__all__ = ["PresetPanel"]

_NAME = Qt.ItemDataRole.UserRole
_ROW_PX, _HEAD_PX = 34, 36


class PresetPanel(QWidget):
    """Presets by category, the user's own without one first; the one in use has a tick."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._presets: list[dict[str, Any]] = []
        self._chosen: str | None = None
        self.items = QListWidget()
        self.items.setAccessibleName(self.tr("Presets"))
        self.items.setAccessibleDescription(self.tr("Enter or a click fades over to the preset"))
        self.items.setIconSize(QSize(18, 18))
        self.items.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.items.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.items.itemClicked.connect(self._take)
        self.items.itemActivated.connect(self._take)
        self.empty = theme.label(self.tr("No presets yet. Set things up as you like, and save them below."), "muted")
        self.empty.setWordWrap(True)
        self.name = QLineEdit()
        self.name.setPlaceholderText(self.tr("Save as …"))
        self.name.setAccessibleName(self.tr("Name to save under"))
        self.name.setMaxLength(60)
        self.save = QPushButton(self.tr("Save"))
        self.save.setEnabled(False)
        self.name.textChanged.connect(self._name_typed)
        self.name.returnPressed.connect(self._save)
        self.save.clicked.connect(self._save)
        self._lay_out()
        bridge.state_changed.connect(self.show_state)

    def show_state(self, state: Mapping[str, Any]) -> None:
        """Show what there is, and which one is in use."""
        if state["presets"] != self._presets:
            self._presets = state["presets"]
            self._fill()
        for row in range(self.items.count()):
            item = self.items.item(row)
            if item and item.data(_NAME):
                self._mark(item, chosen=item.data(_NAME) == state["preset"])
        if state["preset"] != self._chosen:
            self._chosen = state["preset"]
            self._scroll_to_chosen()
        self.empty.setVisible(not self._presets)
        self._name_typed(self.name.text())

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(theme.label(self.tr("Presets"), "title"))
        column.addWidget(self.empty)
        column.addWidget(self.items, 1)
        row = QHBoxLayout()
        row.addWidget(self.name, 1)
        row.addWidget(self.save)
        column.addLayout(row)

    def _fill(self) -> None:
        self.items.clear()
        ordered = sorted(self._presets, key=_order)
        for category, presets in groupby(ordered, key=lambda preset: str(preset["category"])):
            self._add_heading(category or self.tr("Your own"))
            for preset in presets:
                item = QListWidgetItem(str(preset["name"]))
                item.setData(_NAME, preset["name"])
                item.setSizeHint(QSize(0, _ROW_PX))
                if not preset["builtin"] and category:
                    item.setToolTip(self.tr("One of your own"))
                self.items.addItem(item)

    def _scroll_to_chosen(self) -> None:
        for row in range(self.items.count()):
            item = self.items.item(row)
            if item and item.data(_NAME) == self._chosen is not None:
                self.items.scrollToItem(item)

    def _add_heading(self, text: str) -> None:
        head = QListWidgetItem(text.capitalize())
        head.setFlags(Qt.ItemFlag.NoItemFlags)
        head.setSizeHint(QSize(0, _HEAD_PX))
        head.setTextAlignment(Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft)
        font = QFont(self.font())
        font.setPixelSize(13)
        head.setFont(font)
        head.setForeground(QBrush(QColor(theme.MUTED)))
        self.items.addItem(head)

    def _mark(self, item: QListWidgetItem, *, chosen: bool) -> None:
        item.setIcon(icon(Sign.CHOSEN) if chosen else _blank())
        font = item.font()
        font.setBold(chosen)
        item.setFont(font)
        name = str(item.data(_NAME))
        item.setData(Qt.ItemDataRole.AccessibleTextRole, self.tr("%s, in use").replace("%s", name) if chosen else name)

    def _take(self, item: QListWidgetItem) -> None:
        name = item.data(_NAME)
        if name:
            self._bridge.ask("preset", name=name)

    def _name_typed(self, text: str) -> None:
        taken = {str(p["name"]).casefold() for p in self._presets if not p["builtin"]}
        self.save.setText(self.tr("Replace") if text.strip().casefold() in taken else self.tr("Save"))
        self.save.setEnabled(bool(text.strip()))

    def _save(self) -> None:
        name = self.name.text().strip()
        if name:
            self._bridge.ask("save", self._saved, name=name)

    def _saved(self, reply: Reply) -> None:
        if reply.ok:
            self.name.clear()
            path = reply.result.get("path", "")
            self._bridge.noticed.emit("info", self.tr("Saved as %s.").replace("%s", str(path)))


def _order(preset: Mapping[str, Any]) -> tuple[bool, str, str]:
    category = str(preset["category"])
    return (category != "", category.casefold(), str(preset["name"]).casefold())


def _blank() -> QIcon:
    pixmap = QPixmap(18, 18)
    pixmap.fill(Qt.GlobalColor.transparent)
    return QIcon(pixmap)
