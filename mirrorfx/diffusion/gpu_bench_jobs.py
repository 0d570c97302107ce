"""A list of measurements, one after the other, within a time limit; one that fails doesn't end the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND
from mirrorfx.errors import EffectUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mirrorfx.clock import Clock

__all__ = ["WAITING", "Job", "outcome", "run_jobs"]

WAITING = {"status": "waiting"}
"""What an entry says until its job's turn: what a run that was cut off leaves for those it did not reach."""

_REASON_MOST = 600


@dataclass(frozen=True, slots=True)
class Job:
    """One measurement.

    Attributes:
        name: for people.
        kind: jobs of one kind take about equally long.
        expected_s: how long the first of its kind may take.
        entry: where the figures go, with a ``status``: measured, skipped or failed, the latter two with a ``reason``.
        work: measures; returns the figures.
    """

    name: str
    kind: str
    expected_s: float
    entry: dict[str, Any]
    work: Callable[[], dict[str, Any]]


def run_jobs(jobs: Iterable[Job], clock: Clock, deadline_ns: int | None, after: Callable[[Job], None]) -> None:
    """Run the jobs in order, and tell `after` of each.

    A job that would end past `deadline_ns`, as far as can be told beforehand, is skipped; a shorter one behind it may
    still run. What a job of the same kind took counts for more than what was expected.
    """
    took_s: dict[str, float] = {}
    for job in jobs:
        began_ns = clock.now_ns()
        expected_s = took_s.get(job.kind, job.expected_s)
        left_s = float("inf") if deadline_ns is None else (deadline_ns - began_ns) / SECOND
        if expected_s > left_s:
            reason = f"the time limit: {max(0.0, left_s):.0f} s were left and it may take {expected_s:.0f} s"
            job.entry.update(status="skipped", reason=reason)
        else:
            job.entry.update(outcome(job.work))
            if job.entry["status"] == "measured":
                took_s[job.kind] = (clock.now_ns() - began_ns) / SECOND
        after(job)


def outcome(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the figures with the status ``measured``, or why there are none."""
    try:
        return {"status": "measured", **work()}
    except EffectUnavailable as problem:
        return {"status": "skipped", "reason": str(problem)}
    except Exception as problem:  # noqa: BLE001 - whatever one rung raises, the others are still to be measured
        return {"status": "failed", "reason": f"{type(problem).__name__}: {problem}"[:_REASON_MOST]}
