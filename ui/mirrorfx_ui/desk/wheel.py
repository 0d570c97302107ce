"""The wheel turns a value only where the user has gone to it; elsewhere it scrolls the page."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtWidgets import QWidget
from typing_extensions import override

__all__ = ["wheel_when_focused"]


class _Filter(QObject):
    @override
    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        if a1 is None or a1.type() != QEvent.Type.Wheel or not isinstance(a0, QWidget) or a0.hasFocus():
            return False
        a1.ignore()  # the page below takes it
        return True


def wheel_when_focused(widget: QWidget) -> None:
    """Have `widget` take the wheel only while it has the focus, and the focus only by a click or the keys."""
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(_Filter(widget))
