"""Figures over what they count, in columns that stay where they are while the figures change."""

from __future__ import annotations

from PyQt6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from mirrorfx_ui.desk.theme import label

__all__ = ["NOTHING", "Tile", "tile_grid"]

NOTHING = "–"
_TILE_PX = 96


class Tile(QWidget):
    """A figure over what it counts."""

    def __init__(self, caption: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.value = label(NOTHING, "value")
        self.caption = label(caption, "muted")
        self._caption = caption
        self.setToolTip(hint)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self.value)
        column.addWidget(self.caption)

    def show_text(self, text: str) -> None:
        """Show a figure."""
        self.value.setText(text)
        self.setAccessibleName(f"{self._caption}: {text}")


def tile_grid(*rows: tuple[Tile, ...]) -> QGridLayout:
    """Return the tiles in rows of equal columns."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(12)
    for y, row in enumerate(rows):
        for x, tile in enumerate(row):
            grid.addWidget(tile, y, x)
            grid.setColumnStretch(x, 1)
            grid.setColumnMinimumWidth(x, _TILE_PX)
    return grid
