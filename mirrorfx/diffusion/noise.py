"""The noise that the picture is painted from: keyframes made once, and a smooth walk between them.

A *keyframe* is white noise of one seed, float32[channels, h, w], brought to mean 0 and standard deviation 1 in every
channel, so that no keyframe tints or fades the picture. It is a pure function of (seed, index, stream).

The walk at phase p adds four keyframes, those from floor(p) - 1 to floor(p) + 2, each with the weight

    w(x) = sqrt(2/3) * cos(pi * x / 4)^2    for |x| < 2,    x = p - index,

a Hann window four keyframes wide. Windows one keyframe apart have squares that sum to 1, so the sum of independent
noise is again noise of variance 1; squares of their slopes sum to pi^2 / 12, so the walk is equally fast everywhere
(0.907 standard deviations a keyframe); and w has a continuous slope, so it never turns sharply. A slerp from keyframe
to keyframe keeps variance and speed too, but has a corner at every keyframe; smoothstep weights stop there. The price:
at a whole phase the noise is not that keyframe alone but 0.82 of it and 0.41 of either neighbour.

Seeds that fade into each other multiply those weights by theirs. As keyframes are finite samples, not exactly
orthogonal ones, the weights c of a mix are finally divided by sqrt(c' G c), G being the keyframes' correlations: the
standard deviation is 1 to rounding wherever the walk is.

Source of the generator: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mirrorfx.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx.params import Params

__all__ = ["DriftNoise", "KeyframeId", "Noise", "keyframe_noise", "window_weights"]

Noise: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

_KEYFRAMES_MOST = 64
"""Room for the walks of four fading seeds and the fixed noise of three more steps: 16 + 12; 8 MB at 1024 x 1024."""
_PAIRS_MOST = 1024
_PIXELS_LEAST = 16


@dataclass(frozen=True, slots=True, order=True)
class KeyframeId:
    """What a keyframe is made from.

    Attributes:
        seed: 0 to 2**32 - 1.
        index: the place on the walk, any whole number.
        stream: which independent walk; 0 is the picture's starting noise, n the noise added after step n.
    """

    seed: int
    index: int
    stream: int = 0


def keyframe_noise(key: KeyframeId, shape: tuple[int, int, int]) -> Noise:
    """Return one keyframe, float32[channels, h, w], mean 0 and standard deviation 1 in each channel. Realtime: no.

    Made by a counter-based generator whose key is the keyframe's own, so any keyframe can be made without the ones
    before it. Single-threaded numpy in float64: the same bits in every process.
    """
    mask = 2**64 - 1
    philox = np.random.Philox(key=np.array([key.seed + (key.stream << 32), key.index & mask], np.uint64))
    noise = np.random.Generator(philox).standard_normal(shape)
    noise -= noise.mean(axis=(1, 2), keepdims=True)
    noise /= np.sqrt(np.square(noise).mean(axis=(1, 2), keepdims=True))
    keyframe = noise.astype(np.float32)
    keyframe.flags.writeable = False
    return keyframe


def window_weights(phase: float) -> dict[int, float]:
    """Return the weights of the keyframes that the walk adds at `phase`, by index; their squares sum to 1.

    Weights of exactly 0 are left out: three keyframes at a whole phase, four in between.
    """
    first = math.floor(phase) - 1
    return {i: weight for i in range(first, first + 4) if (weight := _hann(phase - i)) > 0.0}


def _hann(x: float) -> float:
    return math.sqrt(2 / 3) * math.cos(math.pi * x / 4) ** 2 if abs(x) < 2 else 0.0


class DriftNoise:
    """The noise of one latent size, as the params ask for it.

    `at` mixes on the CPU. To mix on a device, hold the tensors of `plan`'s keyframes there and add them up with its
    weights; the weights are final. Keyframes are kept in a bounded cache, least recently used out first.

    Threads: any. Realtime: a new keyframe takes milliseconds; call `prepare` beforehand, elsewhere.

    Args:
        shape: channels, height and width of the latent.

    Raises:
        InvalidValue: a latent too small to be brought to mean 0 and standard deviation 1 with sense.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        channels, height, width = shape
        if channels < 1 or height < 1 or width < 1 or height * width < _PIXELS_LEAST:
            raise InvalidValue(
                f"Noise for a latent of {width} x {height} with {channels} channels was asked for; it needs at least "
                f"{_PIXELS_LEAST} pixels and 1 channel. Choose a larger working size."
            )
        self.shape = shape
        self.keyframe = lru_cache(_KEYFRAMES_MOST)(self._made)
        self._correlation = lru_cache(_PAIRS_MOST)(self._correlated)

    def at(self, params: Params, step: int = 0) -> Noise:
        """Return the noise for a frame, float32[channels, h, w], mean 0, standard deviation 1; as `plan` has it."""
        total = np.zeros(self.shape, np.float32)
        for key, weight in self.plan(params, step):
            total += np.float32(weight) * self.keyframe(key)
        return total

    def plan(self, params: Params, step: int = 0) -> list[tuple[KeyframeId, float]]:
        """Return the keyframes to add up for a frame and their weights, a pure function of seed, phase and `step`.

        Args:
            params: the values for the frame.
            step: 0 is the picture's starting noise, which drifts. Noise that later steps add (1, 2, …) is fixed for
                its seed: it changes only with the seed, or the picture would flicker.
        """
        window = {0: 1.0} if step else window_weights(params.phase)
        return self._normalised(_weighted(params, window, step))

    def prepare(self, params: Params, steps: int = 1) -> None:
        """Make the keyframes that `steps` steps need at `params` and until the walk's next keyframe is passed."""
        first = math.floor(params.phase)
        window = dict.fromkeys(range(first - 1, first + 4), 1.0)
        self._normalised(_weighted(params, window, 0))
        for step in range(1, steps):
            self.plan(params, step)

    def _normalised(self, weights: Mapping[KeyframeId, float]) -> list[tuple[KeyframeId, float]]:
        variance = sum(weight**2 for weight in weights.values())
        for (a, weight_a), (b, weight_b) in itertools.combinations(weights.items(), 2):
            variance += 2 * weight_a * weight_b * self._correlation(*sorted((a, b)))
        scale = 1 / math.sqrt(variance)
        return [(key, weight * scale) for key, weight in weights.items()]

    def _made(self, key: KeyframeId) -> Noise:
        return keyframe_noise(key, self.shape)

    def _correlated(self, a: KeyframeId, b: KeyframeId) -> float:
        # A sum of products, not a dot product: BLAS would add in an order that depends on its number of threads.
        product = np.multiply(self.keyframe(a), self.keyframe(b), dtype=np.float64)
        return float(product.mean())


def _weighted(params: Params, window: Mapping[int, float], stream: int) -> dict[KeyframeId, float]:
    # Sorted, so that a fade adds in the same order all the way.
    seeds = sorted((int(seed), share) for seed, share in params.mix("seed"))
    return {
        KeyframeId(seed, index, stream): share * weight for seed, share in seeds for index, weight in window.items()
    }
