"""The presets as rows for the grid: headings by category, what is on the wall, what is next, number keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["OWN", "PresetList", "Row"]

OWN = "\0own"
"""Stands among the categories for the user's own presets, whatever theirs is."""
_KEYS = 10


@dataclass(frozen=True, slots=True)
class Row:
    """A preset, or a heading above some.

    Attributes:
        text: the preset's name, or the heading.
        heading: whether it is one.
        category: the preset's.
        own: whether it is the user's own, not a built-in one.
        fade_s: how long the crossfade to it takes, in seconds.
        stamp: tells what it sets from what others set.
        key: which number key calls it, 1 to 10; 0 for none.
    """

    text: str
    heading: bool = False
    category: str = ""
    own: bool = False
    fade_s: float = 0.0
    stamp: int = 0
    key: int = 0


class PresetList(QAbstractListModel):
    """The rows that the search and the category let through.

    Number keys belong to the first ten presets of the whole list: a search leaves them where the fingers know them.

    Attributes:
        program: the preset on the wall.
        cued: the preset that GO takes.
        dirty: whether what is on the wall was edited since.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.program: str | None = None
        self.cued: str | None = None
        self.dirty = False
        self._all: list[Row] = []
        self._rows: list[Row] = []
        self._search = ""
        self._category: str | None = None

    @property
    def presets(self) -> list[Row]:
        """All presets, in their order, whatever is let through."""
        return self._all

    @property
    def categories(self) -> list[str]:
        """All categories, in their order; the empty one left out."""
        return list(dict.fromkeys(row.category for row in self._all if row.category))

    def find(self, name: str | None) -> Row | None:
        """Return the preset called `name`, whatever the case."""
        wanted = (name or "").casefold()
        return next((row for row in self._all if row.text.casefold() == wanted), None)

    def with_key(self, key: int) -> Row | None:
        """Return the preset that number key `key` calls, 1 to 10."""
        return next((row for row in self._all if row.key == key), None)

    def set_presets(self, presets: Sequence[Mapping[str, Any]]) -> None:
        """Take the presets as the engine tells them."""
        ordered = sorted(presets, key=_order)
        rows = [_row(preset, number) for number, preset in enumerate(ordered, start=1)]
        if rows != self._all:
            self._all = rows
            self._filter()

    def set_filter(self, search: str, category: str | None) -> None:
        """Let through what has all words of `search` in name or category; `OWN` or a category, None for all."""
        self._search, self._category = search, category
        self._filter()

    def set_marks(self, program: str | None, cued: str | None, *, dirty: bool) -> None:
        """Mark what is on the wall and what is next."""
        if (program, cued, dirty) == (self.program, self.cued, self.dirty):
            return
        names = {self.program, self.cued, program, cued}
        self.program, self.cued, self.dirty = program, cued, dirty
        for number, row in enumerate(self._rows):
            if row.text in names and not row.heading:
                self.refresh(number)

    def refresh(self, number: int) -> None:
        """Have a row drawn again."""
        self.dataChanged.emit(self.index(number), self.index(number))

    def row(self, index: QModelIndex) -> Row | None:
        """Return the preset or heading at `index`."""
        return self._rows[index.row()] if 0 <= index.row() < len(self._rows) else None

    def index_of(self, name: str | None) -> QModelIndex:
        """Return where the preset called `name` is; an invalid index when it is not let through."""
        for number, row in enumerate(self._rows):
            if row.text == name and not row.heading:
                return self.index(number)
        return QModelIndex()

    def with_stamp(self, stamp: int) -> list[int]:
        """Return the numbers of the rows of presets that set what `stamp` tells."""
        return [number for number, row in enumerate(self._rows) if row.stamp == stamp and not row.heading]

    # What the view asks

    @override
    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    @override
    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        row = self.row(index)
        if row is None or row.heading:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren

    @override
    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.row(index)
        if row is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return row.text
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._spoken(row)
            case Qt.ItemDataRole.ToolTipRole if not row.heading:
                return "\n".join((self._spoken(row), self.tr("Fades over %1 s").replace("%1", f"{row.fade_s:g}")))
        return None

    def _spoken(self, row: Row) -> str:
        parts = [row.text]
        if not row.heading and row.text == self.program:
            parts.append(self.tr("on the wall, edited") if self.dirty else self.tr("on the wall"))
        if not row.heading and row.text == self.cued:
            parts.append(self.tr("next"))
        if row.own:
            parts.append(self.tr("your own"))
        if row.key:
            parts.append(self.tr("key %1").replace("%1", str(row.key % _KEYS)))
        return ", ".join(parts)

    def _filter(self) -> None:
        self.beginResetModel()
        shown = [row for row in self._all if self._lets_through(row)]
        self._rows = []
        for category, rows in groupby(shown, key=lambda row: row.category):
            self._rows.append(Row((category or self.tr("Your own")).capitalize(), heading=True))
            self._rows.extend(rows)
        self.endResetModel()

    def _lets_through(self, row: Row) -> bool:
        if self._category == OWN and not row.own:
            return False
        if self._category not in (None, OWN, row.category):
            return False
        text = f"{row.text} {row.category}".casefold()
        return all(word in text for word in self._search.casefold().split())


def _order(preset: Mapping[str, Any]) -> tuple[bool, str, str]:
    """Sort those without a category first: they are the user's own. Scene 9 comes before Scene 10."""
    category = str(preset["category"])
    padded = re.sub(r"\d+", lambda found: found[0].rjust(12, "0"), str(preset["name"]).casefold())
    return (category != "", category.casefold(), padded)


def _row(preset: Mapping[str, Any], number: int) -> Row:
    return Row(
        str(preset["name"]),
        category=str(preset["category"]),
        own=not preset["builtin"],
        fade_s=float(preset.get("fade_s", 0.0)),
        stamp=int(preset.get("stamp", 0)),
        key=number if number <= _KEYS else 0,
    )
