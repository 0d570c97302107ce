"""Which cameras there are, without touching any of them."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mirrorfx.errors import SourceNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CameraInfo", "find_camera", "list_cameras"]


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """One camera.

    Attributes:
        index: the number that OpenCV opens it by; it may change when cameras are plugged in another order.
        name: what the driver calls it.
        stable_id: a name that stays with the device (or with its USB port, for devices without a serial number).
    """

    index: int
    name: str
    stable_id: str = ""

    def __str__(self) -> str:
        return f"camera:{self.index} {self.name}" + (f" (camera:{self.stable_id})" if self.stable_id else "")


def list_cameras(root: Path = Path("/")) -> list[CameraInfo] | None:
    """Return the cameras in the order of their numbers; None where the system has no list to read.

    Only names in ``/sys`` and ``/dev`` are read: a hanging driver can't hang this. Known on Linux only.
    """
    if sys.platform != "linux":
        return None
    nodes = sorted(root.glob("sys/class/video4linux/video*"), key=lambda node: _number(node.name))
    stable = _stable_ids(root)
    return [
        CameraInfo(_number(node.name), _text(node / "name") or node.name, stable.get(node.name, ""))
        for node in nodes
        if _text(node / "index") in ("0", "")
    ]


def find_camera(which: str, cameras: Sequence[CameraInfo] | None) -> CameraInfo:
    """Return the camera with a number, a stable name, or a part of its name that no other has.

    Args:
        which: ``0``, ``usb-046d_HD_Pro_Webcam_C920-video-index0``, ``c920``.
        cameras: those there are; None when they can't be listed, and a number is then taken on trust.

    Raises:
        SourceNotFound: there is none, or more than one; the message names those there are.
    """
    if cameras is None:
        if which.isdecimal():
            return CameraInfo(int(which), f"camera {which}")
        raise SourceNotFound(
            f"Camera {which!r} can't be looked for by name on this system: use its number, as in camera:0."
        )
    if which.isdecimal():
        found = [camera for camera in cameras if camera.index == int(which)]
    else:
        found = [camera for camera in cameras if which == camera.stable_id] or [
            camera for camera in cameras if which.lower() in f"{camera.name}\n{camera.stable_id}".lower()
        ]
    if len(found) == 1:
        return found[0]
    raise SourceNotFound(_not_found(which, found, cameras))


def _not_found(which: str, found: Sequence[CameraInfo], cameras: Sequence[CameraInfo]) -> str:
    if found:
        names = "; ".join(map(str, found))
        return f"Camera {which!r} is not one but {len(found)}: {names}. Use a number or the name in brackets."
    if not cameras:
        return f"There is no camera {which}: none was found at all. Plug one in, or use --source demo or a file."
    return f"There is no camera {which}. There is: {'; '.join(map(str, cameras))}."


def _stable_ids(root: Path) -> dict[str, str]:
    """Return stable names by node (``video0``); by-id wins over by-path."""
    links = [*root.glob("dev/v4l/by-path/*"), *root.glob("dev/v4l/by-id/*")]
    return {link.readlink().name: link.name for link in links if link.is_symlink()}


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _number(name: str) -> int:
    match = re.search(r"\d+$", name)
    return int(match[0]) if match else 0
