"""The flash guard: lets pictures through, and damps what would flash too often."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND
from mirrorfx.safety.cells import CellView, cells_shape, sites_shape
from mirrorfx.safety.limiter import FlashLimiter
from mirrorfx.safety.limits import STANDARD
from mirrorfx.safety.tally import FlashTally

if TYPE_CHECKING:
    from mirrorfx.frame import Image, Size
    from mirrorfx.safety.cells import Glance
    from mirrorfx.safety.limits import Standard
    from mirrorfx.safety.tally import Considered

__all__ = ["FlashGuard"]

_FOLLOW_NS = 600_000_000
_CALM_NS = SECOND + SECOND // 5
_LONGEST_STEP_NS = 100_000_000
_REDRAW_NS = 30_000_000
_HARDER_NS = 200_000_000


class FlashGuard:
    """Keeps the wall below three general and three red flashes in any second, whatever comes in.

    As long as the pictures keep the limits (`mirrorfx.safety.limits`) they come back untouched, the very same arrays.
    When one would exceed them, the places that flash are held back (`FlashLimiter`) until the pictures have been calm
    for a second. Where that isn't enough, the wall follows slowly, as a mixture with what it showed; and where that
    isn't, it repeats the last picture. Every picture that leaves is counted before it is shown, and repeating the last
    one turns nothing: so the limits hold for any input.

    Ask at every display tick, also with the same array again while `settled` is False. An array must not be written
    to before the second call after it; the same array again means the same picture.

    Args:
        size: (width, height) of the pictures.
        standard: of what a quarter must flash.

    Threads: one. Realtime: yes.
    """

    def __init__(self, size: Size, standard: Standard = STANDARD) -> None:
        import numpy as np

        self._view = CellView(size, standard)
        self._shown = FlashTally(size, standard)
        self._limiter = FlashLimiter(size, cells_shape(size), sites_shape(size, standard))
        self._asked: FlashTally | None = None
        self._glance: Glance | None = None
        self._source: Image | None = None
        self._out: Image | None = None
        # Written once, so that the memory is really there before the first tick that needs it.
        self._buffers = [np.full((size[1], size[0], 4), 255, np.uint8) for _ in range(4)]
        self._general_until_ns = self._red_until_ns = 0
        self._wider_until_ns = self._mixing_until_ns = 0
        self._t_ns = 0
        self._drawn_ns = 0
        self._damped_ticks = 0
        self._mixed_ticks = 0
        self._worst_asked = {"general": 0.0, "red": 0.0}

    @property
    def settled(self) -> bool:
        """Whether the last picture came back untouched: nothing changes until there is another."""
        return self._asked is None

    def figures(self) -> dict[str, Any]:
        """Return how many ticks were changed, and the most flashes in a second: shown, and asked for.

        `mixed_ticks` of the `damped_ticks` were mixed with what was shown before, or repeated it. Two changes are a
        flash; 3.5 stands for all above three.
        """
        asked = self._asked.worst() if self._asked else self._shown.worst()
        worst_asked = {kind: max(most, asked[kind]) for kind, most in self._worst_asked.items()}
        return {
            "damped_ticks": self._damped_ticks,
            "mixed_ticks": self._mixed_ticks,
            "worst": self._shown.worst(),
            "worst_asked": worst_asked,
        }

    def show(self, pixels: Image, t_ns: int) -> Image:
        """Return what to show at `t_ns` for ``uint8[H, W, 4]`` BGRX: `pixels` itself, or an array of the guard's own.

        The guard's own arrays stay valid until the second call after.
        """
        if self._asked is not None and pixels is self._source and t_ns - self._drawn_ns < _REDRAW_NS:
            assert self._out is not None
            self._damped_ticks += self._out is not pixels
            return self._out
        glance, step_ns = self._take(pixels, t_ns)
        if self._asked is None:
            considered = self._shown.consider(glance, t_ns)
            if considered.allowed or self._out is None:
                return self._through(pixels, considered)
            self._asked = self._shown.copy()
        self._mind_the_asked(glance, t_ns)
        if self._limiter.idle and t_ns >= max(self._general_until_ns, self._red_until_ns):
            considered = self._shown.consider(glance, t_ns)
            if considered.allowed:
                self._end_damping()
                return self._through(pixels, considered)
        return self._damp(pixels, t_ns, step_ns)

    def force(self, pixels: Image, t_ns: int) -> Image:
        """Return `pixels` at once, whatever was shown: for a blackout. It counts, and only the way back may be slow."""
        glance, _ = self._take(pixels, t_ns)
        considered = self._shown.consider(glance, t_ns)
        if self._asked is not None:
            self._mind_the_asked(glance, t_ns)
        return self._through(pixels, considered)

    def hold(self, copy: Image | None = None) -> None:
        """Go on from a copy of the last picture (made here, if none is given): the memory under it is about to go."""
        if self._out is not None:
            self._out = self._out.copy() if copy is None else copy
        self._source = None

    def _take(self, pixels: Image, t_ns: int) -> tuple[Glance, int]:
        step_ns, self._t_ns = min(max(t_ns - self._t_ns, 0), _LONGEST_STEP_NS), t_ns
        if pixels is not self._source or self._glance is None:
            self._source = pixels
            self._glance = self._view.look(pixels)
        self._limiter.follow(self._glance, step_ns)
        return self._glance, step_ns

    def _through(self, pixels: Image, considered: Considered) -> Image:
        self._shown.commit(considered)
        self._out = pixels
        return pixels

    # Damping

    def _end_damping(self) -> None:
        assert self._asked is not None
        worst = self._asked.worst()
        self._worst_asked = {kind: max(most, worst[kind]) for kind, most in self._worst_asked.items()}
        self._asked = None

    def _mind_the_asked(self, glance: Glance, t_ns: int) -> None:
        """Count what would have been shown, to know where it is still flashing."""
        assert self._asked is not None
        considered = self._asked.consider(glance, t_ns)
        if not considered.general_allowed:
            self._general_until_ns = t_ns + _CALM_NS
        if not considered.red_allowed:
            self._red_until_ns = t_ns + _CALM_NS
        self._asked.commit(considered)
        flashing, red = t_ns < self._general_until_ns, t_ns < self._red_until_ns
        self._limiter.hold(self._asked.busy(t_ns), flashing=flashing, red=red)

    def _damp(self, pixels: Image, t_ns: int, step_ns: int) -> Image:
        """Draw once and count once: what fails repeats the last picture, and the next tick holds back more."""
        assert self._out is not None
        self._drawn_ns = t_ns
        out = self._spare()
        drawn = out if self._limiter.draw(pixels, out, wider=t_ns < self._wider_until_ns) else pixels
        mixing = t_ns < self._mixing_until_ns
        if mixing:
            drawn = self._mixed(drawn, 1.0 - math.exp(-step_ns / _FOLLOW_NS))
        considered = self._try(drawn, t_ns)
        self._damped_ticks += drawn is not pixels or not considered.allowed
        self._mixed_ticks += mixing or not considered.allowed
        if not considered.allowed:
            self._hold_back_more(considered, t_ns)
        return self._out

    def _hold_back_more(self, failed: Considered, t_ns: int) -> None:
        self._limiter.hold_all(flashing=not failed.general_allowed, red=not failed.red_allowed)
        if t_ns < self._wider_until_ns:
            self._mixing_until_ns = t_ns + _HARDER_NS
        self._wider_until_ns = t_ns + _HARDER_NS

    def _mixed(self, drawn: Image, share: float) -> Image:
        """Return the last picture with a share of `drawn`."""
        import cv2

        assert self._out is not None
        mixed = self._spare(drawn)
        cv2.addWeighted(drawn, share, self._out, 1.0 - share, 0, dst=mixed)
        return mixed

    def _try(self, picture: Image, t_ns: int) -> Considered:
        considered = self._shown.consider(self._view.look(picture), t_ns)
        if considered.allowed:
            self._through(picture, considered)
        return considered

    def _spare(self, used: Image | None = None) -> Image:
        """Return a picture of the guard's own that neither stands on the wall nor is `used`."""
        return next(buffer for buffer in self._buffers if buffer is not self._out and buffer is not used)
