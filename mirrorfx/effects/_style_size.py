"""How large the `style` effect works: as large as the machine can afford, and the same in every worker.

Workers measure for themselves when they open, but two sizes would make every other frame look different. So the first
to finish publishes its choice in the cache folder under their common parent process, and the others take it over, as
does a worker that is started again weeks later.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mirrorfx.errors import InvalidValue
from mirrorfx.resources import cache_dir

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.effects.base import EffectContext
    from mirrorfx.frame import Size

__all__ = ["MEASURED_AT_PX", "affordable_px", "agreed_px", "asked_px", "budget_ms", "cpu_ms", "work_size"]

MEASURED_AT_PX = 320
"""The short side at which a machine is measured."""

_GOOD_PX = 256
"""The least that looks good; a steady beat is worth more than what is above it."""

_STEP_PX = 8
_LEAST_PX, _MOST_PX = 192, 448
_LEAST_FPS = 24.0
_OTHERS_CORES = 0.45
"""What camera, engine, wall and desk need of the machine."""
_MARGIN = 0.7
"""Measured alone; workers side by side take each other's cache and memory: a frame takes 1.3 to 1.5 times as long."""

_log = logging.getLogger(__name__)


def work_size(full: Size, short_px: int) -> Size:
    """Return the work size for a picture of size `full`: its shape, sides in multiples of 8, never enlarged."""
    scale = min(1.0, short_px / min(full))
    width, height = (max(_STEP_PX, round(side * scale / _STEP_PX) * _STEP_PX) for side in full)
    return width, height


def asked_px(context: EffectContext) -> int | None:
    """Return the short side from the option ``work_size``, or None when the machine is to be measured.

    Raises:
        InvalidValue: it is no number or outside 96 to 1024.
    """
    text = context.option("work_size", "auto")
    if text == "auto":
        return None
    if not text.isdecimal() or not 96 <= int(text) <= 1024:
        raise InvalidValue(f"work_size is {text!r}; it must be auto or a whole number of pixels from 96 to 1024.")
    return int(text)


def budget_ms(context: EffectContext, cores: int, rate_fps: float) -> float:
    """Return the CPU time that one frame may take, in milliseconds, for the whole pool to make `rate_fps`."""
    usable = min(max(cores - _OTHERS_CORES, 0.5), context.workers * context.threads)
    return 1000.0 * usable / rate_fps


def affordable_px(net_ms: float, rest_ms: float, context: EffectContext, cores: int) -> int:
    """Return the short side that holds the camera's rate.

    256 px are not given up for the camera's rate, only for 24 frames a second.

    Args:
        net_ms: CPU time of the network at `MEASURED_AT_PX`; it grows with the area.
        rest_ms: CPU time of everything that does not.
        context: size, workers, threads and the camera's rate.
        cores: how many this machine has.
    """

    def fits(rate_fps: float, share: float = 1.0) -> int:
        left_ms = max(budget_ms(context, cores, rate_fps) * share - rest_ms, 0.0)
        short_px = MEASURED_AT_PX * math.sqrt(left_ms / net_ms)
        return int(short_px // _STEP_PX) * _STEP_PX

    at_camera_rate = fits(context.frame_rate, _MARGIN)
    if at_camera_rate >= _GOOD_PX:
        return min(at_camera_rate, _MOST_PX)
    return max(min(fits(min(context.frame_rate, _LEAST_FPS)), _GOOD_PX), _LEAST_PX)


def cpu_ms() -> float:
    """Return the CPU time of this process so far: unlike a clock it does not count what other processes took."""
    times = os.times()
    return 1000.0 * (times.user + times.system)


def agreed_px(context: EffectContext, choose: Callable[[], int]) -> int:
    """Return the short side that all workers of the same parent process use; `choose` decides if nobody has."""
    folder = cache_dir() / "style"
    try:
        path = folder / _session_name(context)
        if path.exists():
            return int(path.read_text())
        _forget_ended(folder)
        return _published(path, choose())
    except (OSError, ValueError) as error:
        _log.warning("Workers can't agree on a work size in %s (%s); each chooses its own.", folder, error)
        return choose()


def _session_name(context: EffectContext) -> str:
    import psutil

    parent = psutil.Process(os.getppid())
    what = f"{context.size} {context.threads} {context.workers} {context.frame_rate}"
    digest = hashlib.sha256(what.encode()).hexdigest()[:8]
    return f"size-{parent.pid}-{parent.create_time():.0f}-{digest}"


def _published(path: Path, short_px: int) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(str(short_px))
    try:
        path.hardlink_to(name)  # unlike a rename it fails when another worker was first
    except FileExistsError:
        return int(path.read_text())
    finally:
        Path(name).unlink(missing_ok=True)
    return short_px


def _forget_ended(folder: Path) -> None:
    import psutil

    for path in folder.glob("size-*"):
        if not psutil.pid_exists(int(path.name.split("-")[1])):
            path.unlink(missing_ok=True)
