"""Taps: small copies of what is seen and shown, for people who look on from beside.

The camera, the wall and the worker that paints a preview each put one into memory of the launcher's, a few times a
second and only while somebody wants them. The mechanism is that of `LiveFrames`: neither side ever waits, and a reader
finds out afterwards whether its copy is whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from mirrorfx.clock import SECOND
from mirrorfx.processes.live import LiveFrames, wanted_until
from mirrorfx.processes.memory import attach_block

if TYPE_CHECKING:
    from mirrorfx.frame import Image, Size
    from mirrorfx.processes.memory import RingSpec

__all__ = ["LONG_SIDE_PX", "RATE_MOST", "Demand", "Tap", "TapSpecs", "Taps", "tap_size"]

LONG_SIDE_PX = 352
RATE_MOST = 5
"""Pictures a second at most, where the writer isn't told otherwise."""
_SIGN_OF_LIFE_NS = SECOND
_TRIES = 3


def tap_size(size: Size) -> Size:
    """Return (width, height) of the small copy of a picture of `size`."""
    width, height = size
    scale = min(LONG_SIDE_PX / max(width, height), 1.0)
    return max(round(width * scale), 1), max(round(height * scale), 1)


class Tap:
    """One small picture, the newest of its kind.

    Threads: one writer, any number of readers, in any processes. Realtime: yes, the writer's side.
    """

    def __init__(self, live: LiveFrames, fps: int = RATE_MOST) -> None:
        self._live = live
        self._period_ns = SECOND // fps
        self._next_ns = 0
        self._sign_ns = 0
        self._small: Image | None = None

    @classmethod
    def create(cls, size: Size) -> Self:
        """Make one for pictures of `size`; this process owns the memory."""
        return cls(LiveFrames.create(tap_size(size)))

    @classmethod
    def attach(cls, spec: RingSpec, fps: int = RATE_MOST) -> Self:
        """Map what another process made, to read it, or to write it `fps` times a second at most."""
        return cls(LiveFrames.attach(spec), fps)

    @property
    def spec(self) -> RingSpec:
        """What another process needs to attach it."""
        return self._live.spec

    @property
    def size(self) -> Size:
        """(width, height) of the small picture."""
        height, width, _ = self._live.spec.shape
        return width, height

    # The writer's side

    def due(self, now_ns: int, *, fresh: bool = True) -> bool:
        """Whether to `put` a picture now: somebody wants it, and the last was long enough ago.

        A picture that isn't `fresh`, the same as the one put before, is only due as a sign of life.
        """
        return now_ns >= (self._next_ns if fresh else self._sign_ns) and self._live.wanted(now_ns)

    def put(self, picture: Image, now_ns: int) -> None:
        """Let the readers have a small copy of `picture`, ``uint8[H, W, 3 or 4]`` BGR(X)."""
        import cv2
        import numpy as np

        self._next_ns, self._sign_ns = now_ns + self._period_ns, now_ns + _SIGN_OF_LIFE_NS
        # INTER_AREA at this factor takes 5 ms for a picture of 1024 x 1024, on one core; INTER_LINEAR 0.3.
        if picture.shape[2] == 3:
            cv2.resize(picture, self.size, dst=self._live.next(), interpolation=cv2.INTER_LINEAR)
        else:
            if self._small is None:
                self._small = np.empty((*self.size[::-1], 4), np.uint8)
            cv2.resize(picture, self.size, dst=self._small, interpolation=cv2.INTER_LINEAR)
            cv2.cvtColor(self._small, cv2.COLOR_BGRA2BGR, dst=self._live.next())
        self._live.publish(now_ns)

    # A reader's side

    def want(self, now_ns: int) -> None:
        """Ask for pictures for the next second."""
        self._live.want(now_ns)

    @property
    def number(self) -> int:
        """The newest picture's number; 0 before the first."""
        return self._live.number

    def take(self, out: Image) -> tuple[int, int] | None:
        """Copy the newest picture into `out`, ``uint8[h, w, 4]`` BGRX; return its number and when it was put."""
        for _ in range(_TRIES):
            number = self._live.number
            t_ns = self._live.take(number, out) if number else None
            if t_ns is not None:
                return number, t_ns
        return None

    def close(self) -> None:
        """Let go. Safe to call twice."""
        self._live.close()


class Demand:
    """Whether somebody wants a tap's pictures, for a process that knows no pixels. Realtime: yes."""

    def __init__(self, spec: RingSpec) -> None:
        self._block = attach_block(spec.handle)
        self._until_ns = wanted_until(self._block.buffer, spec)

    def there(self, now_ns: int) -> bool:
        """Whether somebody wants them now."""
        return bool(now_ns < self._until_ns[0])

    def close(self) -> None:
        """Let go. Safe to call twice."""
        self._until_ns.release()
        self._block.close()


@dataclass(frozen=True, slots=True)
class TapSpecs:
    """What a process needs to attach the mirror's taps."""

    program: RingSpec
    input: RingSpec
    preview: RingSpec


class Taps:
    """The mirror's taps: what the wall shows, what the camera sees, and what a preset would look like."""

    def __init__(self, program: Tap, camera: Tap, preview: Tap) -> None:
        self.program, self.input, self.preview = program, camera, preview

    @classmethod
    def create(cls, size: Size) -> Self:
        """Make them for pictures of `size`; this process owns the memory."""
        return cls(Tap.create(size), Tap.create(size), Tap.create(size))

    @classmethod
    def attach(cls, specs: TapSpecs) -> Self:
        """Map what another process made."""
        return cls(Tap.attach(specs.program), Tap.attach(specs.input), Tap.attach(specs.preview))

    @property
    def specs(self) -> TapSpecs:
        """What another process needs to attach them."""
        return TapSpecs(self.program.spec, self.input.spec, self.preview.spec)

    def close(self) -> None:
        """Let go. Safe to call twice."""
        for tap in (self.program, self.input, self.preview):
            tap.close()
