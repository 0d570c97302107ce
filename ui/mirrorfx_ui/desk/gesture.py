"""Which movement of the hand an edit belongs to: those of one movement are undone as one."""

from __future__ import annotations

from PyQt6.QtCore import QElapsedTimer

__all__ = ["Gesture"]

_PAUSE_MS = 700
"""Turns of the wheel or keys that follow sooner are one step."""


class Gesture:
    """Counts the movements of a hand at one control.

    Args:
        name: of what it moves.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._number = 0
        self._since_step = QElapsedTimer()

    @property
    def name(self) -> str:
        """The same for all edits of one movement."""
        return f"{self._name} {self._number}"

    def begin(self) -> None:
        """What is edited from now on is another step for undo."""
        self._number += 1
        self._since_step.invalidate()

    def step(self) -> None:
        """Begin, unless the one before was a step, too, and a moment ago."""
        if not self._since_step.isValid() or self._since_step.elapsed() > _PAUSE_MS:
            self.begin()
        self._since_step.start()
