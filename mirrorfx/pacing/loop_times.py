"""How long the wall's loop is busy at each display tick, from hearing to telling."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from mirrorfx.clock import MS

__all__ = ["LoopTimes"]

_EDGES_MS = (1, 2, 4, 8, 16, 33)
_EDGES_NS = [edge * MS for edge in _EDGES_MS]
_NAMES = [*(f"to_{edge}" for edge in _EDGES_MS), "over_33"]


class LoopTimes:
    """A coarse histogram over the whole run. Threads: one. Realtime: yes."""

    __slots__ = ("_counts", "_max_ns", "_total_ns")

    def __init__(self) -> None:
        self._counts = [0] * len(_NAMES)
        self._max_ns = self._total_ns = 0

    def add(self, busy_ns: int) -> None:
        """Count one tick."""
        self._counts[bisect_left(_EDGES_NS, busy_ns)] += 1
        self._total_ns += busy_ns
        self._max_ns = max(self._max_ns, busy_ns)

    def as_dict(self) -> dict[str, Any]:
        """Return mean and maximum in milliseconds, and the counts: ``to_16`` is those above 8 and up to 16 ms."""
        ticks = sum(self._counts)
        return {
            "mean": round(self._total_ns / ticks / MS, 3) if ticks else 0.0,
            "max": round(self._max_ns / MS, 3),
            "counts": dict(zip(_NAMES, self._counts, strict=True)),
        }
