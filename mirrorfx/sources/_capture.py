"""OpenCV's capture, and the thread that keeps the newest of its pictures."""

from __future__ import annotations

import queue
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from mirrorfx.clock import MS
from mirrorfx.errors import SourceLost
from mirrorfx.frame import Frame
from mirrorfx.sources._camera_controls import steady_frame_rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.clock import Clock
    from mirrorfx.frame import Image

__all__ = ["Capture", "FrameReader", "open_capture"]

_FAILURES_MOST = 3
_STAMP_OLDEST_NS = 500 * MS


class Capture(Protocol):
    """The part of `cv2.VideoCapture` that is used, so that tests can bring their own."""

    def isOpened(self) -> bool:  # noqa: N802
        """Return whether the device was opened."""

    def grab(self) -> bool:
        """Wait for the next picture; False when there is none."""

    def retrieve(self) -> tuple[bool, Image | None]:
        """Decode the picture that was grabbed."""

    def get(self, prop: int, /) -> float:
        """Return a property, by OpenCV's number."""

    def set(self, prop: int, value: float, /) -> bool:
        """Set a property; True says little: read it back."""

    def getBackendName(self) -> str:  # noqa: N802
        """Return the name of the system's camera interface."""

    def release(self) -> None:
        """Give the device back."""


def open_capture(index: int) -> Capture:
    """Open a camera through the system's own interface."""
    from mirrorfx.sources._cv2 import cv2

    backends = {"linux": cv2.CAP_V4L2, "win32": cv2.CAP_MSMF, "darwin": cv2.CAP_AVFOUNDATION}
    capture = cast("Capture", cv2.VideoCapture(index, backends.get(sys.platform, cv2.CAP_ANY)))
    if capture.isOpened():
        steady_frame_rate(index)
    return capture


@dataclass(slots=True)
class _Slot:
    newest: Frame | None = None
    lost: str | None = None


class FrameReader:
    """Reads a capture in a thread of its own and keeps only the newest frame.

    Args:
        capture: opened; from here on it belongs to the thread, which also releases it.
        clock: for the frames' stamps.
        stamp_prop: OpenCV's number of the driver's time stamp in milliseconds.
    """

    def __init__(self, capture: Capture, clock: Clock, stamp_prop: int) -> None:
        self._capture = capture
        self._clock = clock
        self._stamp_prop = stamp_prop
        self._slot = _Slot()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._last_ns = 0
        self._driver_stamps = False
        self._wishes: queue.SimpleQueue[Callable[[Capture], None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="mfx-camera-reader", daemon=True)
        self._thread.start()

    @property
    def driver_stamps(self) -> bool:
        """Whether the last frame carries the driver's own time."""
        return self._driver_stamps

    def wait(self, timeout_s: float) -> Frame:
        """Wait for a frame that was not taken yet, and return the newest without taking it.

        Raises:
            SourceLost: the capture ended, or gave nothing for `timeout_s`.
        """
        slot = self._slot
        with self._changed:
            self._changed.wait_for(lambda: slot.newest is not None or slot.lost is not None, timeout_s)
            if slot.lost is not None:
                raise SourceLost(slot.lost)
            if slot.newest is None:
                raise SourceLost(f"it has given no picture for {timeout_s:g} s")
            return slot.newest

    def take(self, timeout_s: float) -> Frame:
        """Wait for a frame that was not taken yet, and take the newest.

        Raises:
            SourceLost: the capture ended, or gave nothing for `timeout_s`.
        """
        with self._changed:
            frame = self.wait(timeout_s)
            self._slot.newest = None
            return frame

    def wish(self, wish: Callable[[Capture], None]) -> None:
        """Have something done to the capture between two pictures, in its own thread; nobody waits for it."""
        self._wishes.put(wish)

    def stop(self, timeout_s: float) -> bool:
        """End the thread; False when the driver hangs and holds it. Safe to call twice."""
        self._stop.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        import cv2

        try:
            self._read_all()
        except cv2.error as error:
            self._put(lost=f"OpenCV failed: {error.err}")
        finally:
            self._capture.release()

    def _read_all(self) -> None:
        index = failures = 0
        while not self._stop.is_set():
            while not self._wishes.empty():
                self._wishes.get()(self._capture)
            if not self._capture.grab():
                failures += 1
                if failures >= _FAILURES_MOST:
                    self._put(lost="it stopped giving pictures")
                    return
                continue
            t_ns = self._stamp()
            good, pixels = self._capture.retrieve()
            if good and pixels is not None:
                failures = 0
                self._put(Frame(pixels, t_ns, index))
            index += 1

    def _stamp(self) -> int:
        """Return the driver's time where it is believable on the monotonic clock, otherwise now."""
        now_ns = self._clock.now_ns()
        driver_ns = round(self._capture.get(self._stamp_prop) * MS)
        self._driver_stamps = max(self._last_ns + 1, now_ns - _STAMP_OLDEST_NS) <= driver_ns <= now_ns
        self._last_ns = driver_ns if self._driver_stamps else max(now_ns, self._last_ns + 1)
        return self._last_ns

    def _put(self, frame: Frame | None = None, lost: str | None = None) -> None:
        with self._changed:
            self._slot.newest, self._slot.lost = frame, lost
            self._changed.notify()
