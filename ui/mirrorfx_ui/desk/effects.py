"""Which effect paints; those that can't run here say why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QStandardItem, QStandardItemModel
from PyQt6.QtWidgets import QGridLayout, QWidget

from mirrorfx_ui.desk.chooser import Chooser
from mirrorfx_ui.desk.controls import INSET_PX, NAME_PX, ROW_GAP_PX
from mirrorfx_ui.desk.theme import label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx_ui.desk.bridge import Bridge

__all__ = ["EffectPanel"]

_NAME = Qt.ItemDataRole.UserRole


class EffectPanel(QWidget):
    """The chooser and a note under it."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._state: Mapping[str, Any] = {}
        self.box = Chooser()
        self.box.setAccessibleName(self.tr("Effect"))
        self.box.activated.connect(self._choose)
        self.note = label("", "muted")
        self.note.setWordWrap(True)
        name = label(self.tr("Effect"), "param")
        name.setFixedWidth(NAME_PX)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(ROW_GAP_PX + INSET_PX)
        grid.setVerticalSpacing(6)
        grid.addWidget(name, 0, 0)
        grid.addWidget(self.box, 0, 1)
        grid.addWidget(self.note, 1, 1)
        grid.setColumnStretch(1, 1)
        bridge.state_changed.connect(self.show_state)

    def show_state(self, state: Mapping[str, Any]) -> None:
        """Show what there is and what paints."""
        if state["effects"] != self._state.get("effects"):
            self._fill(state["effects"])
        self._state = state
        switching = state["switching_to"]
        if not self.box.is_open:
            self.box.setCurrentIndex(self.box.findData(switching or state["effect"], _NAME))
        self.box.setEnabled(not switching)
        self.note.setText(self._note(state["effect"], switching, state.get("carried_by")))
        self.note.setVisible(bool(self.note.text()))

    def _note(self, effect: str, switching: str | None, carried_by: str | None) -> str:
        if carried_by:
            text = self.tr("%s carries the wall until %s is ready.")
            return text.replace("%s", carried_by, 1).replace("%s", switching or effect, 1)
        if switching:
            text = self.tr("Getting %s ready; %s paints until then.")
            return text.replace("%s", switching, 1).replace("%s", effect, 1)
        if effect == "style":
            return self.tr("A palette and texture reading of the prompt, not its meaning.")
        return ""

    def _fill(self, effects: list[dict[str, Any]]) -> None:
        model = QStandardItemModel(self.box)
        for effect in effects:
            item = QStandardItem(str(effect["name"]))
            item.setData(effect["name"], _NAME)
            if not effect["ok"]:
                item.setText(self.tr("%s – can't run here").replace("%s", str(effect["name"])))
                item.setEnabled(False)
                item.setToolTip(f"{effect['reason']} {effect['fix']}".strip())
            model.appendRow(item)
        self.box.setModel(model)

    def _choose(self, index: int) -> None:
        name = self.box.itemData(index, _NAME)
        if name != self._state.get("effect"):
            self._bridge.ask("effect", lambda _reply: self.show_state(self._state), name=name)
