"""What an effect is.

A third party's effect is a class registered under the entry point group ``mirrorfx.effects``; see README.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.frame import Frame, Image, Size
    from mirrorfx.params import Param, Params, Value

__all__ = ["Availability", "Effect", "EffectContext", "Stage"]


class Stage(StrEnum):
    """Where in the chain an effect runs, which decides whether it may keep state between frames."""

    PRE = "pre"
    """In the camera's process, in order; may keep state."""
    WORKER = "worker"
    """In the workers, which take turns: a pure function of one frame. State would flicker."""
    POST = "post"
    """In the wall's process, in order; may keep state."""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether something can run here; if not, why not and what to do about it."""

    ok: bool = True
    reason: str = ""
    fix: str = ""

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "available" if self.ok else f"unavailable: {self.reason}. {self.fix}".rstrip()


def _no_progress(_what: str, _share: float) -> None:
    """Report to nobody."""


@dataclass(frozen=True, slots=True)
class EffectContext:
    """What an effect is told when it is opened.

    Attributes:
        size: (width, height) of the frames in and out.
        device: ``cpu`` or ``cuda:0``.
        threads: how many CPU threads it may use.
        workers: how many workers share the work, this one included.
        frame_rate: new frames a second that the whole pool should reach: the camera's rate.
        progress: call it as ``progress("loading", 0.3)`` while anything takes over a second.
        options: free settings from the command line, such as ``{"service_ms": 72}``.
    """

    size: Size
    device: str = "cpu"
    threads: int = 1
    workers: int = 1
    frame_rate: float = 30.0
    progress: Callable[[str, float], None] = _no_progress
    options: tuple[tuple[str, str], ...] = ()

    def option(self, name: str, default: str) -> str:
        """Return a free setting as text."""
        return dict(self.options).get(name, default)


class Effect(ABC):
    """One way to repaint a frame. Only `render` must be written.

    Class attributes:
        name: how it is called on the command line.
        summary: one line for lists.
        stage: where it runs.
        changes_geometry: whether it moves picture parts (a mirror, a kaleidoscope); reprojection comes before those.
        params: what can be turned besides the core params.
        wants_gpu: whether it is made for a GPU: by default it gets all there are, and ``auto`` takes it only with one.
        overlaps: whether `start` may be called for the next frame before the last one is finished; `open` may set it.
        carried_by: the effect that shows something while this one loads for more than a moment; "" for none.
        options: the names of the free settings that `open` reads; None leaves all names to the effect.
    """

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    stage: ClassVar[Stage] = Stage.WORKER
    changes_geometry: ClassVar[bool] = False
    params: ClassVar[tuple[Param, ...]] = ()
    wants_gpu: ClassVar[bool] = False
    overlaps: bool = False
    carried_by: ClassVar[str] = ""
    options: ClassVar[tuple[str, ...] | None] = None

    @classmethod
    def availability(cls) -> Availability:
        """Say whether it can run on this machine, cheaply: nothing large is imported or loaded."""
        return Availability()

    @classmethod  # noqa: B027  nor everything to look for
    def check(cls, context: EffectContext) -> None:
        """Refuse, cheaply, what `open` could not do with `context`: asked before any process is started.

        Raises:
            EffectUnavailable: it can't run here; the message names the fix.
            InvalidValue: an option is not possible.
        """

    def open(self, context: EffectContext) -> None:  # noqa: B027  not every effect has something to load
        """Load and warm up. Called once, in the process and thread that will render.

        Raises:
            EffectUnavailable: it can't run here; the message names the fix.
        """

    def prepare(self, params: Params) -> None:  # noqa: B027  nor to prepare
        """Make what `params` need beforehand (embeddings, style vectors), so that `render` never waits for it.

        Threads: called from a thread of its own while `render` runs. May be called often; cache, with a bound.
        """

    @abstractmethod
    def render(self, frame: Frame, params: Params, out: Image) -> None:
        """Paint `frame` into `out`. Realtime: yes.

        Args:
            frame: ``frame.pixels`` is ``uint8[H, W, 3]`` BGR and must not be written to.
            params: the values for exactly this frame.
            out: ``uint8[H, W, 4]`` BGRX to be filled whole; X is 255.
        """

    def start(self, frame: Frame, params: Params, out: Image) -> Callable[[], None]:
        """Begin to paint `frame` into `out`; what is returned waits until `out` is filled. Realtime: yes.

        An effect that `overlaps` copies the frame away, queues the work on its device and returns at once; at most two
        frames are under way then. Finishes are called in the order of the starts, and from another thread: they may
        only wait and copy. Otherwise nothing happens before the finish.

        Args:
            frame: as for `render`; its pixels stay until the finish has returned.
            params: as for `render`.
            out: as for `render`.
        """
        return lambda: self.render(frame, params, out)

    @classmethod
    def networks(cls, _values: Mapping[str, Value]) -> str:
        """Name the state of the networks' own weights that `values` ask for, "" for the plain ones. Threads: any.

        Workers change their networks one at a time, out of the pool. Called in the engine: cheap, without imports.

        Raises:
            InvalidValue: what they ask for can't be.
        """
        return ""

    def swap(self, params: Params) -> None:  # noqa: B027  most effects have no networks to change
        """Change the networks to those that `networks` names for the values of `params`.

        Called in the rendering thread while the worker is out of the pool; `prepare` follows.

        Raises:
            InvalidValue: a file is missing or doesn't fit; the networks are as before then.
        """

    def details(self) -> dict[str, str | float]:
        """Return what the report should tell about how it runs, such as ``{"work size": 384}``."""
        return {}

    def close(self) -> None:  # noqa: B027  nor to give back
        """Give everything back. Safe to call twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
