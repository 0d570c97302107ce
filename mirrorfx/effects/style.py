"""`style`: a neural painter that runs on any CPU. It reads the prompt's colours and textures, not its meaning."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, ClassVar

from mirrorfx.effects.base import Availability, Effect, EffectContext
from mirrorfx.errors import EffectFailed
from mirrorfx.params import Kind, Morph, Param

if TYPE_CHECKING:
    from mirrorfx.effects._style_net import Painter, Vector
    from mirrorfx.effects._style_vectors import StyleVectors
    from mirrorfx.frame import Frame, Image
    from mirrorfx.params import Params

__all__ = ["Style"]

_CAMERA_GONE_AT = 0.4
"""The strength from which nothing of the camera's colours is mixed in any more."""
_BEYOND = 1.1
"""How far from neutral strength 1 goes; the prompt's own vector is at 1. More breaks the paint up."""
_MEASURED_FRAMES = 5


class Style(Effect):
    """Repaints each frame with Magenta's arbitrary style transfer in a style drawn from the prompt.

    Pure per frame. The style that stands for "as the camera sees it" is a fixed neutral one: the frame's own style
    vector would cost 15 ms a frame and flicker with the sensor's noise.
    """

    name: ClassVar[str] = "style"
    summary: ClassVar[str] = "A neural painter for any CPU: the prompt's colours and textures, not its meaning."
    options: ClassVar[tuple[str, ...]] = ("work_size",)
    params: ClassVar[tuple[Param, ...]] = (
        Param(
            name="detail",
            kind=Kind.FLOAT,
            default=0.65,
            label="Camera detail",
            help="How much of the camera's own drawing comes back: faces, eyes, fine edges.",
            morph=Morph.LINEAR,
        ),
    )

    def __init__(self) -> None:
        self._painter: Painter | None = None
        self._vectors: StyleVectors | None = None
        self._ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="style-ahead")
        self._making: Future[None] | None = None

    @classmethod
    def availability(cls) -> Availability:
        """Say whether the networks and what runs them are installed."""
        from mirrorfx.effects._style_net import FIX, missing

        lacking = missing()
        return Availability(not lacking, lacking, FIX if lacking else "")

    def open(self, context: EffectContext) -> None:
        """Load the networks and choose the work size."""
        import cv2

        from mirrorfx.effects._style_net import Painter, Predictor
        from mirrorfx.effects._style_size import affordable_px, agreed_px, asked_px, work_size
        from mirrorfx.effects._style_vectors import StyleVectors

        asked = asked_px(context)
        cv2.setNumThreads(context.threads)
        context.progress("loading the style networks", 0.0)
        predictor = Predictor()
        self._vectors = StyleVectors(predictor.vector)

        def choose() -> int:
            context.progress("measuring this machine", 0.5)
            net_ms, rest_ms = self._measured(context)
            return affordable_px(net_ms, rest_ms, context, _cores())

        short_px = asked or agreed_px(context, choose)
        self._painter = Painter(work_size(context.size, short_px), context.threads)
        context.progress("ready", 1.0)

    def prepare(self, params: Params) -> None:
        """Make the style vectors of `params` and of the keyframes that the drift comes to next. Threads: any."""
        if self._vectors is not None:
            self._vectors.prepare(params)

    def render(self, frame: Frame, params: Params, out: Image) -> None:
        """Paint `frame` into `out`. Realtime: yes, once `params` are prepared."""
        import cv2

        strength = params.strength
        if strength <= 0:
            cv2.cvtColor(frame.pixels, cv2.COLOR_BGR2BGRA, dst=out)
            return
        self._paint(frame.pixels, self._vector(params), strength, params.number("detail"), out)
        if strength < _CAMERA_GONE_AT:
            camera = cv2.cvtColor(frame.pixels, cv2.COLOR_BGR2BGRA)
            share = (1 - strength / _CAMERA_GONE_AT) ** 2
            cv2.addWeighted(out, 1 - share, camera, share, 0, dst=out)

    def details(self) -> dict[str, str | float]:
        """Return the work size and how many style vectors are kept."""
        if self._painter is None or self._vectors is None:
            return {}
        width, height = self._painter.size
        return {"work size": f"{width}x{height}", "style vectors": float(len(self._vectors))}

    def close(self) -> None:
        """End the look-ahead and let the networks go."""
        self._ahead.shutdown(wait=True, cancel_futures=True)
        self._painter = self._vectors = None

    def _vector(self, params: Params) -> Vector:
        """Return the style vector: neutral at strength 0, the prompt's own at about 0.7, beyond it at 1."""
        if self._vectors is None:
            raise EffectFailed("The style effect was asked to paint before it was opened. Call open() first.")
        import numpy as np

        prompt = self._vectors.mixed(params)
        if (self._making is None or self._making.done()) and not self._vectors.ready(params):
            self._making = self._ahead.submit(self._vectors.look_ahead, params)
        share = _BEYOND * (1 - (1 - params.strength) ** 2)
        neutral = self._vectors.neutral
        mixed: Vector = neutral + (prompt - neutral) * np.float32(share)
        return mixed

    def _paint(self, camera: Image, vector: Vector, strength: float, detail: float, out: Image) -> None:
        from mirrorfx.effects._style_finish import Views, finish, shrink

        if self._painter is None:
            raise EffectFailed("The style effect was asked to paint before it was opened. Call open() first.")
        small = shrink(camera, self._painter.size)
        painted = self._painter.paint(small, vector)
        finish(Views(camera, small, painted), out, likeness=detail * (1 - strength**3), detail=2 * detail)

    def _measured(self, context: EffectContext) -> tuple[float, float]:
        """Return the CPU milliseconds of the network at the measuring size, and of all the rest."""
        import numpy as np

        from mirrorfx.effects._style_finish import Views, finish, shrink
        from mirrorfx.effects._style_net import VECTOR_LENGTH, Painter
        from mirrorfx.effects._style_size import MEASURED_AT_PX, cpu_ms, work_size

        painter = Painter(work_size(context.size, MEASURED_AT_PX), context.threads)
        width, height = context.size
        camera = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        out = np.empty((height, width, 4), np.uint8)
        vector = np.zeros(VECTOR_LENGTH, np.float32)
        painted = painter.paint(shrink(camera, painter.size), vector)
        marks = [cpu_ms()]
        for _ in range(_MEASURED_FRAMES):
            painter.paint(shrink(camera, painter.size), vector)
        marks.append(cpu_ms())
        for _ in range(_MEASURED_FRAMES):
            finish(Views(camera, shrink(camera, painter.size), painted), out, likeness=0.5, detail=1.0)
        marks.append(cpu_ms())
        net_ms, rest_ms = ((b - a) / _MEASURED_FRAMES for a, b in itertools.pairwise(marks))
        return max(net_ms, 1.0), rest_ms


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
