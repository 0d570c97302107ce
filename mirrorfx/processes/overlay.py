"""What the wall shows instead of the program while a panic key is on. Needs no engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirrorfx.clock import SECOND
from mirrorfx.processes.fallback import FallbackScene
from mirrorfx.safety.panic import Panic, PanicState

if TYPE_CHECKING:
    from mirrorfx.frame import Image, Size
    from mirrorfx.processes.live import LiveFrames

__all__ = ["Overlay"]

_STALE_NS = 2 * SECOND


class Overlay:
    """Black, a held picture, the camera's own picture, or the calm scene, in place of the program.

    Threads: one. Realtime: yes.
    """

    def __init__(self, size: Size, live: LiveFrames | None) -> None:
        import numpy as np

        width, height = size
        self.state = PanicState()
        self._live = live
        self._black = np.zeros((height, width, 4), np.uint8)
        self._black[..., 3] = 255
        self._scene = FallbackScene(size)
        self._held: Image | None = None
        self._frozen = False
        self._buffers = [self._black.copy(), self._black.copy()]
        self._number = 0
        self._t_live_ns = 0
        self._changed = False
        self._scene_runs = False

    @property
    def urgent(self) -> bool:
        """Whether what is seen must come at once, whatever was shown before: black, or away with the program."""
        return self.state.blackout or (self.state.below is Panic.SAFE and self._changed)

    def change(self, state: PanicState, shown: Image | None, now_ns: int) -> None:
        """Switch to `state`; `shown` is what the wall shows now."""
        if state == self.state:
            return
        before, self.state = self.state, state
        self._changed = True
        if state.below is before.below:
            return
        self._held = shown.copy() if shown is not None and state.below in (Panic.FREEZE, Panic.BYPASS) else None
        self._frozen = self._held is not None
        self._scene_runs = state.below is Panic.SAFE
        if self._scene_runs:
            self._scene.begin(None, now_ns)
        self._t_live_ns = now_ns
        self._number = self._live.number if self._live else 0

    def draw(self, program: Image | None, *, fresh: bool, now_ns: int) -> tuple[Image | None, bool]:
        """Return what is to be seen now, ``uint8[H, W, 4]`` BGRX, and whether that is a new picture.

        Args:
            program: what would be seen without all this.
            fresh: it is new in this tick.
            now_ns: the tick.
        """
        changed, self._changed = self._changed, False
        below, drawn = self._draw_below(now_ns) if self.state.below else (program, fresh)
        if self.state.blackout:
            return self._black, changed
        return below, changed or drawn

    def _draw_below(self, now_ns: int) -> tuple[Image | None, bool]:
        if self.state.below is Panic.FREEZE and self._frozen:
            return self._held, False
        if self.state.below is Panic.BYPASS and self._live:
            if self._take_live(self._live, now_ns):
                return self._held, True
            if now_ns - self._t_live_ns <= _STALE_NS:
                return self._held, False
        return self._draw_scene(now_ns)

    def _take_live(self, live: LiveFrames, now_ns: int) -> bool:
        live.want(now_ns)
        number = live.number
        if number == self._number:
            return False
        out = self._buffers[0] if self._held is not self._buffers[0] else self._buffers[1]
        if live.take(number, out) is None:
            return False
        self._number, self._t_live_ns, self._held = number, now_ns, out
        self._scene_runs = False
        return True

    def _draw_scene(self, now_ns: int) -> tuple[Image | None, bool]:
        if not self._scene_runs:
            self._scene_runs = True
            self._scene.begin(self._held, now_ns)
        drawn = self._scene.draw(now_ns)
        if drawn is not None:
            self._held = drawn
        return self._held, drawn is not None
