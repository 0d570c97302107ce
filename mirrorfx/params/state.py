"""The params as they stand: an edit that travels with the frames, and the values that it gives for one of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mirrorfx.params.motion import Drift, Fade, Mix, Offset, between, mixed
from mirrorfx.params.param import Morph, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx.params.registry import ParamRegistry

__all__ = ["ParamState", "Params"]


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
class ParamState:
    """An edit of the params: where values come from, where they go and when.

    Immutable; `edited` makes the next one, `modulated` the one for a moment. It crosses processes as JSON by `to_json`
    and `from_json`.
    """

    values: Mapping[str, Value]
    revision: int = 0
    drift: Drift = field(default_factory=Drift)
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
                values[name] = between(fade.start, self.values[name], amount)
            else:
                mixes[name] = mixed(fade.start, self.values[name], amount)
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
