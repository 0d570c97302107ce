"""A frame on its way through a worker."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ASIDE", "Flight"]

ASIDE = 1 << 63
"""Flights numbered from here on are no part of the program: a preview's. Their numbers have no gaps either."""


@dataclass(frozen=True, slots=True)
class Flight:
    """One frame at one worker.

    Attributes:
        worker: who has it.
        generation: which life of the worker; a result from an earlier life is worthless.
        seq: the frame's number, given at dispatch, without gaps.
        t_dispatch_ns: when it was given.
        t_capture_ns: when the camera saw it.
        target_ns: the display tick that it is made for (LOCK); 0 when paced, and when aside.
    """

    worker: int
    generation: int
    seq: int
    t_dispatch_ns: int
    t_capture_ns: int
    target_ns: int = 0

    @property
    def aside(self) -> bool:
        """Whether it is no part of the program."""
        return self.seq >= ASIDE
