"""What a camera is asked for, in the order that drivers want, and what it really does."""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mirrorfx.sources._capture import Capture

__all__ = ["CameraSettings", "ask", "steady_frame_rate"]

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


def _lock(capture: Capture, settings: CameraSettings) -> dict[str, str]:
    """Lock what is to be locked: the automatic off first, since drivers refuse values while it is on."""
    import cv2

    manual_exposure = 1.0 if sys.platform == "linux" else 0.25
    found: dict[str, str] = {}
    for name, value, automatic, off, prop in (
        ("exposure", settings.exposure, cv2.CAP_PROP_AUTO_EXPOSURE, manual_exposure, cv2.CAP_PROP_EXPOSURE),
        ("gain", settings.gain, None, 0.0, cv2.CAP_PROP_GAIN),
        ("white balance", settings.white_balance, cv2.CAP_PROP_AUTO_WB, 0.0, cv2.CAP_PROP_WB_TEMPERATURE),
        ("focus", settings.focus, cv2.CAP_PROP_AUTOFOCUS, 0.0, cv2.CAP_PROP_FOCUS),
    ):
        if value is None:
            continue
        if automatic is not None:
            capture.set(automatic, off)
        capture.set(prop, value)
        found[name] = _told(f"{capture.get(prop):g}", f"{value:g}")
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
