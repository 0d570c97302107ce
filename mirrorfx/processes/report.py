"""The report: one JSON object, the same that the desk and ``--report`` show."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import mirrorfx
from mirrorfx.processes.spawn import cpu_time_s

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Counts", "build_report"]

_ORDER_SHOWN = 32

_NO_DISPLAY: dict[str, Any] = {
    "duration_s": 0.0,
    "shown": 0,
    "repeated": 0,
    "late": 0,
    "fps": 0.0,
    "harmonic_fps": 0.0,
    "presented_fps": 0.0,
    "latency_ms": {},
    "interval_ms": {},
    "animation_error_ms": 0.0,
    "freezes": 0,
    "lag": {"frames": 0, "share": 0.0, "level": "", "beat_ms": None},
    "repeats": {},
}


class Counts:
    """What the engine counts: frames by fate, and in which order the workers were used.

    A frame is lost with a worker that died or hung, and retired with one that was ended as it was no longer wanted.
    """

    def __init__(self) -> None:
        self.captured = 0
        self.dispatched = 0
        self.completed = 0
        self.painted_by: dict[str, int] = {}
        self.mailbox = 0
        self.worker_lost = 0
        self.worker_retired = 0
        self.late = 0
        self.previewed = 0
        self._first: list[int] = []
        self._recent: deque[int] = deque(maxlen=_ORDER_SHOWN)
        self._turns = 0
        self._repeated_turns = 0
        self._complete = False
        self._cpu_start_s = cpu_time_s()
        self._cpu_frames = 0

    def dispatch(self, worker: int, *, aside: bool = False) -> None:
        """Count a frame given to `worker`, for the program or aside. Realtime: yes."""
        if aside:
            self.previewed += 1
        else:
            self.dispatched += 1
        if self._recent:
            self._turns += 1
            self._repeated_turns += self._recent[-1] == worker
        if len(self._first) < _ORDER_SHOWN:
            self._first.append(worker)
        self._recent.append(worker)

    def complete(self, effect: str) -> None:
        """Count a frame of the program that `effect` has painted. Realtime: yes."""
        self.completed += 1
        self.painted_by[effect] = self.painted_by.get(effect, 0) + 1

    def pool_complete(self) -> None:
        """Count turns and the engine's CPU time from now on: all workers are there, starting up is over."""
        if self._complete:
            return
        self._complete = True
        self._first.clear()
        self._recent.clear()
        self._turns = self._repeated_turns = 0
        self._cpu_start_s = cpu_time_s()
        self._cpu_frames = self.completed

    def cpu_ms_per_frame(self) -> float:
        """Return the engine's CPU time for one completed frame, start-up left out."""
        frames = self.completed - self._cpu_frames
        return round(1000 * (cpu_time_s() - self._cpu_start_s) / frames, 3) if frames else 0.0

    def alternation(self) -> dict[str, Any]:
        """Return who painted the first frames of the complete pool and the latest, and how often the worker changed."""
        share = 1 - self._repeated_turns / self._turns if self._turns else 1.0
        return {"first": self._first, "recent": list(self._recent), "share": round(share, 5)}


def build_report(
    facts: Mapping[str, Any], counts: Counts, display: Mapping[str, Any] | None, workers: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Join what the engine, the wall and the workers know.

    Args:
        facts: version, effect, source, … as they stand.
        counts: the engine's.
        display: the wall's latest figures; None before there are any.
        workers: a figures object for each.
    """
    shown = {**_NO_DISPLAY, **(display or {})}
    frames = {
        "captured": counts.captured,
        "dispatched": counts.dispatched,
        "completed": counts.completed,
        "painted_by": dict(counts.painted_by),
        "shown": shown.pop("shown"),
        "repeated": shown.pop("repeated"),
        "previewed": counts.previewed,
        "repeated_by": shown.pop("repeats"),
        "dropped": {
            "mailbox": counts.mailbox,
            "late": counts.late + shown.pop("late"),
            "worker_lost": counts.worker_lost,
            "worker_retired": counts.worker_retired,
        },
    }
    return {
        "version": mirrorfx.__version__,
        **facts,
        "frames": frames,
        **shown,
        "alternation": counts.alternation(),
        "engine_cpu_ms_per_frame": counts.cpu_ms_per_frame(),
        "workers": list(workers),
    }
