"""The painter without weights: oil paint from a picture's own flow, in a prompt's colours."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np

from mirrorfx.effects import _paint_brush as brushes
from mirrorfx.effects._paint_colour import colour_table, look_up, mixed_table
from mirrorfx.effects._palettes import palette_for
from mirrorfx.effects.base import Effect

if TYPE_CHECKING:
    from cv2.typing import MatLike

    from mirrorfx.effects.base import EffectContext
    from mirrorfx.frame import Frame, Image, Size
    from mirrorfx.params import Params

__all__ = ["Paint"]

_WASH = np.array([[-16, 9], [1, 9], [16, 9]], np.float32)
"""How two noises shift blue, green and red before they meet the palette: warm and cool, light and dark."""
_WORK_PX = 512
_TABLES_KEPT = 12
_GRAINS_KEPT = 8


class Paint(Effect):
    """Oil paint: strokes along the picture's lines, flat patches, the prompt's palette, light on the paint's relief.

    The prompt picks colours and the way of painting, the seed the flow and the grain, the drift moves the flow. It
    paints at about half the size and keeps the camera's detail by `strength`.
    """

    name: ClassVar[str] = "paint"
    summary: ClassVar[str] = "Oil paint without a neural network: colours and brush from the prompt's words"
    options: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self._table = lru_cache(_TABLES_KEPT)(colour_table)
        self._grain = lru_cache(_GRAINS_KEPT)(brushes.bristles)
        self._work: Size = (0, 0)

    def open(self, context: EffectContext) -> None:
        """Choose the work size and keep to the threads given."""
        cv2.setNumThreads(context.threads)
        self._work = _work_size(context.size)

    def prepare(self, params: Params) -> None:
        """Make the colour tables of the prompts and the grains of the seeds."""
        for prompt, _ in params.mix("prompt"):
            self._table(palette_for(str(prompt)))
        for seed, _ in params.mix("seed"):
            self._grain(int(seed), self._work)

    def render(self, frame: Frame, params: Params, out: Image) -> None:
        """Paint `frame` into `out`; strength 0 is the camera's picture, exactly."""
        strength = params.strength
        cv2.cvtColor(frame.pixels, cv2.COLOR_BGR2BGRA, dst=out)
        if strength <= 0:
            return
        small = cv2.resize(frame.pixels, self._work, interpolation=cv2.INTER_AREA)
        half = (max(self._work[0] // 2, 1), max(self._work[1] // 2, 1))
        noise = brushes.flow_noise(_seeds(params), params.phase, half)
        patches = self._coloured(brushes.flat_patches(small), noise, params)
        paint = self._drawn(small, patches, noise, params)
        paint = cv2.resize(paint, frame.size, interpolation=cv2.INTER_CUBIC)
        paint = brushes.lit(paint, cv2.extractChannel(paint, 3), _brush(params).relief)
        share = 1 - (1 - strength) ** 2
        cv2.addWeighted(paint, share, out, 1 - share, 0, dst=out)
        out[..., 3] = 255

    def details(self) -> dict[str, str | float]:
        """Return the work size."""
        return {"work size": f"{self._work[0]}x{self._work[1]}"}

    def _coloured(self, patches: MatLike, noise: MatLike, params: Params) -> MatLike:
        """Return the patches as ``uint8[H, W, 4]`` taken towards the prompt's colours, varied by the noise."""
        tables = [(self._table(palette_for(str(text))), weight) for text, weight in params.mix("prompt")]
        wash = cv2.resize(cv2.transform(noise, _WASH * params.strength), self._work, interpolation=cv2.INTER_LINEAR)
        patches = cv2.add(patches, wash, dtype=cv2.CV_8U)
        share = params.strength**0.8
        painted = look_up(mixed_table(tables), patches)
        return cv2.addWeighted(painted, share, cv2.cvtColor(patches, cv2.COLOR_BGR2BGRA), 1 - share, 0)

    def _drawn(self, small: MatLike, patches: MatLike, noise: MatLike, params: Params) -> MatLike:
        """Return the patches drawn out along the strokes, with the paint's height as the fourth channel."""
        brush = _brush(params)
        half = (noise.shape[1], noise.shape[0])
        grey = cv2.cvtColor(cv2.resize(small, half, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
        field = brushes.stroke_field(grey, noise, brush.wander * (0.3 + 0.7 * params.strength), self._work)
        grain = brushes.mixed_bristles((self._grain(seed, self._work), weight) for seed, weight in _seeds(params))
        cv2.insertChannel(brushes.thinned(grain, field), patches, 3)
        return brushes.draw_along(patches, field, brush.length * (0.35 + 0.65 * params.strength))


def _brush(params: Params) -> brushes.Brush:
    return brushes.mixed_brush((brushes.brush_for(str(text)), weight) for text, weight in params.mix("prompt"))


def _seeds(params: Params) -> list[tuple[int, float]]:
    return [(int(seed), weight) for seed, weight in params.mix("seed")]


def _work_size(size: Size) -> Size:
    """Return the size to paint at: about 512 x 512 pixels in the frame's own shape, never more than the frame has."""
    shrink = min(_WORK_PX / math.sqrt(size[0] * size[1]), 1.0)
    return max(round(size[0] * shrink), 1), max(round(size[1] * shrink), 1)
