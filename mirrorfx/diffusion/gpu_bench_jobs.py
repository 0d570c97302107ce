"""A list of measurements, one after the other, within a time limit; one that fails doesn't end the others.

Nothing stops a compiler that takes longer than was left: `watched` ends the wait from another thread, and `cut_off`
writes what there is then. The process has to end, since the compiler goes on.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND
from mirrorfx.errors import EffectUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mirrorfx.clock import Clock

__all__ = ["BEGUN", "WAITING", "Job", "cut_off", "outcome", "reason", "run_jobs", "watched"]

WAITING = {"status": "waiting"}
"""What an entry says until its job's turn: what a run that was cut off leaves for those it did not reach."""

BEGUN = {"status": "begun"}
"""What an entry says while its job is at work: what a run that crashed leaves for the one that did it."""

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


def run_jobs(
    jobs: Iterable[Job],
    clock: Clock,
    deadline_ns: int | None,
    *,
    before: Callable[[], None],
    after: Callable[[Job], str],
) -> None:
    """Run the jobs in order.

    A job that would end past `deadline_ns`, as far as can be told beforehand, is skipped; a shorter one behind it may
    still run. What a job of the same kind took counts for more than what was expected.

    Args:
        jobs: what to measure, in order.
        clock: time goes by it.
        deadline_ns: when the time is over, on `clock`; None for never.
        before: is called when a job has been marked as begun.
        after: is told each job that is over; it returns why no other can run any more, "" if they can.
    """
    took_s: dict[str, float] = {}
    over = ""
    for job in jobs:
        began_ns = clock.now_ns()
        expected_s = took_s.get(job.kind, job.expected_s)
        left_s = float("inf") if deadline_ns is None else (deadline_ns - began_ns) / SECOND
        if over:
            job.entry.update(status="skipped", reason=over)
        elif expected_s > left_s:
            reason = f"the time limit: {max(0.0, left_s):.0f} s were left and it may take {expected_s:.0f} s"
            job.entry.update(status="skipped", reason=reason)
        else:
            job.entry.update(BEGUN)
            before()
            job.entry.update(outcome(job.work))
            if job.entry["status"] == "measured":
                took_s[job.kind] = (clock.now_ns() - began_ns) / SECOND
        lost = after(job)
        over = over or lost


def outcome(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the figures with the status ``measured``, or why there are none."""
    try:
        return {"status": "measured", **work()}
    except EffectUnavailable as problem:
        return {"status": "skipped", "reason": str(problem)}
    except Exception as problem:  # noqa: BLE001 - whatever one rung raises, the others are still to be measured
        return {"status": "failed", "reason": reason(problem)}


def reason(problem: BaseException) -> str:
    """Return an error as one text of bounded length."""
    return f"{type(problem).__name__}: {problem}"[:_REASON_MOST]


def cut_off(entries: Iterable[dict[str, Any]], why: str) -> None:
    """Mark what was not reached as skipped, and what was under way as cut off; figures stay."""
    for entry in entries:
        if entry["status"] == WAITING["status"]:
            entry.update(status="skipped", reason=why)
        elif entry["status"] == BEGUN["status"]:
            entry.update(status="skipped", reason=f"{why} while it was under way")


@contextmanager
def watched(seconds: float, late: Callable[[], None]) -> Iterator[None]:
    """Call `late`, from a thread of its own, if the body takes longer."""
    over = Event()

    def watch() -> None:
        if not over.wait(seconds):
            late()

    Thread(target=watch, name="time limit", daemon=True).start()
    try:
        yield
    finally:
        over.set()
