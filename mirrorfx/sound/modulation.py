"""Params that follow the sound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND
from mirrorfx.errors import InvalidValue, UnknownName
from mirrorfx.params import Kind, Offset
from mirrorfx.sound.analysis import SOUND_SOURCES, Levels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mirrorfx.params import Param

__all__ = ["Modulator", "Route"]

_ROUTES_MOST = 32
_SMOOTHING_MOST_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One param that follows one thing that is heard.

    Attributes:
        source: one of ``level``, ``low``, ``mid``, ``high``, ``onset``.
        param: the name of a float param.
        amount: what full sound adds, as a share of the param's whole range, -1 to 1.
        smoothing_s: how slowly it follows: the time constant of a first-order low pass; 0 follows at once.
    """

    source: str
    param: str
    amount: float = 0.25
    smoothing_s: float = 0.1

    @classmethod
    def from_table(cls, table: Mapping[str, Any], registry: Mapping[str, Param]) -> Route:
        """Return the route that a message or a file describes.

        Raises:
            InvalidValue: something is missing, unknown, or outside what is allowed.
        """
        source, name = str(table.get("source", "")), str(table.get("param", ""))
        if source not in SOUND_SOURCES:
            raise UnknownName("sound source", source, SOUND_SOURCES)
        floats = [param.name for param in registry.values() if param.kind is Kind.FLOAT]
        if name not in floats:
            raise UnknownName("param with a range that sound could move", name, floats)
        amount = _number(table.get("amount", 0.25), "amount", -1.0, 1.0)
        return cls(
            source=source,
            param=name,
            amount=amount,
            smoothing_s=_number(table.get("smoothing_s", 0.1), "smoothing_s", 0.0, _SMOOTHING_MOST_S),
        )


class Modulator:
    """Follows the sound with all routes. Pure but for its own memory; Threads: one. Realtime: yes."""

    def __init__(self) -> None:
        self.routes: tuple[Route, ...] = ()
        self._followed: list[float] = []
        self._t_ns: int | None = None

    def set_routes(self, routes: Iterable[Route]) -> None:
        """Follow these from now on; what has not changed goes on smoothly.

        Raises:
            InvalidValue: too many.
        """
        new = tuple(routes)
        if len(new) > _ROUTES_MOST:
            raise InvalidValue(f"{len(new)} sound routes were asked for; {_ROUTES_MOST} are the most.")
        kept = dict(zip(self.routes, self._followed, strict=True))
        self.routes = new
        self._followed = [kept.get(route, 0.0) for route in new]

    def offsets(self, levels: Levels, registry: Mapping[str, Param], t_ns: int) -> dict[str, Offset]:
        """Return what to add to which param now.

        Args:
            levels: what is heard.
            registry: the params there are; a route to another is left out.
            t_ns: now; earlier calls count for the smoothing.
        """
        passed_s = 0.0 if self._t_ns is None else max(t_ns - self._t_ns, 0) / SECOND
        self._t_ns = t_ns
        sums: dict[str, float] = {}
        for index, route in enumerate(self.routes):
            heard = levels.named(route.source)
            share = 1.0 if route.smoothing_s <= 0 else 1.0 - math.exp(-passed_s / route.smoothing_s)
            self._followed[index] += (heard - self._followed[index]) * share
            param = registry.get(route.param)
            if param is not None and param.kind is Kind.FLOAT:
                moved = self._followed[index] * route.amount * (param.maximum - param.minimum)
                sums[route.param] = sums.get(route.param, 0.0) + moved
        return {name: Offset(amount, registry[name].minimum, registry[name].maximum) for name, amount in sums.items()}


def _number(value: object, name: str, least: float, most: float) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
        return float(value)
    raise InvalidValue(f"A sound route's {name} is {value!r}; it must be a number from {least:g} to {most:g}.")
