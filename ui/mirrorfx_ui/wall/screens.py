"""Screens, found by name: their order changes when one is plugged in."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from PyQt6.QtGui import QGuiApplication

from mirrorfx.clock import SECOND
from mirrorfx.errors import UnknownName

if TYPE_CHECKING:
    from PyQt6.QtGui import QScreen

__all__ = ["display_period_ns", "find_screen", "unknown_screen"]

_log = logging.getLogger(__name__)
_SLOWEST_HZ, _FASTEST_HZ, _USUAL_HZ = 20.0, 500.0, 60.0


def find_screen(name: str) -> QScreen | None:
    """Return the screen called `name`; "" stands for the primary one, which also steps in for an unknown one.

    Without any screen (it may have been unplugged) the result is None.
    """
    return _screens().get(name) or QGuiApplication.primaryScreen()


def unknown_screen(name: str) -> str:
    """Return what to tell of a `name` that no screen has, "" where there is nothing to tell."""
    screens = _screens()
    if not name or name in screens:
        return ""
    return f"{UnknownName('screen', name, screens)} The primary screen is filled instead."


def _screens() -> dict[str, QScreen]:
    return {screen.name(): screen for screen in QGuiApplication.screens()}


def display_period_ns(screen: QScreen | None) -> int:
    """Return the time between two refreshes of `screen`; virtual ones that report nonsense count as 60 Hz."""
    rate_hz = screen.refreshRate() if screen else _USUAL_HZ
    if not _SLOWEST_HZ <= rate_hz <= _FASTEST_HZ:
        _log.info("the screen reports %.3f Hz; %.0f is taken", rate_hz, _USUAL_HZ)
        rate_hz = _USUAL_HZ
    return round(SECOND / rate_hz)
