"""The frames that the wall has shown, as this desk was told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PyQt6.QtCore import QElapsedTimer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["FIELDS", "Frames"]

FIELDS = ("seq", "t_ns", "latency_ms", "interval_ms", "worker", "lagged")
_KEPT = 20_000
_SECOND_NS = 1e9


class Frames:
    """Keeps the last 20,000 frames (12 minutes at 27 a second), and the engine's time.

    Attributes:
        rows: ``float64[n, 6]`` in the order of `FIELDS`, the oldest first.
    """

    def __init__(self) -> None:
        self.rows: NDArray[np.float64] = np.empty((0, len(FIELDS)))
        self._t_told_ns = 0
        self._since = QElapsedTimer()

    def take(self, report: Mapping[str, Any]) -> bool:
        """Take the frames of a ``figures`` event; say whether there were new ones."""
        if "t_ns" not in report:
            return False
        if report["t_ns"] < self._t_told_ns:  # another machine's clock: what was seen before has no place on it
            self.rows = self.rows[:0]
        self._t_told_ns = int(report["t_ns"])
        self._since.start()
        told = report["frames_shown"]
        new = _ordered(told["fields"], told["rows"])
        if len(self.rows):
            new = new[new[:, 1] > self.rows[-1, 1]]
        self.rows = np.concatenate((self.rows, new))[-_KEPT:]
        return len(new) > 0

    @property
    def now_s(self) -> float:
        """The engine's time in seconds: the latest that it told, and what has passed since."""
        passed_ns = self._since.nsecsElapsed() if self._since.isValid() else 0
        return (self._t_told_ns + passed_ns) / _SECOND_NS

    def recent(self, seconds: float) -> NDArray[np.float64]:
        """Return the rows of the last `seconds`."""
        since_ns = (self.now_s - seconds) * _SECOND_NS
        return self.rows[np.searchsorted(self.rows[:, 1], since_ns) :]


def _ordered(fields: list[str], rows: list[list[float]]) -> NDArray[np.float64]:
    if not rows:
        return np.empty((0, len(FIELDS)))
    table = np.array(rows, dtype=np.float64)
    return table[:, [fields.index(name) for name in FIELDS]]
