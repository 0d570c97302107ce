"""What moves the values between two edits: fades, the walk of the seed, and what is added for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mirrorfx.clock import SECOND
from mirrorfx.params.param import Value

__all__ = ["Drift", "Fade", "Mix", "Offset", "between", "mixed"]

Mix: TypeAlias = tuple[tuple[Value, float], ...]
"""Values with weights that sum to 1, heaviest first: where a fade between texts or seeds stands."""

_MIX_MOST = 8


@dataclass(frozen=True, slots=True)
class Drift:
    """The walk of the seed's noise: a pure function of the capture time.

    Attributes:
        phase0: the position in keyframes at `t0_ns`.
        rate: keyframes per minute from then on.
    """

    phase0: float = 0.0
    t0_ns: int = 0
    rate: float = 0.0

    def phase(self, t_ns: int) -> float:
        """Return the position at `t_ns` in keyframes: 2.25 is a quarter of the way from keyframe 2 to 3."""
        return self.phase0 + self.rate * (t_ns - self.t0_ns) / (60 * SECOND)

    def rebased(self, t_ns: int, rate: float) -> Drift:
        """Return the walk that goes on from where this one is at `t_ns`, at another rate."""
        return Drift(self.phase(t_ns), t_ns, rate)


@dataclass(frozen=True, slots=True)
class Fade:
    """One param on its way to its value.

    Attributes:
        start: what it is coming from.
        t0_ns: when it set out.
        seconds: how long it takes; more than 0.
    """

    start: Mix
    t0_ns: int
    seconds: float

    def progress(self, t_ns: int) -> float:
        """Return how far it is at `t_ns`, 0 to 1, slow at both ends (smoothstep)."""
        linear = min(max((t_ns - self.t0_ns) / (self.seconds * SECOND), 0.0), 1.0)
        return linear * linear * (3.0 - 2.0 * linear)


@dataclass(frozen=True, slots=True)
class Offset:
    """What is added to a float param for a while, by sound for example, without editing it.

    Attributes:
        amount: is added to the value, wherever a fade has it.
        minimum: the sum is kept from going below it;
        maximum: or above it.
    """

    amount: float
    minimum: float
    maximum: float

    def added_to(self, value: float) -> float:
        """Return the sum, kept within the range."""
        return min(max(value + self.amount, self.minimum), self.maximum)


def between(start: Mix, end: Value, amount: float) -> Value:
    """Return the number `amount` of the way (0 to 1) from `start` to `end`."""
    first = float(start[0][0])
    value = first + (float(end) - first) * amount
    return round(value) if isinstance(end, int) else value


def mixed(start: Mix, end: Value, amount: float) -> Mix:
    """Return what is mixed `amount` of the way (0 to 1) from `start` to `end`, of eight values at most."""
    weights: dict[Value, float] = {}
    for value, weight in start:
        weights[value] = weights.get(value, 0.0) + weight * (1.0 - amount)
    weights[end] = weights.get(end, 0.0) + amount
    # The value being faded to must survive the cut, or the fade would end in a jump.
    others = sorted((v for v in weights if v != end), key=lambda v: -weights[v])[: _MIX_MOST - 1]
    kept = {value: weights[value] for value in (*others, end) if weights[value] > 0}
    total = sum(kept.values())
    return tuple(sorted(((v, w / total) for v, w in kept.items()), key=lambda pair: -pair[1]))
