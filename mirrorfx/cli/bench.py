"""``mirrorfx bench``: measurements, one file each."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

__all__ = ["add_parser", "run"]

_BENCHES = ("cadence", "pacing", "gpu")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its benches."""
    parser = commands.add_parser(
        "bench",
        help="measure: cadence (real processes), pacing (virtual clock), gpu (diffusion)",
        examples=(
            "mirrorfx bench cadence --workers 2 --service-ms 72 --kill-every 5",
            "mirrorfx bench pacing --quick --scenario 2x4090",
            "mirrorfx bench gpu --json gpu.json",
        ),
    )
    benches = parser.add_subparsers(dest="bench", metavar="BENCH", required=True, title="benches")
    for name in _BENCHES:
        importlib.import_module(f"mirrorfx.cli.bench_{name}").add_parser(benches)


def run(args: argparse.Namespace) -> int:
    """Run the bench that was asked for."""
    return int(importlib.import_module(f"mirrorfx.cli.bench_{args.bench}").run(args))
