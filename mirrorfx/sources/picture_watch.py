"""Notices a camera that goes on giving pictures, but always the same one, or only black."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mirrorfx.clock import MS, SECOND

if TYPE_CHECKING:
    from mirrorfx.clock import Clock
    from mirrorfx.frame import Image

__all__ = ["PictureWatch"]

_FROZEN_NS = 1500 * MS
_BLACK_NS = 4 * SECOND
_PATIENCE_MOST = 64
_STEP_PX = 8
_BLACK_MOST = 8


class PictureWatch:
    """Looks at every picture, and says when there is reason to open the camera again.

    A living sensor is never still: its noise changes some pixel in every frame. A sixty-fourth of them is compared.

    A dark night or a virtual camera with a fixed card must not make it reopen for ever: each reason that reopening
    did not cure doubles the time until it is given again, up to 64 times; a picture that moves, or light, resets that.

    Args:
        clock: what durations are measured on.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: Image | None = None
        self._frozen = _Patience(_FROZEN_NS)
        self._black = _Patience(_BLACK_NS)

    def see(self, pixels: Image) -> str | None:
        """Look at ``uint8[H, W, 3]`` and return why the camera should be opened again, or None. Realtime: yes."""
        now_ns = self._clock.now_ns()
        sample = pixels[::_STEP_PX, ::_STEP_PX].copy()
        same = self._last is not None and np.array_equal(sample, self._last)
        self._last = sample
        black = int(sample.max()) <= _BLACK_MOST
        black_ns = self._black.seen(now_ns, bad=black)
        frozen_ns = self._frozen.seen(now_ns, bad=same and not black)
        if black_ns is not None:
            return f"it has given nothing but black for {black_ns / SECOND:.1f} s; check its lens cap and the light"
        if frozen_ns is not None:
            return f"it has repeated the same picture for {frozen_ns / SECOND:.1f} s"
        return None

    def reopened(self) -> None:
        """Count anew from here, after the camera was opened; what was not cured before is remembered."""
        self._frozen.restart()
        self._black.restart()


class _Patience:
    """How long something bad may last before it is said; twice as long each time that it did not help."""

    def __init__(self, limit_ns: int) -> None:
        self._limit_ns = limit_ns
        self._times = 1
        self._since_ns: int | None = None

    def seen(self, now_ns: int, *, bad: bool) -> int | None:
        """Return for how long it has been bad when that is too long, otherwise None."""
        if not bad:
            self._since_ns, self._times = None, 1
            return None
        if self._since_ns is None:
            self._since_ns = now_ns
        lasted_ns = now_ns - self._since_ns
        if lasted_ns < self._limit_ns * self._times:
            return None
        self._times = min(self._times * 2, _PATIENCE_MOST)
        self._since_ns = now_ns
        return lasted_ns

    def restart(self) -> None:
        self._since_ns = None
