"""A fake GPU: it takes a given time for a frame and changes nothing. Benchmarks and fault tests run on it.

Options: ``service_ms`` (72), ``jitter_ms`` (0: the service time varies by up to this much either way),
``fail_at`` and ``hang_at`` (the number of a frame, `Frame.seq`, at which it raises or hangs; never by default),
``overlap`` (0; 1: the next frame is taken, and copied away, while this one is painted).
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mirrorfx.clock import MS, SECOND, Clock, MonotonicClock
from mirrorfx.effects.passthrough import Passthrough
from mirrorfx.errors import EffectFailed, InvalidValue

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.effects.base import EffectContext
    from mirrorfx.frame import Frame, Image
    from mirrorfx.params import Params

__all__ = ["Sleep"]

_NEVER = -1
_HANG_NS = 24 * 3600 * SECOND


class Sleep(Passthrough):
    """The camera's picture after a given time of sleep, as a GPU of that speed would bring it.

    Args:
        clock: what it sleeps on; tests give a fake one.
    """

    name: ClassVar[str] = "sleep"
    summary: ClassVar[str] = "A fake GPU for benchmarks: sleeps for a given time a frame, changes nothing"
    options: ClassVar[tuple[str, ...]] = ("service_ms", "jitter_ms", "fail_at", "hang_at", "overlap")

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or MonotonicClock()
        self._service_ms = 72.0
        self._jitter_ms = 0.0
        self._fail_at = _NEVER
        self._hang_at = _NEVER
        self._device_free_ns = 0
        self._uploaded: list[Image] = []
        self._turn = 0

    def open(self, context: EffectContext) -> None:
        """Read the options.

        Raises:
            InvalidValue: an option is not a number of zero or more.
        """
        self._service_ms = _number(context, "service_ms", self._service_ms)
        self._jitter_ms = _number(context, "jitter_ms", self._jitter_ms)
        self._fail_at = int(_number(context, "fail_at", _NEVER))
        self._hang_at = int(_number(context, "hang_at", _NEVER))
        self.overlaps = _number(context, "overlap", 0.0) > 0
        if self.overlaps:
            width, height = context.size
            self._uploaded = [np.empty((height, width, 4), np.uint8) for _ in range(2)]

    def render(self, frame: Frame, params: Params, out: Image) -> None:
        """Copy `frame` into `out` and return when the service time is over.

        Raises:
            EffectFailed: the frame is the one to fail at.
        """
        end_ns = self._occupy_ns(frame)
        self._fail_if_asked(frame)
        super().render(frame, params, out)
        self._clock.sleep_until_ns(end_ns)

    def start(self, frame: Frame, params: Params, out: Image) -> Callable[[], None]:
        """Begin a frame; where frames overlap, the device begins it when it is done with the one before."""
        if not self.overlaps:
            return super().start(frame, params, out)
        uploaded = self._uploaded[self._turn]
        self._turn = 1 - self._turn
        super().render(frame, params, uploaded)
        end_ns = self._occupy_ns(frame)

        def finish() -> None:
            self._fail_if_asked(frame)
            self._clock.sleep_until_ns(end_ns)
            np.copyto(out, uploaded)

        return finish

    def _occupy_ns(self, frame: Frame) -> int:
        """Give the device `frame`, after those it has; return when it is done."""
        hangs = frame.seq >= 0 and frame.seq == self._hang_at
        start_ns = max(self._clock.now_ns(), self._device_free_ns)
        self._device_free_ns = start_ns + (_HANG_NS if hangs else self.service_ns(frame.seq))
        return self._device_free_ns

    def _fail_if_asked(self, frame: Frame) -> None:
        if frame.seq >= 0 and frame.seq == self._fail_at:
            raise EffectFailed(f"The sleep effect fails at frame {frame.seq}, as fail_at={self._fail_at} asks.")

    def service_ns(self, seq: int) -> int:
        """Return how long the frame numbered `seq` takes, in nanoseconds: the same for the same number."""
        jitter_ms = self._jitter_ms * (2 * random.Random(seq).random() - 1) if self._jitter_ms else 0.0
        return max(round((self._service_ms + jitter_ms) * MS), 0)

    def details(self) -> dict[str, str | float]:
        """Return the service time and the jitter."""
        return {"service_ms": self._service_ms, "jitter_ms": self._jitter_ms}


def _number(context: EffectContext, name: str, default: float) -> float:
    text = context.option(name, str(default))
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not (0 <= value < float("inf") or value == default):
        raise InvalidValue(f"{name} is {text!r}; the sleep effect needs a number of zero or more.")
    return value
