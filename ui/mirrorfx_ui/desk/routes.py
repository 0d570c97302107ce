"""Which param follows which sound, and how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QSignalBlocker, pyqtSignal
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from mirrorfx_ui.desk.chooser import Chooser
from mirrorfx_ui.desk.meters import source_names
from mirrorfx_ui.desk.number_controls import NumberBox
from mirrorfx_ui.desk.signs import Sign, icon
from mirrorfx_ui.desk.theme import label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["RouteRow", "RouteTable"]

_AMOUNT = {"kind": "int", "minimum": -100.0, "maximum": 100.0}
_SMOOTHING = {"kind": "float", "minimum": 0.0, "maximum": 60.0}
_BOX_PX, _REMOVE_PX = 76, 34
_FIRST = {"source": "level", "amount": 0.25, "smoothing_s": 0.1}


class RouteRow(QWidget):
    """One param that follows one source."""

    changed = pyqtSignal()
    removed = pyqtSignal(object)

    def __init__(self, params: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        tr = self.tr
        self.source, self.param = Chooser(), Chooser()
        for box, name in ((self.source, tr("Sound that it follows")), (self.param, tr("Param that follows"))):
            box.setProperty("role", "small")
            box.setAccessibleName(name)
            box.activated.connect(lambda _index: self.changed.emit())
        for value, text in source_names(self).items():
            self.source.addItem(text, value)
        self.set_params(params)
        self.amount, self.smoothing = NumberBox(_AMOUNT), NumberBox(_SMOOTHING)
        self.amount.setSuffix(" %")
        self.amount.setSingleStep(5)
        self.smoothing.setSuffix(" s")
        self.smoothing.setDecimals(2)
        self.smoothing.setSingleStep(0.05)
        for number, name in (
            (self.amount, tr("Amount: what full sound adds, of the param's whole range")),
            (self.smoothing, tr("Smoothing: how slowly it follows, in seconds")),
        ):
            number.setProperty("role", "small")
            number.setFixedWidth(_BOX_PX)
            number.setAccessibleName(name)
            number.setToolTip(name)
            number.valueChanged.connect(lambda _value: self.changed.emit())
        self.remove = QToolButton()
        self.remove.setProperty("role", "sign")
        self.remove.setIcon(icon(Sign.BAD))
        self.remove.setAccessibleName(tr("Remove this route"))
        self.remove.setToolTip(self.remove.accessibleName())
        self.remove.clicked.connect(lambda: self.removed.emit(self))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for widget, stretch in ((self.source, 3), (self.param, 3), (self.amount, 0), (self.smoothing, 0)):
            row.addWidget(widget, stretch)
        row.addWidget(self.remove)

    @property
    def held(self) -> bool:
        """Whether the operator is at it."""
        return self.source.is_open or self.param.is_open or self.amount.typing or self.smoothing.typing

    @property
    def route(self) -> dict[str, Any]:
        """The route as it is set here."""
        return {
            "source": self.source.currentData(),
            "param": self.param.currentData(),
            "amount": self.amount.value() / 100,
            "smoothing_s": self.smoothing.value(),
        }

    def set_params(self, params: Mapping[str, str]) -> None:
        """Offer these params, label by name."""
        chosen = self.param.currentData()
        with QSignalBlocker(self.param):
            self.param.clear()
            for name, text in params.items():
                self.param.addItem(text, name)
            self.param.setCurrentIndex(self.param.findData(chosen))

    def show_route(self, route: Mapping[str, Any]) -> None:
        """Show the engine's route, telling nobody."""
        with QSignalBlocker(self.source), QSignalBlocker(self.param):
            self.source.setCurrentIndex(self.source.findData(route["source"]))
            if self.param.findData(route["param"]) < 0:  # another effect's
                self.param.addItem(self.tr("%1 (not here)").replace("%1", str(route["param"])), route["param"])
            self.param.setCurrentIndex(self.param.findData(route["param"]))
        self.amount.show_value(100 * float(route["amount"]))
        self.smoothing.show_value(float(route["smoothing_s"]))


class RouteTable(QWidget):
    """All routes, and a button for another."""

    edited = pyqtSignal(object)
    """list: the routes as the operator wants them."""
    rebuilt = pyqtSignal()
    """There are more rows, or fewer."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[RouteRow] = []
        self._params: dict[str, str] = {}
        self.add = QPushButton(self.tr("Let a param follow …"))
        self.add.setProperty("role", "small")
        self.add.clicked.connect(self._add)
        self.none = label(self.tr("No param follows the sound."), "muted")
        self._column = QVBoxLayout()
        self._column.setSpacing(6)
        outer = QGridLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        self._heads = self._make_heads()
        outer.addWidget(self._heads, 0, 0, 1, 2)
        outer.addLayout(self._column, 1, 0, 1, 2)
        outer.addWidget(self.none, 2, 0)
        outer.addWidget(self.add, 2, 1)
        outer.setColumnStretch(0, 1)

    def show_params(self, params: Sequence[Mapping[str, Any]]) -> None:
        """Offer the params that sound can move: those that are floats."""
        floats = {str(param["name"]): str(param["label"]) for param in params if param["kind"] == "float"}
        if floats != self._params:
            self._params = floats
            for row in self.rows:
                row.set_params(floats)
        self.add.setEnabled(bool(floats))

    def show_routes(self, routes: Sequence[Mapping[str, Any]]) -> None:
        """Show the engine's routes; a row that the operator holds stays as it is."""
        while len(self.rows) > len(routes):
            self._drop(self.rows[-1])
        while len(self.rows) < len(routes):
            self._append()
        for row, route in zip(self.rows, routes, strict=True):
            if not row.held:
                row.show_route(route)
        self._say_none()

    def _make_heads(self) -> QWidget:
        heads = QWidget()
        row = QHBoxLayout(heads)
        row.setContentsMargins(0, 4, _REMOVE_PX, 0)
        row.setSpacing(6)
        tr = self.tr
        for text, stretch in ((tr("Sound"), 3), (tr("Param"), 3), (tr("Amount"), 0), (tr("Smoothing"), 0)):
            head = label(text, "muted")
            if not stretch:
                head.setFixedWidth(_BOX_PX)
            row.addWidget(head, stretch)
        heads.hide()
        return heads

    def _append(self) -> RouteRow:
        row = RouteRow(self._params)
        row.changed.connect(self._tell)
        row.removed.connect(self._remove)
        self.rows.append(row)
        self._column.addWidget(row)
        self.rebuilt.emit()
        return row

    def _add(self) -> None:
        used = {row.route["param"] for row in self.rows}
        free = next((name for name in self._params if name not in used), next(iter(self._params)))
        self._append().show_route({**_FIRST, "param": free})
        self._tell()

    def _remove(self, row: RouteRow) -> None:
        self._drop(row)
        self._tell()

    def _drop(self, row: RouteRow) -> None:
        self.rows.remove(row)
        self._column.removeWidget(row)
        row.hide()
        row.deleteLater()

    def _say_none(self) -> None:
        self.none.setVisible(not self.rows)
        self._heads.setVisible(bool(self.rows))

    def _tell(self) -> None:
        self._say_none()
        self.edited.emit([row.route for row in self.rows])
