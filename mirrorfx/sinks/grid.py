"""The constant-rate grid onto which a film puts pictures that were shown at uneven times."""

from __future__ import annotations

from fractions import Fraction

from mirrorfx.clock import SECOND
from mirrorfx.errors import InvalidValue

__all__ = ["ConstantRateGrid"]

_RATE_MOST_FPS = 240.0
_TOLERANCE = Fraction(1, 4)


class ConstantRateGrid:
    """Counts the steps of a film from the first picture on.

    A picture belongs to the last step that began before it was shown; one that comes up to a quarter of a step early
    still counts for the next. Pictures on the film's own beat, and on twice its beat (a 60 Hz wall, a film of 30), thus
    lie a quarter of a step or more away from every border, and a tremble of the wall moves none of them across.

    Threads: one.
    """

    __slots__ = ("_start_ns", "rate")

    def __init__(self, rate_fps: float) -> None:
        """Take the film's pictures a second.

        Raises:
            InvalidValue: the rate is not above 0 and at most 240.
        """
        if not 0 < rate_fps <= _RATE_MOST_FPS:
            raise InvalidValue(
                f"A film of {rate_fps} pictures a second can't be made: give a rate from 1 to 240, such as 30."
            )
        self.rate = Fraction(rate_fps).limit_denominator(1001)
        self._start_ns: int | None = None

    def step_at(self, t_present_ns: int) -> int:
        """Return the step of a picture shown at `t_present_ns`; the first picture ever asked for has step 0.

        Times before the first give 0.
        """
        if self._start_ns is None:
            self._start_ns = t_present_ns
        position = Fraction(t_present_ns - self._start_ns, SECOND) * self.rate
        return max(0, int(position + _TOLERANCE))
