"""The camera's own pictures for the wall's BYPASS, past the engine: memory of the launcher's, without a lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from mirrorfx.clock import SECOND
from mirrorfx.processes.memory import Ring

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mirrorfx.frame import Image, Size
    from mirrorfx.processes.memory import RingSpec

__all__ = ["LiveFrames", "wanted_until"]

_PICTURES = 3
_WANTED_NS = SECOND
_WANTED_UNTIL, _NEWEST, _TIMES = 0, 1, 2


class LiveFrames:
    """Three pictures that the camera writes in turn, and a page of numbers.

    The wall asks for pictures by writing until when it wants them; while nobody does the camera writes none, and
    nothing is spent. The camera numbers each picture once it stands. The wall takes the newest and looks at the number
    again afterwards: had the camera come round to that place meanwhile, two numbers further, the copy would be void.

    The clock is the same in both processes. Threads: one writer, one reader.
    """

    def __init__(self, ring: Ring) -> None:
        import numpy as np

        self.spec = ring.spec
        self._ring = ring
        self._numbers: npt.NDArray[np.int64] = ring.view(_PICTURES).reshape(-1)[: 8 * 8].view(np.int64)

    @classmethod
    def create(cls, size: Size) -> Self:
        """Make them; this process owns the memory."""
        return cls(Ring.create(_PICTURES + 1, (size[1], size[0], 3)))

    @classmethod
    def attach(cls, spec: RingSpec) -> Self:
        """Map what another process made."""
        return cls(Ring.attach(spec))

    # The camera's side

    def wanted(self, now_ns: int) -> bool:
        """Whether the wall shows these now. Realtime: yes."""
        return now_ns < int(self._numbers[_WANTED_UNTIL])

    def next(self) -> Image:
        """Return where the next picture belongs, ``uint8[H, W, 3]`` BGR. Then call `publish`."""
        return self._ring.view((int(self._numbers[_NEWEST]) + 1) % _PICTURES)

    def publish(self, t_capture_ns: int) -> None:
        """Let the wall have it."""
        number = int(self._numbers[_NEWEST]) + 1
        self._numbers[_TIMES + number % _PICTURES] = t_capture_ns
        self._numbers[_NEWEST] = number

    # The wall's side

    def want(self, now_ns: int) -> None:
        """Ask for pictures for the next second."""
        self._numbers[_WANTED_UNTIL] = now_ns + _WANTED_NS

    @property
    def number(self) -> int:
        """The newest picture's number."""
        return int(self._numbers[_NEWEST])

    def take(self, number: int, out: Image) -> int | None:
        """Copy picture `number` into `out`, ``uint8[H, W, 4]`` BGRX, and return its capture time; None: too late."""
        import cv2

        t_capture_ns = int(self._numbers[_TIMES + number % _PICTURES])
        cv2.cvtColor(self._ring.view(number % _PICTURES), cv2.COLOR_BGR2BGRA, dst=out)
        # The writer is at the next but one at the latest while this one is whole.
        return t_capture_ns if self.number < number + _PICTURES - 1 else None

    def close(self) -> None:
        """Let go. Safe to call twice."""
        self._numbers = self._numbers[:0].copy()
        self._ring.close()


def wanted_until(buffer: memoryview, spec: RingSpec) -> memoryview:
    """Return the number until when pictures are wanted, of the memory of `spec`; without numpy."""
    start = _PICTURES * spec.slot_bytes + 8 * _WANTED_UNTIL
    return buffer[start : start + 8].cast("q")
