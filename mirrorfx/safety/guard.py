"""The flash guard: lets pictures through, and damps what would flash too often."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND
from mirrorfx.safety.cells import CellView, cells_shape
from mirrorfx.safety.tally import FlashTally

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mirrorfx.frame import Image, Size
    from mirrorfx.safety.tally import Considered

__all__ = ["FlashGuard"]

_FOLLOW_NS = 600_000_000
_CALM_NS = SECOND + SECOND // 5
_RELEASE_NS = 800_000_000
_LONGEST_STEP_NS = 100_000_000


class FlashGuard:
    """Keeps the wall below three general and three red flashes in any second, whatever comes in.

    As long as the pictures keep the limits (`mirrorfx.safety.limits`) they come back untouched, the very same arrays.
    When one would exceed them it is not shown; from there on the wall follows the pictures slowly, so that flicker
    becomes its own average, until they have been calm for a second; then it fades over to them. Every picture that
    leaves is counted before it is shown, and repeating the last one turns nothing: so the limits hold for any input.

    Ask at every display tick, also with the same array again while `settled` is False. An array must not be written
    to before the second call after it; the same array again means the same picture.

    Args:
        size: (width, height) of the pictures.

    Threads: one. Realtime: yes; 1.6 ms for a new picture at 1024 x 1024, about 4 ms while it damps.
    """

    def __init__(self, size: Size) -> None:
        import numpy as np

        self._view = CellView(size)
        self._shown = FlashTally(cells_shape(size))
        self._asked: FlashTally | None = None
        self._asked_cells: npt.NDArray[np.float32] | None = None
        self._source: Image | None = None
        self._out: Image | None = None
        # Written once, so that the memory is really there before the first tick that needs it.
        self._buffers = [np.full((size[1], size[0], 4), 255, np.uint8) for _ in range(3)]
        self._leaving_buffer = self._buffers[0].copy()
        self._leaving: Image | None = None
        self._released = 0.0
        self._calm_from_ns = 0
        self._t_ns = 0
        self._damped_ticks = 0
        self._worst_asked = {"general": 0.0, "red": 0.0}

    @property
    def settled(self) -> bool:
        """Whether the last picture came back untouched: nothing changes until there is another."""
        return self._asked is None

    def figures(self) -> dict[str, Any]:
        """Return how many ticks were damped, and the most flashes in a second: shown, and asked for.

        Two changes are a flash; 3.5 stands for all above three.
        """
        asked = self._asked.worst() if self._asked else self._shown.worst()
        worst_asked = {kind: max(most, asked[kind]) for kind, most in self._worst_asked.items()}
        return {"damped_ticks": self._damped_ticks, "worst": self._shown.worst(), "worst_asked": worst_asked}

    def show(self, pixels: Image, t_ns: int) -> Image:
        """Return what to show at `t_ns` for ``uint8[H, W, 4]`` BGRX: `pixels` itself, or an array of the guard's own.

        The guard's own arrays stay valid until the second call after.
        """
        step_ns, self._t_ns = min(max(t_ns - self._t_ns, 0), _LONGEST_STEP_NS), t_ns
        if pixels is not self._source or self._asked_cells is None:
            self._source = pixels
            self._asked_cells = self._view.look(pixels)
        if self._asked is None:
            considered = self._shown.consider(self._asked_cells, t_ns)
            if considered.allowed or self._out is None:
                return self._through(pixels, considered)
            self._begin_to_damp(t_ns)
        self._mind_the_asked(self._asked_cells, t_ns)
        return self._damp(pixels, t_ns, step_ns)

    def force(self, pixels: Image, t_ns: int) -> Image:
        """Return `pixels` at once, whatever was shown: for a blackout. It counts, and only the way back may be slow."""
        self._source, self._asked_cells = pixels, self._view.look(pixels)
        considered = self._shown.consider(self._asked_cells, t_ns)
        if self._asked is not None:
            self._mind_the_asked(self._asked_cells, t_ns)
        self._end_damping()
        self._t_ns = t_ns
        return self._through(pixels, considered)

    def hold(self, copy: Image | None = None) -> None:
        """Go on from a copy of the last picture (made here, if none is given): the memory under it is about to go."""
        if self._out is not None:
            self._out = self._out.copy() if copy is None else copy
        self._source = None

    def _through(self, pixels: Image, considered: Considered) -> Image:
        self._shown.commit(considered)
        self._out = pixels
        return pixels

    # Damping

    def _begin_to_damp(self, t_ns: int) -> None:
        self._asked = self._shown.copy()
        self._calm_from_ns = t_ns + _CALM_NS
        self._leaving = None

    def _end_damping(self) -> None:
        if self._asked is not None:
            worst = self._asked.worst()
            self._worst_asked = {kind: max(most, worst[kind]) for kind, most in self._worst_asked.items()}
        self._asked = self._leaving = None

    def _mind_the_asked(self, cells: npt.NDArray[np.float32], t_ns: int) -> None:
        """Count what would have been shown, to know whether it is still flashing."""
        assert self._asked is not None
        considered = self._asked.consider(cells, t_ns)
        if not considered.allowed:
            self._calm_from_ns = t_ns + _CALM_NS
        self._asked.commit(considered)

    def _damp(self, pixels: Image, t_ns: int, step_ns: int) -> Image:
        self._damped_ticks += 1
        if t_ns < self._calm_from_ns:
            self._leaving = None
            return self._follow(pixels, t_ns, 1.0 - math.exp(-step_ns / _FOLLOW_NS))
        return self._release(pixels, t_ns, step_ns)

    def _follow(self, pixels: Image, t_ns: int, share: float) -> Image:
        assert self._out is not None
        self._try_blend(self._out, pixels, share, t_ns)
        return self._out

    def _release(self, pixels: Image, t_ns: int, step_ns: int) -> Image:
        """Fade over to the pictures; where that would flash, wait."""
        assert self._out is not None
        assert self._asked_cells is not None
        if self._leaving is None:
            self._leaving_buffer[:] = self._out
            self._leaving = self._leaving_buffer
            self._released = 0.0
        share = self._released + step_ns / _RELEASE_NS
        if share < 1.0:
            if self._try_blend(self._leaving, pixels, share, t_ns):
                self._released = share
            return self._out
        considered = self._shown.consider(self._asked_cells, t_ns)
        if not considered.allowed:
            return self._out
        self._end_damping()
        return self._through(pixels, considered)

    def _try_blend(self, base: Image, pixels: Image, share: float, t_ns: int) -> bool:
        """Go on from `base` towards `pixels` by `share` if that keeps the limits; else the last picture stays."""
        import cv2

        out = next(buffer for buffer in self._buffers if buffer is not base and buffer is not self._out)
        cv2.addWeighted(pixels, share, base, 1.0 - share, 0, dst=out)
        considered = self._shown.consider(self._view.look(out), t_ns)
        if not considered.allowed:
            return False
        self._shown.commit(considered)
        self._out = out
        return True
