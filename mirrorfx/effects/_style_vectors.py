"""Style vectors of prompts: drawn, predicted, kept, and mixed along fades and the seed's drift."""

from __future__ import annotations

import itertools
import math
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np

from mirrorfx.effects._style_net import VECTOR_LENGTH
from mirrorfx.effects._style_words import normalised
from mirrorfx.effects._swatch import boldness, draw_neutral, draw_swatch
from mirrorfx.params import Params

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cv2.typing import MatLike

    from mirrorfx.effects._style_net import Vector

__all__ = ["StyleVectors", "keyframe_weights"]

_MOST = 1024

_Key = tuple[str, int, int]


def keyframe_weights(phase: float) -> dict[int, float]:
    """Return the keyframes around `phase` with weights that sum to 1: a Catmull-Rom spline.

    It passes through every keyframe with a continuous velocity; at a whole phase only that keyframe counts.
    """
    first = math.floor(phase)
    t = phase - first
    weights = {
        first - 1: -0.5 * t + t**2 - 0.5 * t**3,
        first: 1 - 2.5 * t**2 + 1.5 * t**3,
        first + 1: 0.5 * t + 2 * t**2 - 1.5 * t**3,
        first + 2: -0.5 * t**2 + 0.5 * t**3,
    }
    return {keyframe: weight for keyframe, weight in weights.items() if weight}


class StyleVectors:
    """The vectors of (prompt, seed, keyframe), the most recently used kept. Threads: any.

    Attributes:
        neutral: the vector that changes a camera picture least.
    """

    def __init__(self, predict: Callable[[MatLike], Vector], most: int = _MOST) -> None:
        self._predict = predict
        self._most = most
        self._kept: OrderedDict[_Key, Vector] = OrderedDict()
        self._lock = threading.Lock()
        self._before: Params | None = None
        self.neutral = predict(draw_neutral())

    def __len__(self) -> int:
        return len(self._kept)

    def mixed(self, params: Params) -> Vector:
        """Return the vector for these params; what is missing is made on the spot. Realtime: when nothing is."""
        total = np.zeros(VECTOR_LENGTH, np.float64)
        for key, weight in _weighted_keys(params, keyframe_weights(params.phase)):
            total += weight * self._vector(key)
        return total.astype(np.float32)

    def prepare(self, params: Params) -> None:
        """Make what `mixed` needs at `params` and on a fade there from those prepared before. Realtime: no.

        A fade of prompt and seed together mixes every prompt with every seed on the way.
        """
        self.look_ahead(params)
        before, self._before = self._before, params
        if before is not None:
            self.look_ahead(Params({**params.values, "prompt": before.prompt}, phase=params.phase))
            self.look_ahead(Params({**params.values, "seed": before.seed}, phase=params.phase))

    def look_ahead(self, params: Params) -> None:
        """Make what `mixed` needs now and until the keyframe after the next. Realtime: no."""
        for key in self._needed(params):
            self._vector(key)

    def ready(self, params: Params) -> bool:
        """Say whether `look_ahead` has nothing left to do. Realtime: yes."""
        with self._lock:
            return all(key in self._kept for key in self._needed(params))

    def _needed(self, params: Params) -> list[_Key]:
        first = math.floor(params.phase)
        moving = params.phase != first or float(params.values.get("drift", 0.0)) > 0
        keyframes = range(first - 1, first + 4) if moving else (first,)
        return [key for key, _ in _weighted_keys(params, dict.fromkeys(keyframes, 1.0))]

    def _vector(self, key: _Key) -> Vector:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        predicted = self._predict(draw_swatch(*key))
        vector = self.neutral + (predicted - self.neutral) * np.float32(boldness(key[0]))
        with self._lock:
            self._kept[key] = vector
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return vector


def _weighted_keys(params: Params, keyframes: dict[int, float]) -> Iterator[tuple[_Key, float]]:
    for (prompt, a), (seed, b), (keyframe, c) in itertools.product(
        params.mix("prompt"), params.mix("seed"), keyframes.items()
    ):
        yield (normalised(str(prompt)), int(seed), keyframe), a * b * c
