"""The way of the Tab key: as the eye goes, whenever a widget was made."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QScrollArea, QSplitter, QTabWidget, QWidget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PyQt6.QtWidgets import QLayout

__all__ = ["order_tabs"]


def order_tabs(root: QWidget) -> None:
    """Let Tab go through all that lies in `root` in the order of its layouts.

    Qt's own order is that in which widgets were made: what is made later, as the controls of another effect, is last.
    """
    for one, next_one in pairwise(_stops(root)):
        QWidget.setTabOrder(one, next_one)


def _stops(widget: QWidget) -> Iterator[QWidget]:
    if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.focusProxy() is None:
        yield widget
    for part in _parts(widget):
        yield from _stops(part)


def _parts(widget: QWidget) -> Iterator[QWidget]:
    """Return what lies directly in `widget`, in its order."""
    if isinstance(widget, QTabWidget):
        bar = widget.tabBar()
        pages = (widget.widget(number) for number in range(widget.count()))
        yield from (part for part in (bar, *pages) if part is not None)
    elif isinstance(widget, QScrollArea):
        inside = widget.widget()
        if inside is not None:
            yield inside
    elif isinstance(widget, QSplitter):
        yield from (part for number in range(widget.count()) if (part := widget.widget(number)) is not None)
    elif (layout := widget.layout()) is not None:
        yield from _laid_out(layout)


def _laid_out(layout: QLayout) -> Iterator[QWidget]:
    for number in range(layout.count()):
        item = layout.itemAt(number)
        widget, inner = (item.widget(), item.layout()) if item is not None else (None, None)
        if widget is not None:
            yield widget
        elif inner is not None:
            yield from _laid_out(inner)
