"""Params: one registry of what can be turned, and the immutable state that travels with every frame.

A `ParamState` is a pure function of time: `ParamState.at` gives the values for a frame by its capture time. Fades and
the seed's drift are evaluated there, so that every worker, a replay and a test see exactly the same values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias

from mirrorfx.clock import SECOND
from mirrorfx.errors import InvalidValue, UnknownName

__all__ = [
    "CORE_PARAMS",
    "Drift",
    "Fade",
    "Kind",
    "Mix",
    "Morph",
    "Offset",
    "Param",
    "ParamRegistry",
    "ParamState",
    "Params",
    "Readout",
    "Value",
]

Value: TypeAlias = float | int | bool | str
Mix: TypeAlias = tuple[tuple[Value, float], ...]
"""Values with weights that sum to 1, heaviest first: where a fade between texts or seeds stands."""

_MIX_MOST = 8
_TEXT_MOST = 2000


class Kind(StrEnum):
    """What type of value a param takes."""

    FLOAT = "float"
    INT = "int"
    BOOL = "bool"
    TEXT = "text"
    CHOICE = "choice"


class Morph(StrEnum):
    """How a param goes from one value to the next during a fade."""

    LINEAR = "linear"
    """Numbers in between."""
    MIX = "mix"
    """A weighted set of both: the effect mixes what it makes of them (embeddings, style vectors, noise)."""
    CUT = "cut"
    """The new value at once."""


@dataclass(frozen=True, slots=True)
class Readout:
    """A second reading of a number, for people to see beside it: `factor` × value + `offset`, whole, never below 0.

    Attributes:
        text: how it is written, with ``{}`` for the number.
    """

    text: str
    factor: float
    offset: int = 0

    def of(self, value: float) -> str:
        """Return what is read at `value`."""
        return self.text.format(max(0, math.floor(self.factor * value + 0.5) + self.offset))


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One thing that can be turned.

    Attributes:
        name: lowercase with underscores; the key in presets and the last part of the OSC address.
        unit: what the number counts (``keyframes/min``), empty for plain shares.
        curve: exponent of the control's travel; 1 is linear, 2 gives the low end more room.
        default: must be valid by the param's own rules.
        readout: what else the number means.
    """

    name: str
    kind: Kind
    default: Value
    label: str = ""
    help: str = ""
    minimum: float = 0.0
    maximum: float = 1.0
    unit: str = ""
    curve: float = 1.0
    morph: Morph = Morph.CUT
    choices: tuple[str, ...] = ()
    readout: Readout | None = None

    @property
    def osc(self) -> str:
        """The OSC address."""
        return f"/mirrorfx/effect/{self.name}"

    def check(self, value: object) -> Value:
        """Return `value` as this param's type.

        Raises:
            InvalidValue: the type or the range is wrong; the message says what is allowed.
        """
        match self.kind:
            case Kind.FLOAT:
                return self._number(value)
            case Kind.INT:
                return self._integer(value)
            case Kind.BOOL:
                if isinstance(value, bool):
                    return value
                raise InvalidValue(f"{self.name} is {_brief(value)}; it must be true or false.")
            case Kind.TEXT:
                return self._text(value)
            case Kind.CHOICE:
                if isinstance(value, str) and value in self.choices:
                    return value
                raise UnknownName(f"{self.name} choice", _brief(value).strip("'"), self.choices)

    def _number(self, value: object) -> float:
        # Comparing is safe for integers of any length, converting is not; NaN fails every comparison.
        if isinstance(value, bool) or not isinstance(value, int | float) or not self._inside(value):
            raise InvalidValue(f"{self.name} is {_brief(value)}; it must be a number{self._range()}.")
        return float(value)

    def _integer(self, value: object) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not self._inside(value):
            raise InvalidValue(f"{self.name} is {_brief(value)}; it must be a whole number{self._range()}.")
        return value

    def _inside(self, value: float) -> bool:
        return self.minimum <= value <= self.maximum

    def _text(self, value: object) -> str:
        if not isinstance(value, str):
            raise InvalidValue(f"{self.name} is {_brief(value)}; it must be text in quotes.")
        if len(value) > _TEXT_MOST:
            raise InvalidValue(f"{self.name} has {len(value)} characters; {_TEXT_MOST} are the most.")
        # A command line that is not UTF-8 arrives with lone surrogates, which no message or file could carry.
        return re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+", " ", value).strip()

    def _range(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f" from {self.minimum:.12g} to {self.maximum:.12g}{unit}"


CORE_PARAMS: tuple[Param, ...] = (
    Param(
        name="prompt",
        kind=Kind.TEXT,
        default="an oil painting in warm amber light",
        label="Prompt",
        help="What the picture becomes.",
        morph=Morph.MIX,
    ),
    Param(
        name="strength",
        kind=Kind.FLOAT,
        default=0.6,
        label="Strength",
        help="0 leaves the camera's picture, 1 leaves only the prompt.",
        morph=Morph.LINEAR,
    ),
    Param(
        name="seed",
        kind=Kind.INT,
        default=7,
        maximum=2**32 - 1,
        label="Seed",
        help="Which of the many pictures for one prompt.",
        morph=Morph.MIX,
    ),
    Param(
        name="drift",
        kind=Kind.FLOAT,
        default=4.0,
        maximum=60.0,
        unit="keyframes/min",
        curve=2.0,
        label="Seed drift",
        help="How fast the seed's noise walks from keyframe to keyframe; 0 holds it.",
        morph=Morph.CUT,  # a new rate is continuous anyway: the phase is rebased
    ),
)
"""What every mirror has, whichever effect paints."""


class ParamRegistry(Mapping[str, Param]):
    """The params of a mirror: the core ones and those that its effect declares, or declares anew."""

    def __init__(self, extra: Iterable[Param] = ()) -> None:
        self._params = {param.name: param for param in (*CORE_PARAMS, *extra)}

    def __getitem__(self, name: str) -> Param:
        return self._params[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._params)

    def __len__(self) -> int:
        return len(self._params)

    def defaults(self) -> dict[str, Value]:
        """Return every param's default."""
        return {name: param.default for name, param in self._params.items()}

    def check(self, values: Mapping[str, object]) -> dict[str, Value]:
        """Return `values` checked and converted.

        Raises:
            UnknownName: a name that is no param, with the nearest one.
            InvalidValue: a value outside its range.
        """
        for name in values:
            if name not in self._params:
                raise UnknownName("param", name, self._params)
        return {name: self._params[name].check(value) for name, value in values.items()}


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
class Params:
    """The values for one frame.

    Attributes:
        values: every param's value; during a fade numbers stand in between, texts are the ones faded to.
        mixes: for params that fade by mixing, the weighted values; absent when nothing is being mixed.
        phase: the drift's position in keyframes.
    """

    values: Mapping[str, Value]
    revision: int = 0
    mixes: Mapping[str, Mix] = field(default_factory=dict)
    phase: float = 0.0

    def __getitem__(self, name: str) -> Value:
        return self.values[name]

    def number(self, name: str) -> float:
        """Return a numeric param as a float."""
        return float(self.values[name])

    def mix(self, name: str) -> Mix:
        """Return the values to be mixed with their weights; a single one with weight 1 when nothing fades."""
        return self.mixes.get(name) or ((self.values[name], 1.0),)

    @property
    def prompt(self) -> str:
        """The prompt (faded to)."""
        return str(self.values["prompt"])

    @property
    def strength(self) -> float:
        """The strength, 0 to 1."""
        return float(self.values["strength"])

    @property
    def seed(self) -> int:
        """The seed (faded to)."""
        return int(self.values["seed"])


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


@dataclass(frozen=True, slots=True)
class ParamState:
    """An edit of the params: where values come from, where they go and when.

    Immutable; `edited` makes the next one, `modulated` the one for a moment. It crosses processes as JSON by `to_json`
    and `from_json`.
    """

    values: Mapping[str, Value]
    revision: int = 0
    drift: Drift = Drift()
    fades: Mapping[str, Fade] = field(default_factory=dict)
    morphs: Mapping[str, Morph] = field(default_factory=dict)
    offsets: Mapping[str, Offset] = field(default_factory=dict)

    @classmethod
    def initial(cls, registry: ParamRegistry, values: Mapping[str, object], t_ns: int) -> ParamState:
        """Return the first state: defaults, then `values` on top.

        Raises:
            InvalidValue: a name or a value that the registry refuses.
        """
        merged = registry.defaults() | registry.check(values)
        morphs = {name: param.morph for name, param in registry.items()}
        return cls(MappingProxyType(merged), drift=Drift(0.0, t_ns, float(merged["drift"])), morphs=morphs)

    def edited(self, changes: Mapping[str, Value], t_ns: int, fade_s: float = 0.0) -> ParamState:
        """Return the state after an edit at `t_ns`; the changed values that can fade take `fade_s` seconds.

        `changes` are checked values (`ParamRegistry.check`). A value that is fading starts from where its fade stands;
        values that `changes` does not name go on as they were, so that turning one knob never cuts a crossfade short.
        """
        now = replace(self, offsets={}).at(t_ns)
        values = dict(self.values) | dict(changes)
        fades = {n: fade for n, fade in self.fades.items() if n not in changes and fade.progress(t_ns) < 1.0}
        for name, value in changes.items() if fade_s > 0 else ():
            if self.morphs[name] is not Morph.CUT and now.mix(name) != ((value, 1.0),):
                fades[name] = Fade(now.mix(name), t_ns, fade_s)
        drift = self._drift_at(t_ns, values, self.offsets)
        return ParamState(MappingProxyType(values), self.revision + 1, drift, fades, self.morphs, self.offsets)

    def modulated(self, offsets: Mapping[str, Offset], t_ns: int) -> ParamState:
        """Return the state with `offsets` in the place of those before; a drift is faster or slower from `t_ns` on.

        Values and fades stay what they are: without offsets everything is as if nothing had been added.
        """
        drift = self._drift_at(t_ns, self.values, offsets)
        return replace(self, revision=self.revision + 1, drift=drift, offsets=MappingProxyType(dict(offsets)))

    def at(self, t_ns: int) -> Params:
        """Return the values for a frame captured at `t_ns`. Pure; Realtime: yes."""
        values = dict(self.values)
        mixes: dict[str, Mix] = {}
        for name, fade in self.fades.items():
            amount = fade.progress(t_ns)
            if amount >= 1.0:
                continue
            if self.morphs[name] is Morph.LINEAR:
                values[name] = _between(fade.start, self.values[name], amount)
            else:
                mixes[name] = _mixed(fade.start, self.values[name], amount)
        for name, offset in self.offsets.items():
            values[name] = offset.added_to(float(values[name]))
        return Params(MappingProxyType(values), self.revision, mixes, self.drift.phase(t_ns))

    def _drift_at(self, t_ns: int, values: Mapping[str, Value], offsets: Mapping[str, Offset]) -> Drift:
        """Return the walk at the rate that is asked for, rebased where that is another, so that it never jumps."""
        rate = float(values["drift"])
        if "drift" in offsets:
            rate = offsets["drift"].added_to(rate)
        return self.drift if rate == self.drift.rate else self.drift.rebased(t_ns, rate)

    def settled(self, t_ns: int) -> Params:
        """Return the values as they will be once all fades have ended, with the drift as it is at `t_ns`."""
        return Params(self.values, self.revision, {}, self.drift.phase(t_ns))

    def fading(self, t_ns: int) -> bool:
        """Say whether a fade is under way at `t_ns`."""
        return any(fade.progress(t_ns) < 1.0 for fade in self.fades.values())

    def to_json(self) -> bytes:
        """Return the state as JSON, keys sorted."""
        import msgspec

        plain: dict[str, Any] = {
            "values": dict(self.values),
            "revision": self.revision,
            "drift": [self.drift.phase0, self.drift.t0_ns, self.drift.rate],
            "fades": {name: [fade.start, fade.t0_ns, fade.seconds] for name, fade in self.fades.items()},
            "morphs": {name: str(morph) for name, morph in self.morphs.items()},
            "offsets": {name: [off.amount, off.minimum, off.maximum] for name, off in self.offsets.items()},
        }
        return msgspec.json.encode(plain, order="deterministic")

    @classmethod
    def from_json(cls, data: bytes) -> ParamState:
        """Return the state that `to_json` wrote."""
        import msgspec

        plain = msgspec.json.decode(data)
        phase0, t0_ns, rate = plain["drift"]
        return cls(
            values=MappingProxyType(plain["values"]),
            revision=plain["revision"],
            drift=Drift(float(phase0), int(t0_ns), float(rate)),
            fades={name: _fade(*parts) for name, parts in plain["fades"].items()},
            morphs={name: Morph(morph) for name, morph in plain["morphs"].items()},
            offsets={name: Offset(*parts) for name, parts in plain["offsets"].items()},
        )


def _fade(start: list[list[Any]], t0_ns: int, seconds: float) -> Fade:
    return Fade(tuple((value, float(weight)) for value, weight in start), t0_ns, float(seconds))


def _between(start: Mix, end: Value, amount: float) -> Value:
    first = float(start[0][0])
    value = first + (float(end) - first) * amount
    return round(value) if isinstance(end, int) else value


def _mixed(start: Mix, end: Value, amount: float) -> Mix:
    weights: dict[Value, float] = {}
    for value, weight in start:
        weights[value] = weights.get(value, 0.0) + weight * (1.0 - amount)
    weights[end] = weights.get(end, 0.0) + amount
    # The value being faded to must survive the cut, or the fade would end in a jump.
    others = sorted((v for v in weights if v != end), key=lambda v: -weights[v])[: _MIX_MOST - 1]
    kept = {value: weights[value] for value in (*others, end) if weights[value] > 0}
    total = sum(kept.values())
    return tuple(sorted(((v, w / total) for v, w in kept.items()), key=lambda pair: -pair[1]))


def _brief(value: object) -> str:
    # Python refuses to print integers of more than 4300 digits.
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a number of over 20 digits"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
