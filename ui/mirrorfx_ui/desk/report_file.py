"""The report, the events and the frames as files."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mirrorfx.files import write_whole
from mirrorfx_ui.desk.frames import FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from mirrorfx_ui.desk.events import Event

__all__ = ["document", "frames_path", "write_report"]

_LIVE_ONLY = ("frames_shown", "t_ns")


def document(report: Mapping[str, Any], events: Sequence[Event]) -> dict[str, Any]:
    """Return the report as ``--report`` writes it, and the events beside it."""
    kept = {name: value for name, value in report.items() if name not in _LIVE_ONLY}
    return kept | {"events": [asdict(event) for event in events]}


def frames_path(path: Path) -> Path:
    """Return where the frames of a report go: beside it."""
    return path.with_name(f"{path.stem}-frames.csv")


def write_report(path: Path, told: Mapping[str, Any], rows: NDArray[np.float64]) -> None:
    """Write the JSON at `path` and the frames beside it, each whole or not at all.

    Args:
        path: of the JSON.
        told: the `document`.
        rows: ``float64[n, 6]`` as in `frames.FIELDS`.

    Raises:
        OSError: one could not be written; it is as it was.
    """
    write_whole(path, (json.dumps(told, indent=2) + "\n").encode())
    write_whole(frames_path(path), _table(rows).encode())


def _table(rows: NDArray[np.float64]) -> str:
    """Return the frames as CSV, times in seconds of the clock that the events' ``t_s`` are of."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["t_s" if name == "t_ns" else name for name in FIELDS])
    for seq, t_ns, latency_ms, interval_ms, worker, lagged in rows.tolist():
        writer.writerow([int(seq), f"{t_ns / 1e9:.6f}", latency_ms, interval_ms, int(worker), int(lagged)])
    return out.getvalue()
