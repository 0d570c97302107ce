"""What a run came to, as a table that is read in one look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from mirrorfx.mirror import Mirror
    from mirrorfx.processes.launcher import Outcome

__all__ = ["print_summary"]


def print_summary(mirror: Mirror, outcome: Outcome, report_path: Path | None) -> None:
    """Print the figures and where the files are."""
    from rich.table import Table

    from mirrorfx.cli._watch import console

    out = console()
    report = outcome.report
    if report and report["frames"]["shown"]:
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        for name, value in _rows(report, outcome).items():
            table.add_row(f"[dim]{name}[/]", value)
        out.print(table)
    for name, path in (
        ("film", mirror.settings.record),
        ("before/after", outcome.picture),
        ("report", report_path),
    ):
        if path and path.exists():
            out.print(f"  {name}: [bold]{path}[/]")


def _rows(report: dict[str, Any], outcome: Outcome) -> dict[str, str]:
    frames, latency, interval = report["frames"], report["latency_ms"], report["interval_ms"]
    dropped = frames["dropped"]
    rows = {
        "shown": f"{frames['shown']} new frames in {report['duration_s']:.1f} s: {report['fps']:.1f} a second "
        f"(harmonic {report['harmonic_fps']:.1f}), wall at {report['presented_fps']:.1f} Hz",
        "behind the camera": f"{latency['mean']:.0f} ms mean, {latency['p95']:.0f} p95, {latency['p99']:.0f} p99",
        "beat": f"{interval['mean']:.1f} ms between new frames, ±{interval['std']:.1f}, {report['freezes']} freezes",
        "not painted": f"{dropped['mailbox']} newer one came first, {dropped['late']} late, "
        f"{dropped['worker_lost']} lost with a worker, {dropped['worker_retired']} left by one no longer wanted",
        "engine": f"{report['engine_cpu_ms_per_frame']:.2f} ms CPU a frame",
        "first picture": f"after {outcome.first_picture_s:.1f} s" if outcome.first_picture_s else "none",
    }
    for worker in report["workers"]:
        service = worker["service_ms"]
        restarts = f", {worker['restarts']} restarts" if worker["restarts"] else ""
        rows[worker["name"]] = f"{worker['frames']} frames, {service.get('p50', 0):.1f} ms each{restarts}"
    return rows
