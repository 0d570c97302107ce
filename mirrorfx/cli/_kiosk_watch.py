"""What a kiosk writes to its log: what changes, and how it goes, now and then."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

__all__ = ["KioskWatcher"]

_EVERY_S = 600.0


class KioskWatcher:
    """A `Watcher` for weeks: a line when something changes, and one every ten minutes."""

    def __init__(self) -> None:
        self._said = ""
        self._state = ""
        self._next_s = 0.0

    def starting(self, what: str, share: float) -> None:
        """Write what the start is busy with, once for each."""
        if what and what != self._said:
            self._said = what
            self._write(f"{what} …")

    def running(self, seconds: float, figures: dict[str, Any]) -> None:
        """Write how it goes when that has changed, or it is time."""
        state = _state(figures)
        if state == self._state and seconds < self._next_s:
            return
        self._state, self._next_s = state, seconds + _EVERY_S
        recent = figures.get("recent") or {}
        rate = f", {recent['fps']:.1f} new frames/s" if recent.get("fps") else ""
        self._write(f"{state}{rate}")

    def problem(self, text: str) -> None:
        """Write it."""
        self._write(f"! {text}")

    def _write(self, text: str) -> None:
        now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
        sys.stderr.write(f"{now} {text}\n")


def _state(figures: dict[str, Any]) -> str:
    opening = figures.get("opening") or {}
    if not opening.get("open", True):
        return f"closed until {opening['until']}" if opening.get("until") else "closed"
    lost = [worker["name"] for worker in figures.get("workers", []) if worker["state"] != "ready"]
    parts = ["fallback scene" if figures.get("showing") == "fallback" else "painting"]
    if figures.get("carried_by"):
        parts.append(f"{figures['carried_by']} carries")
    if lost:
        parts.append(f"not ready: {', '.join(lost)}")
    return ", ".join(parts)
