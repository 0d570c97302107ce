"""Says when the wall begins to lag, and when it has caught up: once each, not at every beat."""

from __future__ import annotations

from typing import Any

__all__ = ["LagWatch"]

_LEVELS = {"": 0, "good": 0, "warning": 1, "bad": 2}
_NOTICES = ("info", "warning", "error")


class LagWatch:
    """Keeps the level of lag; it falls only when nothing has lagged for ten seconds."""

    def __init__(self) -> None:
        self._level = 0

    def note(self, lag: dict[str, Any]) -> tuple[str, str] | None:
        """Take the wall's latest `lag`; return (text, level) of a notice when it has got worse or is over."""
        level = _LEVELS[lag["level"]]
        if level > self._level:
            self._level = level
            share = f"{100 * lag['share']:.1f} %"
            return f"The wall lags: {share} of the last ten seconds' frames did not come in time.", _NOTICES[level]
        if self._level and not lag["frames"]:
            self._level = 0
            return "The wall has caught up: no frame has lagged for ten seconds.", "info"
        return None
