"""Says when the wall begins to lag, and when it has caught up: once each, not at every beat."""

from __future__ import annotations

from typing import Any

from mirrorfx.clock import SECOND

__all__ = ["LagWatch"]

_LEVELS = {"good": 0, "warning": 1, "bad": 2}
_NOTICES = ("info", "warning", "error")
_SETTLE_NS = 15 * SECOND


class LagWatch:
    """Keeps the level of lag; it falls only when nothing has lagged for ten seconds.

    A beat is watched once it is 15 s old: the first frames of a start are uneven everywhere, and are seen for 10 s.
    """

    def __init__(self) -> None:
        self._level = 0
        self._settled_ns: int | None = None

    def note(self, lag: dict[str, Any], now_ns: int) -> tuple[str, str] | None:
        """Take the wall's latest `lag`; return (text, level) of a notice when it has got worse or is over."""
        if not lag["level"]:
            self._settled_ns = None
            return None
        if self._settled_ns is None:
            self._settled_ns = now_ns + _SETTLE_NS
        level = _LEVELS[lag["level"]]
        if now_ns < self._settled_ns and level >= self._level:
            return None
        if level > self._level:
            self._level = level
            share = f"{100 * lag['share']:.1f} %"
            return f"The wall lags: {share} of the last ten seconds' frames did not come in time.", _NOTICES[level]
        if self._level and not lag["frames"]:
            self._level = 0
            return "The wall has caught up: no frame has lagged for ten seconds.", "info"
        return None
