"""A camera as a source.

It belongs into a process that can be killed: a driver may hang in a call that nothing in this process can end.

Written without a camera at hand, against `Capture` and OpenCV's documentation. Not confirmed on hardware: which drivers
stamp on the monotonic clock, which need locks set again once streaming has begun, and all of Windows and macOS.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

from mirrorfx.errors import SourceHung, SourceLost, SourceUnreadable
from mirrorfx.sources._camera_controls import CameraSettings, adjust, ask, read_controls
from mirrorfx.sources._capture import Capture, FrameReader, open_capture
from mirrorfx.sources.base import Source, SourceInfo
from mirrorfx.sources.cameras import CameraInfo, find_camera, list_cameras
from mirrorfx.sources.picture_watch import PictureWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mirrorfx.clock import Clock
    from mirrorfx.frame import Frame

__all__ = ["Camera", "CameraSettings", "Capture"]

_log = logging.getLogger(__name__)
_CLOSE_S = 2.0


class Camera(Source):
    """The newest picture of a camera, stamped by its driver where that can be believed.

    After `SourceLost`, call `open` again until it comes back: the device is looked up anew by name, and mode and
    locks are set again.

    Args:
        which: a number, a stable name, or a part of the camera's name.
        clock: what frames are stamped on where the driver's stamps can't be used.
        settings: mode and locks.
        capture: opens a camera by number.
        cameras: lists the cameras.
    """

    kind: ClassVar[str] = "camera"

    def __init__(
        self,
        which: str = "0",
        *,
        clock: Clock,
        settings: CameraSettings | None = None,
        capture: Callable[[int], Capture] = open_capture,
        cameras: Callable[[], Sequence[CameraInfo] | None] = list_cameras,
    ) -> None:
        self._which = which
        self._clock = clock
        self._settings = settings or CameraSettings()
        self._open_capture = capture
        self._list_cameras = cameras
        self._reader: FrameReader | None = None
        self._watch = PictureWatch(clock)
        self._name = f"camera {which}"
        self._controls: Mapping[str, float | None] = {}

    def open(self) -> SourceInfo:
        """Open the device, set mode and locks, and wait for a first picture.

        Raises:
            SourceNotFound: no such camera; the message names those there are.
            SourceUnreadable: it can't be opened or gives no picture.
            SourceHung: its driver still hangs since the last time.
        """
        self.close()
        if self._reader is not None:
            raise SourceHung(f"The driver of {self._name} hangs; only ending this process frees it.")
        camera = find_camera(self._which, self._list_cameras())
        self._name = f"camera {camera.index} ({camera.name})"
        capture = self._opened(camera)
        details = ask(capture, self._settings)
        self._controls = read_controls(capture)
        return self._start(capture, camera, details)

    def read(self) -> Frame | None:
        """Return the newest frame that was not returned yet; wait for one if need be.

        Raises:
            SourceLost: it was unplugged, gives nothing, always the same picture, or only black.
        """
        if self._reader is None:
            return None
        try:
            frame = self._reader.take(self._settings.timeout_s)
        except SourceLost as error:
            raise self._lost(str(error)) from None
        reason = self._watch.see(frame.pixels)
        if reason is not None:
            raise self._lost(reason)
        return frame

    @property
    def controls(self) -> Mapping[str, float | None]:
        """What can be locked, with its value when it was last set; None where the driver has no such thing."""
        return self._controls

    def adjust(self, settings: CameraSettings) -> None:
        """Take other locks; they hold from one of the next pictures on, and `controls` tells what came of it."""
        before, self._settings = self._settings, settings
        if self._reader:
            self._reader.wish(lambda capture: self._adjust(capture, settings, before))

    def _adjust(self, capture: Capture, settings: CameraSettings, before: CameraSettings) -> None:
        adjust(capture, settings, before)
        self._controls = read_controls(capture)

    def close(self) -> None:
        """Give the device back; a driver that hangs keeps it until this process ends."""
        if self._reader is None:
            return
        if self._reader.stop(_CLOSE_S):
            self._reader = None
        else:
            _log.error("The driver of %s hangs and can't be closed.", self._name)

    def _opened(self, camera: CameraInfo) -> Capture:
        capture = self._open_capture(camera.index)
        if capture.isOpened():
            return capture
        capture.release()
        raise SourceUnreadable(
            f"{self._name} is there but can't be opened. Another program may use it, or you may not be allowed to: "
            "close the other, or add yourself to the group video."
        )

    def _start(self, capture: Capture, camera: CameraInfo, details: dict[str, str]) -> SourceInfo:
        import cv2

        rate_fps = capture.get(cv2.CAP_PROP_FPS)
        self._reader = FrameReader(capture, self._clock, cv2.CAP_PROP_POS_MSEC)
        self._watch.reopened()
        try:
            first = self._reader.wait(self._settings.first_picture_s)
        except SourceLost as error:
            self.close()
            raise SourceUnreadable(f"{self._name} was opened, but {error}. Plug it into another USB port.") from None
        details["time stamps"] = "from the driver" if self._reader.driver_stamps else "on arrival"
        return SourceInfo(
            name=camera.name, size=first.size, rate_fps=max(rate_fps, 0.0), live=True, details=tuple(details.items())
        )

    def _lost(self, reason: str) -> SourceLost:
        return SourceLost(f"{self._name} was lost: {reason}. Check its cable and power.")
