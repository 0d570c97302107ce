"""A real worker process that paints single pictures on order, for measuring instead of showing."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from mirrorfx.clock import MS, SECOND
from mirrorfx.effects import param_registry
from mirrorfx.errors import EffectFailed, EffectUnavailable
from mirrorfx.params import Drift, ParamState
from mirrorfx.processes.memory import Ring
from mirrorfx.processes.messages import Dispatch, Done, Failed, ParamsAre, Prepared, Progress, Ready, Stop, Swap
from mirrorfx.processes.settings import WorkerSetup
from mirrorfx.processes.spawn import spawn
from mirrorfx.processes.worker import worker_main

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.clock import Clock
    from mirrorfx.frame import Image
    from mirrorfx.params import Value
    from mirrorfx.processes.messages import Message
    from mirrorfx.selftest.settings import SelftestSettings

__all__ = ["Look", "Painted", "Painter"]

_CPU_WORKERS = 2
_POLL_NS = SECOND // 4
_SILENCE_NS = 600 * SECOND


@dataclass(frozen=True, slots=True)
class Look:
    """How a picture is to be painted.

    Attributes:
        values: params by name; the others have their defaults.
        phase: of the drift, in keyframes.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    phase: float = 0.0


@dataclass(frozen=True, slots=True)
class Painted:
    """A painted picture.

    Attributes:
        pixels: ``uint8[H, W, 3]`` BGR.
        ms: how long the effect took.
    """

    pixels: Image
    ms: float


class Painter:
    """A worker process with one frame in its hands at a time. Threads: one.

    Args:
        settings: what to paint with.
        device: where.
        clock: what waiting is measured on.
        progress: is told what the worker is busy with while it starts, and how far.

    Attributes:
        details: what the effect says about how it runs.

    Raises:
        EffectUnavailable: the effect can't run there.
        EffectFailed: it raised, or its process ended or fell silent.
    """

    def __init__(
        self, settings: SelftestSettings, device: str, clock: Clock, progress: Callable[[str, float], None]
    ) -> None:
        self._clock = clock
        self._progress = progress
        self._registry = param_registry(settings.effect)
        width, height = settings.size
        self._frames = Ring.create(1, (height, width, 3))
        self._results = Ring.create(1, (height, width, 4))
        self._revision = 0
        self._seq = 0
        self._prepared: Mapping[str, Value] | None = None
        # As a mirror on this machine would have it, so that the times and the work size are the mirror's own.
        workers = _CPU_WORKERS if device == "cpu" else len(settings.devices)
        setup = WorkerSetup(
            worker=0,
            effect=settings.effect,
            device=device,
            size=settings.size,
            workers=workers,
            threads=max((os.cpu_count() or 1) // workers, 1) if device == "cpu" else 1,
            frame_rate=30.0,
            options=settings.options,
            frames=self._frames.spec,
            results=self._results.spec,
        )
        self._child = spawn("selftest", worker_main, setup, blas_threads=None)
        self._tell(Look())
        self.details: dict[str, Any] = {}
        try:
            self.details = json.loads(self._wait_for(Ready).text)["details"]
        except BaseException:
            self.close()
            raise

    def paint(self, picture: Image, look: Look) -> Painted:
        """Paint one picture, ``uint8[H, W, 3]`` BGR of the working size.

        Raises:
            EffectFailed: the effect raised, or its process ended or fell silent.
        """
        if look.values != self._prepared:
            self._prepare(look)
        self._tell(look)
        self._frames.view(0)[...] = picture
        self._seq += 1
        self._child.channel.send(Dispatch(0, 0, 0, self._seq, self._seq, self._clock.now_ns(), self._revision))
        done = self._wait_for(Done)
        return Painted(self._results.view(0)[..., :3].copy(), (done.t_end_ns - done.t_start_ns) / MS)

    def close(self) -> None:
        """End the process. Safe to call twice."""
        self._child.channel.send(Stop())
        self._child.end()
        self._frames.close()
        self._results.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _state(self, look: Look) -> ParamState:
        state = ParamState.initial(self._registry, look.values, 0)
        return replace(state, revision=self._revision, drift=Drift(look.phase))

    def _tell(self, look: Look) -> None:
        self._revision += 1
        self._child.channel.send(ParamsAre(self._revision, self._state(look).to_json()))

    def _prepare(self, look: Look) -> None:
        self._child.channel.send(Swap(self._revision, self._state(look).to_json()))
        problem = self._wait_for(Prepared).text.decode()
        if problem:
            raise EffectFailed(f"The effect could not prepare {dict(look.values)}: {problem}")
        self._prepared = look.values

    def _wait_for(self, kind: type[Any]) -> Any:
        """Return the next message of that kind."""
        heard_ns = self._clock.now_ns()
        channel = self._child.channel
        while channel.alive:
            channel.wait_for(_POLL_NS)
            for message in channel.receive_all():
                heard_ns = self._clock.now_ns()
                if isinstance(message, kind):
                    return message
                self._note(message)
            if self._clock.now_ns() - heard_ns > _SILENCE_NS:
                raise EffectFailed(f"The worker has said nothing for {_SILENCE_NS // SECOND} s.")
        raise EffectFailed(f"The worker's process is gone: {self._child.end()}.")

    def _note(self, message: Message) -> None:
        if isinstance(message, Progress):
            self._progress(message.text.decode(), message.share)
        elif isinstance(message, Failed):
            reason = message.text.decode(errors="replace")
            raise EffectUnavailable(reason) if message.hopeless else EffectFailed(reason)
