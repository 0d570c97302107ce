"""How much noise, at which timestep: plain numbers, no torch.

The schedule of SDXL Turbo is the one Stable Diffusion was trained with: 1000 betas, linear in their square root. With
the noise ``n`` a latent ``x0`` becomes ``z = √ᾱ·x0 + √(1−ᾱ)·n``, and a model that predicts ``ε̂`` from ``z``
gives back ``x̂0 = (z − √(1−ᾱ)·ε̂) / √ᾱ`` (DDPM, Ho et al. 2020, equations 4 and 15). Both hold at every timestep, so a
single UNet call takes any strength. Further steps follow the ancestral Euler sampler (Karras et al. 2022, with the
renoising of k-diffusion) on trailing timesteps (Lin et al. 2023, table 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from mirrorfx.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["STEPS_MOST", "NoiseSchedule", "Plan", "Step", "signal_share", "timestep", "trailing_timesteps"]

STEPS_MOST = 4
"""SDXL Turbo was distilled for one to four steps."""

_TRAINING_STEPS = 1000
_FADE_FROM = 0.95


def timestep(strength: float) -> int:
    """Return the timestep at which a strength starts: ``round(1000 · strength) − 1``, never below 0.

    This is what strength means to the trailing schedules of img2img: 0.5 is 499, the second of two steps; 0.25 is 249,
    the last of four; 1 is 999. Strengths below 0.0015 share timestep 0.

    Raises:
        InvalidValue: the strength is not a number from 0 to 1.
    """
    _check_strength(strength)
    return max(0, math.floor(_TRAINING_STEPS * strength + 0.5) - 1)


def signal_share(strength: float) -> float:
    """Return how much of the input's √ᾱ is kept: 1 up to strength 0.95, then falling in a line to 0 at strength 1.

    √ᾱ is still 0.068 at timestep 999, which lets the camera shine through. Strength 1 means pure noise; the ramp
    leads there without a jump.

    Raises:
        InvalidValue: the strength is not a number from 0 to 1.
    """
    _check_strength(strength)
    return min(1.0, (1.0 - strength) / (1.0 - _FADE_FROM))


def trailing_timesteps(start: int, steps: int) -> tuple[int, ...]:
    """Return `steps` timesteps, evenly spaced from `start` towards 0, the largest first.

    From 999 these are the trailing timesteps of the model: 1 → 999; 2 → 999, 499; 4 → 999, 749, 499, 249. A start too
    low to hold that many different ones repeats 0, where a further step changes next to nothing.

    Raises:
        InvalidValue: a start outside 0..999, or steps outside 1..4.
    """
    if not 0 <= start < _TRAINING_STEPS:
        raise InvalidValue(f"Timestep {start} does not exist: the model knows 0 to {_TRAINING_STEPS - 1}.")
    if not 1 <= steps <= STEPS_MOST:
        raise InvalidValue(f"{steps} steps were asked for; a one-step model takes 1 to {STEPS_MOST}.")
    return tuple(max(0, round((start + 1) * (steps - done) / steps) - 1) for done in range(steps))


@dataclass(frozen=True, slots=True)
class Step:
    """One UNet call and what follows it.

    Attributes:
        timestep: 0..999, what the UNet is told.
        root_alpha: √ᾱ, the share of the picture in the UNet's input.
        root_noise: √(1−ᾱ), the share of noise in it.
        keep: what x̂0 is multiplied by to make the next step's input; 0 after the last step.
        redo: the same for ε̂: the noise that is left in.
        renew: the same for the step's fresh noise.
    """

    timestep: int
    root_alpha: float
    root_noise: float
    keep: float = 0.0
    redo: float = 0.0
    renew: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What one strength means for a frame, in numbers.

    Attributes:
        signal: what the encoded picture is multiplied by in the first UNet input.
        noise: what the noise is multiplied by in it.
        paint: False at strength 0: the autoencoder alone, whatever the UNet says.
        steps: the UNet calls, in order.
    """

    signal: float
    noise: float
    paint: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class NoiseSchedule:
    """ᾱ and σ for every training timestep, in float64.

    Attributes:
        beta_start: the first beta.
        beta_end: the last one.
        alphas_bar: ``float64[1000]``, the share of the picture's variance that is left at each timestep.
    """

    beta_start: float = 0.00085
    beta_end: float = 0.012
    alphas_bar: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.beta_start <= self.beta_end < 1:
            raise InvalidValue(f"Betas {self.beta_start} to {self.beta_end} are no schedule: 0 < start <= end < 1.")
        betas = np.linspace(math.sqrt(self.beta_start), math.sqrt(self.beta_end), _TRAINING_STEPS) ** 2
        object.__setattr__(self, "alphas_bar", np.cumprod(1.0 - betas))

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """Read a model's ``scheduler_config.json``.

        Raises:
            InvalidValue: it asks for what these formulas don't cover; the message names the entry.
        """
        wanted: dict[str, object] = {
            "num_train_timesteps": _TRAINING_STEPS,
            "beta_schedule": "scaled_linear",
            "prediction_type": "epsilon",
            "rescale_betas_zero_snr": False,
        }
        for name, value in wanted.items():
            if config.get(name, value) != value:
                raise InvalidValue(f"The scheduler's {name} is {config[name]!r}; only {value!r} is supported.")
        return cls(_beta(config, "beta_start", cls.beta_start), _beta(config, "beta_end", cls.beta_end))

    def sigmas(self, timesteps: Sequence[int]) -> Floats:
        """Return σ = √((1−ᾱ)/ᾱ) for each timestep, ``float64[n]``; 14.6146 at 999, 4.0817 at 499."""
        alphas_bar = self.alphas_bar[np.asarray(timesteps, dtype=np.intp)]
        return np.sqrt((1.0 - alphas_bar) / alphas_bar)

    def plan(self, strength: float, steps: int = 1) -> Plan:
        """Return the numbers for a frame at `strength` in 0..1 with `steps` UNet calls.

        Raises:
            InvalidValue: the strength is outside 0..1 or the steps outside 1..4.
        """
        calls = self.steps(trailing_timesteps(timestep(strength), steps))
        first = calls[0]
        return Plan(first.root_alpha * signal_share(strength), first.root_noise, strength > 0, calls)

    def steps(self, timesteps: Sequence[int]) -> tuple[Step, ...]:
        """Return the UNet calls for falling timesteps, each with what makes the next one's input from it.

        In the sampler's own scale the next latent is ``x̂0 + σ_down·ε̂ + σ_up·n``; the UNet wants it times √ᾱ.
        """
        sigmas = self.sigmas(timesteps)
        calls = []
        for index, moment in enumerate(timesteps):
            root_alpha, root_noise = self._roots(moment)
            after: tuple[float, ...] = ()
            if index + 1 < len(timesteps):
                down, up = _ancestral(float(sigmas[index]), float(sigmas[index + 1]))
                keep = self._roots(timesteps[index + 1])[0]
                after = (keep, keep * down, keep * up)
            calls.append(Step(int(moment), root_alpha, root_noise, *after))
        return tuple(calls)

    def _roots(self, moment: int) -> tuple[float, float]:
        alpha_bar = float(self.alphas_bar[moment])
        return math.sqrt(alpha_bar), math.sqrt(1.0 - alpha_bar)


def _ancestral(sigma: float, sigma_next: float) -> tuple[float, float]:
    """Return (σ_down, σ_up): the noise that stays and the noise that is drawn anew."""
    up = math.sqrt(sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2)
    return math.sqrt(sigma_next**2 - up**2), up


def _beta(config: Mapping[str, object], name: str, default: float) -> float:
    value = config.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValue(f"The scheduler's {name} is {value!r}; it must be a number.")
    return float(value)


def _check_strength(strength: float) -> None:
    if not 0.0 <= strength <= 1.0:
        raise InvalidValue(f"Strength {strength} was asked for; it goes from 0 to 1.")
