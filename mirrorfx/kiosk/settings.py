"""How a kiosk is locked."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["KioskSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KioskSettings:
    """What `mirrorfx kiosk` is told besides what `run` knows.

    Attributes:
        screen: the name of the screen to fill; "" is whichever is the primary one.
        any_screen: take the primary screen while the named one is away, instead of showing nothing.
        desk_screen: the name of the screen that the operator's desk fills; None has no desk.
        lock_keys: also swallow the panic keys.
        needs_pin: whether who holds Esc or a corner must know the PIN; without, holding is enough.
    """

    screen: str = ""
    any_screen: bool = False
    desk_screen: str | None = None
    lock_keys: bool = False
    needs_pin: bool = True
