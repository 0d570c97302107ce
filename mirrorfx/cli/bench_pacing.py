"""``mirrorfx bench pacing``: every policy in every situation, on a virtual clock; the same figures every time."""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirrorfx.errors import InvalidValue, SinkFailed, UnknownName

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from mirrorfx.pacing.scenarios import Scenario
    from mirrorfx.pacing.simulation import Contender

__all__ = ["add_parser", "compare", "run"]

_COLUMNS = ("fps", "harmonic", "mean ms", "p99 ms", "std ms", "anim. err ms", "freezes/min")
_WORTH_A_POOL_S = 900.0
"""Simulated seconds below which starting processes costs more than it saves."""


def add_parser(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the bench."""
    parser = benches.add_parser(
        "pacing",
        help="policy table on the virtual clock: ours against queues and no pacing",
        description="Runs the mirror's own scheduler and pacer, and what others do, through simulated situations.",
    )
    parser.add_argument("--seconds", type=float, metavar="S", help="simulated seconds a run (300; 60 with --quick)")
    parser.add_argument("--seeds", type=int, metavar="N", help="runs that are averaged (3; 1 with --quick)")
    parser.add_argument("--scenario", metavar="NAME", help="only this pool (2x4090) or situation (2x4090/60fps/50Hz)")
    parser.add_argument("--quick", action="store_true", help="one short run of each: seconds instead of minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there; the same bytes every time")


def run(args: argparse.Namespace) -> int:
    """Print the table and write the figures.

    Raises:
        InvalidValue: nothing to run, no such scenario, or no such folder for the figures.
        SinkFailed: the figures can't be written.
    """
    seconds = args.seconds if args.seconds is not None else (60.0 if args.quick else 300.0)
    seeds = args.seeds if args.seeds is not None else (1 if args.quick else 3)
    _check(seconds, seeds, args.json)
    rows = compare(_chosen(args.scenario), seconds, seeds)
    _print_table(rows)
    if args.json:
        _write(args.json, {"seconds": seconds, "seeds": list(range(1, seeds + 1)), "rows": rows})
    return 0


def compare(scenarios: Iterable[Scenario], seconds: float, seeds: int) -> list[dict[str, Any]]:
    """Simulate every scenario under every policy; return one row of mean figures each, in a fixed order."""
    from mirrorfx.pacing.simulation import Contender, mean_figures

    pairs = [(scenario, contender) for scenario in scenarios for contender in Contender]
    runs = [(scenario, contender, seed) for scenario, contender in pairs for seed in range(1, seeds + 1)]
    figures = _simulate_all(runs, seconds)
    return [
        {
            "scenario": scenario.name,
            "policy": str(contender),
            **mean_figures(figures[index * seeds : (index + 1) * seeds]),
        }
        for index, (scenario, contender) in enumerate(pairs)
    ]


def _simulate_all(runs: list[tuple[Scenario, Contender, int]], seconds: float) -> list[dict[str, Any]]:
    """Simulate on all processors, with a progress bar; the order of the results is that of `runs`."""
    from rich.progress import track

    from mirrorfx.cli._watch import console
    from mirrorfx.pacing.simulation import simulate

    columns = (*zip(*runs, strict=True), [seconds] * len(runs))
    workers = min(os.cpu_count() or 1, len(runs))
    if len(runs) * seconds < _WORTH_A_POOL_S or workers < 2:
        return [simulate(*job) for job in zip(*columns, strict=True)]
    spawned = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=spawned) as pool:
        results = pool.map(simulate, *columns, chunksize=4)
        return list(track(results, "simulating", len(runs), console=console(), transient=True))


def _check(seconds: float, seeds: int, path: Path | None) -> None:
    if not 1 <= seconds <= 86400:
        raise InvalidValue(f"--seconds is {seconds:g}; it must be from 1 to 86400.")
    if not 1 <= seeds <= 1000:
        raise InvalidValue(f"--seeds is {seeds}; it must be from 1 to 1000.")
    if path and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise InvalidValue(f"--json {path} can't be written: give a file in a folder that exists.")


def _chosen(name: str | None) -> tuple[Scenario, ...]:
    from mirrorfx.pacing.scenarios import POOLS, scenarios

    every = scenarios()
    if name is None:
        return every
    chosen = tuple(s for s in every if name in (s.name, s.pool.name))
    if not chosen:
        raise UnknownName("scenario", name, {pool.name for pool in POOLS} | {s.name for s in every if "/" in name})
    return chosen


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from mirrorfx.cli._watch import page

    table = Table(title="new frames on the wall, by policy", title_justify="left", header_style="bold")
    table.add_column("situation", no_wrap=True)
    table.add_column("policy", no_wrap=True)
    for column in _COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    for index, row in enumerate(rows):
        first = index == 0 or rows[index - 1]["scenario"] != row["scenario"]
        last = index + 1 == len(rows) or rows[index + 1]["scenario"] != row["scenario"]
        ours = row["policy"] in ("paced", "lock", "auto")
        table.add_row(row["scenario"] if first else "", *_cells(row), style="" if ours else "dim", end_section=last)
    page().print(table)


def _cells(row: dict[str, Any]) -> list[str]:
    latency, interval = row["latency_ms"], row["interval_ms"]
    policy = f"auto ({row['mode']})" if row["policy"] == "auto" else row["policy"]
    return [
        policy,
        f"{row['fps']:.1f}",
        f"{row['harmonic_fps']:.1f}",
        *(f"{ms / 1000:.1f} s" if ms >= 10_000 else f"{ms:.0f}" for ms in (latency["mean"], latency["p99"])),
        f"{interval['std']:.1f}",
        f"{row['animation_error_ms']:.1f}",
        f"{row['freezes_per_min']:.1f}",
    ]


def _write(path: Path, figures: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise SinkFailed(f"The figures can't be written to {path}: {error.strerror}. Choose another file.") from error
