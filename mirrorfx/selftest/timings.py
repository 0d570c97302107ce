"""How long a frame takes, and how the accelerators compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mirrorfx.selftest.findings import Chart, Section, Table, Verdict

if TYPE_CHECKING:
    from mirrorfx.selftest.studio import Studio

__all__ = ["time_frames"]

_WARM_UP = 5
_UNEVEN = 2.0


def time_frames(studio: Studio, section: Section) -> None:
    """Paint many frames one after the other and time each in its worker."""
    count = studio.settings.amount.timed_frames
    look = studio.look()
    times = []
    for index in range(_WARM_UP + count):
        ms = studio.paint(look).ms
        if index >= _WARM_UP:
            times.append(ms)
        studio.step((index + 1) / (_WARM_UP + count))
    median, p95, p99 = (float(np.percentile(times, share)) for share in (50, 95, 99))
    section.figures |= {
        "frames": count,
        "ms": {"least": min(times), "median": median, "p95": p95, "p99": p99, "most": max(times)},
        "details": dict(studio.details),
    }
    head = ("frames", "least", "median", "95 of 100 within", "99 of 100 within", "most")
    row = (str(count), *(f"{ms:.1f} ms" for ms in (min(times), median, p95, p99, max(times))))
    width, height = studio.settings.size
    where = f"{width} × {height} on {studio.settings.devices[0]}"
    section.blocks.append(
        Table(head, (row,), f"one worker, {where}, from the frame in memory to the picture in memory")
    )
    section.blocks.append(Chart("frame by frame", tuple(times), x_label="frame", y_label="ms"))
    words = f"{median:.1f} ms in the median, {p99:.1f} ms at p99: up to {1000 / median:.0f} frames a second a worker"
    even = p99 <= _UNEVEN * median
    section.check(
        "Frames take even times",
        Verdict.PASS if even else Verdict.UNKNOWN,
        words if even else f"{words}; uneven, perhaps because other programs were busy",
    )
