"""One thing that can be turned: what it is called, which values it takes and how it fades."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from mirrorfx.errors import InvalidValue, UnknownName

__all__ = ["Kind", "Morph", "Param", "Readout", "Value"]

Value: TypeAlias = float | int | bool | str

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


def _brief(value: object) -> str:
    # Python refuses to print integers of more than 4300 digits.
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a number of over 20 digits"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
