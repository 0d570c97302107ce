"""What a source is: something that gives frames, each stamped when it was captured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx.frame import Frame, Size
    from mirrorfx.sources._camera_controls import CameraSettings

__all__ = ["Source", "SourceInfo"]


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source turned out to be after it was opened.

    Attributes:
        name: for people: the camera's name or the file's.
        size: (width, height) of its own pictures, before any fitting.
        rate_fps: pictures a second as the source itself says; 0 when it doesn't know.
        live: true for a device that sees visitors; false for files and patterns.
        details: what else was read back (pixel format, exposure, backend), for `doctor` and the desk.
    """

    name: str
    size: Size
    rate_fps: float
    live: bool = False
    details: tuple[tuple[str, str], ...] = ()


class Source(ABC):
    """A giver of frames at its own pace.

    A source is opened, read until it ends or is closed, and may be opened again. It is used by one thread.
    """

    kind: ClassVar[str]

    @abstractmethod
    def open(self) -> SourceInfo:
        """Open the device or file.

        Raises:
            SourceNotFound: it is not there.
            SourceUnreadable: it is there but gives no pictures.
        """

    @abstractmethod
    def read(self) -> Frame | None:
        """Wait for the next frame at the source's own rate and return it; None when it has ended.

        A frame that is already due is returned at once. A reader that comes late gets the newest frame; the ones it
        missed are skipped (their `Frame.index` shows the gap), never queued. The pixels are the caller's until the next
        `read`.

        Raises:
            SourceLost: the source was being read and went away; `open` may bring it back.
        """

    @property
    def controls(self) -> Mapping[str, float | None]:
        """What can be locked, with its value now; None where the driver has no such thing. Empty but for cameras."""
        return {}

    def adjust(self, settings: CameraSettings) -> None:  # noqa: B027  most sources have nothing to lock
        """Take other locks while it is being read; what has none takes no notice."""

    @abstractmethod
    def close(self) -> None:
        """Give the device or file back. Safe to call twice."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
