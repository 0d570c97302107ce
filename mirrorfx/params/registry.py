"""What can be turned: the params that every mirror has, and those of its effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mirrorfx.errors import UnknownName
from mirrorfx.params.param import Kind, Morph, Param, Value

__all__ = ["CORE_PARAMS", "ParamRegistry"]

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
