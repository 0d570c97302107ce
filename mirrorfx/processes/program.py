"""The program: the picture that the mirror makes for the wall, before panic keys, curtain and flash guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirrorfx.clock import SECOND
from mirrorfx.frame import Frame
from mirrorfx.processes.dissolve import Dissolve
from mirrorfx.processes.fallback import FallbackScene

if TYPE_CHECKING:
    from mirrorfx.frame import Image
    from mirrorfx.processes.memory import Ring
    from mirrorfx.processes.messages import Result

__all__ = ["Program"]

_HOLD_NS = 2 * SECOND
_OPENS_NS = 3 * SECOND


class Program:
    """Draws the newest painting, dissolves between looks, and falls back to a scene when nothing comes.

    Threads: one. Realtime: yes.

    Args:
        size: width and height in pixels.
        ring: where paintings lie.
        now_ns: the time; the fallback scene is on until the first painting.

    Attributes:
        picture: ``uint8[H, W, 4]`` BGRX; None before the first.
        frame: the same with what it was made of; None before the first painting.
        coming: the painting that was drawn for this tick, until it is `presented`.
        falling_back: whether the fallback scene is shown.
        holding: the last picture stays, however long nothing comes.
    """

    def __init__(self, size: tuple[int, int], ring: Ring, now_ns: int) -> None:
        self.picture: Image | None = None
        self.frame: Frame | None = None
        self.coming: Result | None = None
        self.falling_back = True
        self.holding = False
        self._ring = ring
        self._dissolve = Dissolve(size)
        self._fallback = FallbackScene(size)
        self._fallback.begin(None, now_ns)
        self._look: int | None = None
        self._shown: Result | None = None
        self._t_new_ns = 0

    def is_new_look(self, result: Result) -> bool:
        """Say whether `result` would take over from a painting of another look."""
        return self.picture is not None and not self.falling_back and result.look != self._look

    def show(self, result: Result, v_ns: int) -> Image:
        """Go on with a new painting at the tick `v_ns`; return the picture."""
        if self.picture is not None and self.is_new_look(result):
            self._dissolve.begin(self.picture, v_ns)
        self._look = result.look
        self.coming = result
        self._t_new_ns = v_ns
        self.falling_back = False
        return self._draw(result, v_ns)

    def go_on(self, v_ns: int, *, hidden: bool) -> Image | None:
        """Return what changes at a tick without a new painting, None if nothing does; nothing does while `hidden`."""
        if self.holding and not self.falling_back:
            self._t_new_ns = v_ns
        if hidden:
            return None
        if self._t_new_ns + _HOLD_NS < v_ns:
            return self._fall_back(v_ns)
        newest = self.coming or self._shown
        return self._draw(newest, v_ns) if newest and self._dissolve.active else None

    def presented(self) -> Result | None:
        """Note that `coming` is on the screen; return the painting before, which is no longer looked at."""
        before, self._shown, self.coming = self._shown, self.coming, None
        return before

    def let_go(self) -> None:
        """Keep the picture, but none of the ring's slots: the next engine's workers will write to them."""
        self.holding = False
        self._dissolve.end()
        if self.picture is not None and self._shown:
            self.picture = self.picture.copy()
        self._keep_frame()
        self._shown = self.coming = None

    def begin_anew(self, v_ns: int) -> None:
        """Forget the picture: what was painted is never seen again. There is some time until the fallback scene."""
        self._dissolve.end()
        self.picture = None
        self.falling_back = True
        self._fallback.begin(None, v_ns)
        self._t_new_ns = v_ns + _OPENS_NS

    def close(self) -> None:
        """Look at no slot any more. Safe to call twice."""
        self.frame = self.picture = None

    def _draw(self, newest: Result, v_ns: int) -> Image:
        """Make the newest painting the picture, or its mixture with what it takes over from."""
        self.picture = self._dissolve.draw(self._ring.view(newest.slot), v_ns)
        self.frame = Frame(self.picture, newest.t_capture_ns, newest.index, newest.seq, newest.revision)
        return self.picture

    def _fall_back(self, v_ns: int) -> Image | None:
        if not self.falling_back:
            self.falling_back = True
            self._dissolve.end()
            self._fallback.begin(self.picture, v_ns)
        drawn = self._fallback.draw(v_ns)
        if drawn is not None:
            self.picture = drawn
            self._keep_frame()
        return drawn

    def _keep_frame(self) -> None:
        if self.frame and self.picture is not None:
            self.frame = Frame(self.picture, self.frame.t_capture_ns, self.frame.index, self.frame.seq)
