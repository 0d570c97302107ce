"""The panic keys: what each press means. Pure; the wall shows it, with or without an engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from mirrorfx.errors import UnknownName

__all__ = ["Panic", "PanicState"]


class Panic(IntEnum):
    """What the wall can show instead of the program."""

    BLACKOUT = 1
    FREEZE = 2
    BYPASS = 3
    SAFE = 4

    @property
    def label(self) -> str:
        """The name in commands and figures, such as ``blackout``."""
        return self.name.lower()

    @classmethod
    def named(cls, name: str) -> Panic:
        """Return the one called `name`, as in `label`.

        Raises:
            UnknownName: there is none.
        """
        by_name = {panic.label: panic for panic in cls}
        if name not in by_name:
            raise UnknownName("panic state", name, by_name)
        return by_name[name]


@dataclass(frozen=True, slots=True)
class PanicState:
    """What is switched on.

    BLACKOUT lies over all else: nothing but BLACKOUT itself lifts it, the others change what will be seen then. Of
    those one at a time is on, the one pressed last.

    Attributes:
        blackout: the wall is black.
        below: FREEZE, BYPASS or SAFE; None is the program.
    """

    blackout: bool = False
    below: Panic | None = None

    @property
    def seen(self) -> Panic | None:
        """What the wall shows; None is the program."""
        return Panic.BLACKOUT if self.blackout else self.below

    def pressed(self, key: Panic) -> PanicState:
        """Return the state after a key: the same key again takes it back."""
        on = not self.blackout if key is Panic.BLACKOUT else self.below is not key
        return self.switched(key, on=on)

    def switched(self, what: Panic, *, on: bool) -> PanicState:
        """Return the state with that on or off, however it was; what is off already changes nothing."""
        if what is Panic.BLACKOUT:
            return replace(self, blackout=on)
        if on:
            return replace(self, below=what)
        return replace(self, below=None) if self.below is what else self

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values for figures and clients."""
        return {
            "blackout": self.blackout,
            "below": self.below.label if self.below else None,
            "seen": self.seen.label if self.seen else None,
        }
