"""Shows how a run goes: a live line on a terminal, a line now and then in a log."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

__all__ = ["RunWatcher", "console", "page"]

_LOG_EVERY_S = 5.0
_PAGE_COLUMNS = 120


def console() -> Console:
    """Return the console that people read: standard error, so that output can be piped."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def page() -> Console:
    """Return the console for what was asked for: standard output, and wide where it goes to a file or a program."""
    from rich.console import Console

    fits = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if fits else _PAGE_COLUMNS)


class RunWatcher:
    """A `Watcher` for the terminal.

    Args:
        seconds: how long the run will be; None when it goes on for ever.
        paint: what is painted, for the first line.
    """

    def __init__(self, seconds: float | None, paint: str) -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        self._console = console()
        self._seconds = seconds
        self._live = sys.stderr.isatty()
        self._said = ""
        self._notices: set[str] = set()
        self._next_log_s = 0.0
        self._progress: Progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            disable=not self._live,
            transient=True,
        )
        self._task: TaskID = self._progress.add_task(paint, total=1.0, note="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def starting(self, what: str, share: float) -> None:
        """Show what the start is busy with."""
        self._progress.update(self._task, description=what, completed=share, total=1.0)
        if not self._live and what and what != self._said:
            self._said = what
            self._console.print(f"  {what} …")

    def running(self, seconds: float, figures: dict[str, Any]) -> None:
        """Show how far the run is, and its beat over the last ten seconds."""
        for worker in figures.get("workers", []):
            self.notice(str(worker.get("details", {}).get("notice", "")))
        note = _beat(figures)
        self._progress.update(
            self._task,
            description="painting",
            total=self._seconds,
            completed=seconds if self._seconds else 0,
            note=f"{seconds:5.1f} s  {note}",
        )
        if not self._live and seconds >= self._next_log_s:
            self._next_log_s = seconds + _LOG_EVERY_S
            self._console.print(f"  {seconds:5.1f} s  {note}")

    def notice(self, text: str) -> None:
        """Print what an effect wants known, once."""
        if text and text not in self._notices:
            self._notices.add(text)
            self.problem(text)

    def problem(self, text: str) -> None:
        """Print it and go on."""
        self._console.print(f"[yellow]![/] {text}")


def _beat(figures: dict[str, Any]) -> str:
    recent = figures.get("recent") or {}
    parts = []
    if recent.get("fps"):
        parts += [f"{recent['fps']:.1f} new frames/s", f"{recent['latency_ms'].get('p50', 0):.0f} ms behind the camera"]
    lost = [w["name"] for w in figures.get("workers", []) if w["state"] != "ready"]
    if figures.get("carried_by"):
        parts.append(f"{figures['carried_by']} carries until {figures['effect']} is ready")
    elif lost:
        parts.append(f"not ready: {', '.join(lost)}")
    if figures.get("showing") == "fallback":
        parts.append("no picture: fallback scene")
    return " · ".join(parts)
