"""Telling a key that is held from one that is pressed again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PyQt6.QtGui import QKeyEvent

__all__ = ["KeyRepeats"]


class KeyRepeats:
    """Knows repeats that Qt lets pass for presses.

    An X server repeats a key as a release and a press of the same time. Qt marks them as repeats only where both have
    arrived when it looks; on a busy wall many have not.
    """

    def __init__(self) -> None:
        self._released: dict[int, int] = {}

    def released(self, event: QKeyEvent) -> None:
        """Note a key's release."""
        self._released[event.key()] = event.timestamp()

    def is_repeat(self, event: QKeyEvent) -> bool:
        """Say whether a press belongs to a key that is held."""
        time = event.timestamp()  # 0 for events that no keyboard made
        return event.isAutoRepeat() or (time != 0 and self._released.get(event.key()) == time)
