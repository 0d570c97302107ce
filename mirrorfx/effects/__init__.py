"""The effects by name: those built in, and those that other packages register.

A third party registers its class under the entry point group ``mirrorfx.effects``; the entry point's name is the
effect's. Nothing is imported before it is asked for, and one that can't be imported is unavailable with the reason;
it never takes the others down.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mirrorfx.diffusion.gpus import visible_gpus
from mirrorfx.effects.base import Availability, Effect, EffectContext, Stage
from mirrorfx.errors import EffectUnavailable, InvalidValue, UnknownName
from mirrorfx.params import ParamRegistry

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import EntryPoint

__all__ = [
    "GROUP",
    "Availability",
    "Effect",
    "EffectContext",
    "Stage",
    "availability",
    "choose_effect",
    "default_devices",
    "effect_class",
    "effect_names",
    "param_registry",
]

GROUP = "mirrorfx.effects"
"""The entry point group of third-party effects."""

_BUILT_IN = {
    "paint": "mirrorfx.effects.paint:Paint",
    "passthrough": "mirrorfx.effects.passthrough:Passthrough",
    "sleep": "mirrorfx.effects.sleep:Sleep",
    "style": "mirrorfx.effects.style:Style",
    "turbo": "mirrorfx.effects.turbo:Turbo",
}
_BEST_FIRST = ("turbo", "style", "paint")


def effect_names() -> tuple[str, ...]:
    """Return the names of all effects, sorted: built in and third-party, available here or not."""
    return tuple(sorted(_BUILT_IN.keys() | _third_party().keys()))


def effect_class(name: str) -> type[Effect]:
    """Return the class of an effect, importing its module.

    Raises:
        UnknownName: nothing answers to `name`; the message has the nearest.
        EffectUnavailable: its module can't be imported here.
    """
    entry = _entry_point(name)
    try:
        loaded = entry.load()
    except Exception as error:  # it is anybody's code, and must not take the other effects with it
        raise EffectUnavailable(
            f"The effect {name!r} can't be imported from {entry.value}: {type(error).__name__}: {error}. {_fix(name)}"
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Effect)):
        raise EffectUnavailable(
            f"The effect {name!r} at {entry.value} is not a subclass of mirrorfx.effects.Effect. {_fix(name)}"
        )
    return loaded


def availability(name: str, context: EffectContext | None = None) -> Availability:
    """Say whether the effect called `name` can run on this machine.

    Args:
        name: the effect's.
        context: what it would be opened with, for a closer look; None only asks whether it can run in some way.

    Raises:
        UnknownName: nothing answers to `name`.
    """
    try:
        chosen = effect_class(name)
    except EffectUnavailable as error:
        return Availability(ok=False, reason=str(error).rstrip("."))
    if chosen.stage is not Stage.WORKER:
        return Availability(
            ok=False,
            reason=f"it is made for the {chosen.stage} stage, and this version only runs effects of the workers",
            fix="Choose another.",
        )
    state = chosen.availability()
    if not state or context is None:
        return state
    try:
        chosen.check(context)
    except (EffectUnavailable, InvalidValue) as error:
        return Availability(ok=False, reason=str(error).rstrip("."))
    return state


def choose_effect(name: str = "auto", options: Iterable[tuple[str, str]] = ()) -> type[Effect]:
    """Return the effect to run: the one called `name`, or for ``auto`` the best that can run here.

    Args:
        name: the effect's.
        options: the free settings that it would be opened with; ``auto`` looks whether they work out.

    Raises:
        UnknownName: nothing answers to `name`.
        EffectUnavailable: it can't run here; for ``auto``, none can.
    """
    if name != "auto":
        return _available(name)
    reasons = []
    for candidate in _BEST_FIRST:
        try:
            return _at_its_best(candidate, tuple(options))
        except EffectUnavailable as error:
            reasons.append(str(error))
    raise EffectUnavailable("No effect can run here. " + " ".join(reasons))


def default_devices(effect: type[Effect]) -> tuple[str, ...]:
    """Return the devices that an effect gets when nobody names any: all GPUs for one that wants them, else the CPU."""
    gpus = visible_gpus() if effect.wants_gpu else 0
    return tuple(f"cuda:{number}" for number in range(gpus)) or ("cpu",)


def param_registry(effect_name: str) -> ParamRegistry:
    """Return the params that the effect called `effect_name` understands: the core ones and its own.

    Raises:
        UnknownName: nothing answers to `effect_name`.
        EffectUnavailable: its class can't be imported here.
    """
    return ParamRegistry(effect_class(effect_name).params)


def _at_its_best(name: str, options: tuple[tuple[str, str], ...]) -> type[Effect]:
    """Return an effect that ``auto`` may take: it can run as it should."""
    if not effect_class(name).wants_gpu:
        return _available(name)
    if not visible_gpus():
        raise EffectUnavailable(f"The effect {name!r} is made for an NVIDIA GPU, and there is none here.")
    return _available(name, EffectContext((1024, 1024), "cuda:0", options=options))


def _available(name: str, context: EffectContext | None = None) -> type[Effect]:
    chosen = effect_class(name)
    state = availability(name, context)
    if not state:
        raise EffectUnavailable(f"The effect {name!r} can't run here: {state.reason}. {state.fix}".rstrip())
    return chosen


def _entry_point(name: str) -> EntryPoint:
    from importlib.metadata import EntryPoint

    if name in _BUILT_IN:
        return EntryPoint(name, _BUILT_IN[name], GROUP)
    try:
        return _third_party()[name]
    except KeyError:
        raise UnknownName("effect", name, ("auto", *effect_names())) from None


def _fix(name: str) -> str:
    if name in _BUILT_IN:
        return "The installation is incomplete: run scripts/run again, or `mirrorfx doctor`."
    return "Reinstall or update the package that brings it."


@cache
def _third_party() -> dict[str, EntryPoint]:
    """Return the registered entry points by name; a name that is built in stays the built-in one."""
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=GROUP) if entry.name not in _BUILT_IN}
