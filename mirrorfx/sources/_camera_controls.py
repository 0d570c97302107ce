"""What a camera is asked for, in the order that drivers want, and what it really does."""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mirrorfx.sources._capture import Capture

__all__ = ["CameraSettings", "adjust", "ask", "read_controls", "steady_frame_rate"]

_VIDIOC_S_CTRL = 0xC008561C
_V4L2_CID_EXPOSURE_AUTO_PRIORITY = 0x009A0903


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSettings:
    """What a camera is asked for. It may do something else: what it really does is in `SourceInfo.details`.

    Attributes:
        width, height, fps, fourcc: the mode. MJPG, since raw pictures of this size don't pass USB 2 at 30 fps.
        exposure: locked to this value in the driver's own unit (100 µs on Linux); None leaves the camera's automatic.
        gain: locked, in the driver's own unit; None leaves it.
        white_balance: locked, in kelvin; None leaves the automatic.
        focus: locked, in the driver's own unit; None leaves the autofocus.
        timeout_s: without a picture for so long, the camera is lost.
        first_picture_s: how long it may take to start.
    """

    width: int = 1280
    height: int = 720
    fps: float = 30.0
    fourcc: str = "MJPG"
    exposure: float | None = None
    gain: float | None = None
    white_balance: float | None = None
    focus: float | None = None
    timeout_s: float = 1.5
    first_picture_s: float = 6.0


def ask(capture: Capture, settings: CameraSettings) -> dict[str, str]:
    """Set the mode, then the locks, and return what was read back, with what was asked for where it differs."""
    import cv2

    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*settings.fourcc))
    for prop, value in (
        (cv2.CAP_PROP_FRAME_WIDTH, settings.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, settings.height),
        (cv2.CAP_PROP_FPS, settings.fps),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ):
        capture.set(prop, value)
    return {"backend": capture.getBackendName()} | _mode(capture, settings) | _lock(capture, settings)


def _mode(capture: Capture, settings: CameraSettings) -> dict[str, str]:
    import cv2

    width, height = (round(capture.get(prop)) for prop in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    code = struct.pack("<I", round(capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF)
    return {
        "size": _told(f"{width}x{height}", f"{settings.width}x{settings.height}"),
        "rate": _told(f"{capture.get(cv2.CAP_PROP_FPS):g} fps", f"{settings.fps:g} fps"),
        "format": _told(code.decode("ascii", "replace").strip("\0 ") or "unknown", settings.fourcc),
    }


def adjust(capture: Capture, settings: CameraSettings, before: CameraSettings) -> None:
    """Set other locks on a camera that runs; what was locked `before` and is no longer gets its automatic back."""
    for lock in _locks():
        freed = getattr(settings, lock.field) is None and getattr(before, lock.field) is not None
        if freed and lock.automatic is not None:
            capture.set(lock.automatic, lock.on)
    _lock(capture, settings)


def read_controls(capture: Capture) -> dict[str, float | None]:
    """Return what can be locked, by the settings' names, with its value now; None: the driver has no such thing.

    V4L2 answers -1 for what it lacks; elsewhere an exposure may be negative, and all is taken to be there.
    """
    values = {lock.field: capture.get(lock.prop) for lock in _locks()}
    lacks = sys.platform == "linux"
    return {name: None if lacks and value < 0 else value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class _Lock:
    """A control: its name in `CameraSettings`, OpenCV's number for it and for its automatic, which is on or off at."""

    field: str
    prop: int
    automatic: int | None = None
    on: float = 1.0
    off: float = 0.0


def _locks() -> tuple[_Lock, ...]:
    import cv2

    on, off = (3.0, 1.0) if sys.platform == "linux" else (0.75, 0.25)
    return (
        _Lock("exposure", cv2.CAP_PROP_EXPOSURE, cv2.CAP_PROP_AUTO_EXPOSURE, on, off),
        _Lock("gain", cv2.CAP_PROP_GAIN),
        _Lock("white_balance", cv2.CAP_PROP_WB_TEMPERATURE, cv2.CAP_PROP_AUTO_WB),
        _Lock("focus", cv2.CAP_PROP_FOCUS, cv2.CAP_PROP_AUTOFOCUS),
    )


def _lock(capture: Capture, settings: CameraSettings) -> dict[str, str]:
    """Lock what is to be locked: the automatic off first, since drivers refuse values while it is on."""
    found: dict[str, str] = {}
    for lock in _locks():
        value = getattr(settings, lock.field)
        if value is None:
            continue
        if lock.automatic is not None:
            capture.set(lock.automatic, lock.off)
        capture.set(lock.prop, value)
        found[lock.field.replace("_", " ")] = _told(f"{capture.get(lock.prop):g}", f"{value:g}")
    return found


def _told(got: str, asked: str) -> str:
    return got if got == asked else f"{got} (asked for {asked})"


def steady_frame_rate(index: int) -> None:
    """Forbid a camera to slow down in the dark (V4L2 ``exposure_dynamic_framerate=0``), where it has that control."""
    if sys.platform != "linux":
        return
    import contextlib
    import fcntl
    import os

    with contextlib.suppress(OSError):
        device = os.open(f"/dev/video{index}", os.O_RDWR | os.O_NONBLOCK)
        try:
            fcntl.ioctl(device, _VIDIOC_S_CTRL, struct.pack("Ii", _V4L2_CID_EXPOSURE_AUTO_PRIORITY, 0))
        finally:
            os.close(device)
