"""What a sink is: something that takes the pictures that were shown."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from mirrorfx.frame import Frame, Size

__all__ = ["Sink"]


class Sink(ABC):
    """A taker of presented pictures."""

    kind: ClassVar[str]

    @property
    def failed(self) -> str:
        """Why it stopped early, or an empty string."""
        return ""

    def details(self) -> dict[str, str | int | float]:
        """Return what the report should tell about it."""
        return {"kind": self.kind, "failed": self.failed}

    @abstractmethod
    def open(self, size: Size, rate_fps: float) -> None:
        """Get ready for pictures of `size`, offered `rate_fps` times a second.

        Raises:
            SinkUnavailable: it can't be opened; the message names the fix.
        """

    @abstractmethod
    def put(self, frame: Frame, t_present_ns: int) -> None:
        """Take one presented picture; the same picture again is a repeat.

        Realtime: yes: it copies what it keeps (``uint8[H, W, 4]`` BGRX) and never waits for a disk or a network.

        Raises:
            SinkFailed: it stopped for good (a full disk); the mirror goes on without it.
        """

    @abstractmethod
    def close(self) -> None:
        """Finish and give everything back. Safe to call twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
