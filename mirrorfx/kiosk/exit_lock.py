"""How somebody leaves a kiosk: hold Esc or a corner, then enter the PIN. No Qt: a pure machine over given times."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mirrorfx.clock import SECOND
from mirrorfx.kiosk.pin import DIGITS_LEAST, DIGITS_MOST

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ExitLock", "Stage"]

_HOLD_NS = 3 * SECOND
_REPEAT_NS = SECOND // 10
_IDLE_NS = 15 * SECOND
_PAUSE_NS = 60 * SECOND
_WRONG_MOST = 5


class Stage(StrEnum):
    """How far somebody who wants to leave has come."""

    CLOSED = "closed"
    HOLDING = "holding"
    ASKING = "asking"
    CHECKING = "checking"
    PAUSED = "paused"
    OPEN = "open"


class ExitLock:
    """Opens after three seconds of holding and, where it is asked for, the right PIN.

    Whoever draws it calls `mind` often. Checking the PIN takes many display ticks, so it is done by `check`, which
    answers later through `checked`. After five wrong PINs it asks again only a minute later; holding meanwhile shows
    how long that is.

    Args:
        check: begins to check a PIN; None: holding is enough.
    """

    def __init__(self, check: Callable[[str], None] | None) -> None:
        self._check = check
        self._stage = Stage.CLOSED
        self._digits = ""
        self._t_ns = 0
        self._let_go_ns: int | None = None
        self._wrong = 0
        self._paused_until_ns: int | None = None
        self.wrong = False
        """Whether the last PIN that was entered since it asks was wrong."""

    @property
    def stage(self) -> Stage:
        """How far somebody has come."""
        return self._stage

    @property
    def digits(self) -> int:
        """How many digits have been entered."""
        return len(self._digits)

    @property
    def is_shown(self) -> bool:
        """Whether the wall shows the pad."""
        return self._stage in (Stage.ASKING, Stage.CHECKING, Stage.PAUSED)

    def pause_left_s(self, now_ns: int) -> int:
        """Return how many seconds nobody may try, rounded up."""
        left_ns = (self._paused_until_ns or now_ns) - now_ns
        return max(-(-left_ns // SECOND), 0)

    def hold(self, now_ns: int, *, repeat: bool = False) -> None:
        """Esc or a corner is pressed; `repeat`: it is still the same press. A new one takes the pad away."""
        self._let_go_ns = None
        if repeat:
            return
        if self.is_shown:
            self.leave(now_ns)
        elif self._stage is Stage.CLOSED:
            self._go(Stage.HOLDING, now_ns)

    def let_go(self, now_ns: int) -> None:
        """It is no longer pressed, unless a repeat follows at once."""
        self._let_go_ns = now_ns

    def digit(self, digit: str, now_ns: int) -> None:
        """A digit was entered."""
        if self._stage is Stage.ASKING and len(self._digits) < DIGITS_MOST:
            self._digits += digit
            self._t_ns = now_ns
            self.wrong = False

    def erase(self, now_ns: int) -> None:
        """The last digit is taken back."""
        if self._stage is Stage.ASKING:
            self._digits = self._digits[:-1]
            self._t_ns = now_ns

    def enter(self, now_ns: int) -> None:
        """The PIN is complete; too short a one is not tried."""
        if self._stage is Stage.ASKING and len(self._digits) >= DIGITS_LEAST and self._check:
            pin = self._digits
            self._go(Stage.CHECKING, now_ns)
            self._check(pin)

    def checked(self, *, right: bool, now_ns: int) -> None:
        """Take the answer of `check`."""
        if self._stage is not Stage.CHECKING:
            return
        if right:
            self._wrong = 0
            self._go(Stage.OPEN, now_ns)
            return
        self._wrong += 1
        if self._wrong >= _WRONG_MOST:
            self._wrong = 0
            self._paused_until_ns = now_ns + _PAUSE_NS
            self._go(Stage.PAUSED, now_ns)
        else:
            self._go(Stage.ASKING, now_ns)
            self.wrong = True

    def leave(self, now_ns: int) -> None:
        """Nobody wants to leave after all."""
        if self._stage is not Stage.OPEN:
            self._go(Stage.CLOSED, now_ns)

    def mind(self, now_ns: int) -> bool:
        """Let time pass; say whether the stage has changed."""
        before = self._stage
        since_ns = now_ns - self._t_ns
        if self._paused_until_ns is not None and now_ns >= self._paused_until_ns:
            self._paused_until_ns = None
        if before is Stage.HOLDING and self._let_go_ns is not None:
            if now_ns - self._let_go_ns >= _REPEAT_NS:
                self._go(Stage.CLOSED, now_ns)
        elif before is Stage.HOLDING and since_ns >= _HOLD_NS:
            self._held(now_ns)
        elif before in (Stage.ASKING, Stage.PAUSED) and since_ns >= _IDLE_NS:
            self._go(Stage.CLOSED, now_ns)
        elif before is Stage.PAUSED and self._paused_until_ns is None:
            self._go(Stage.ASKING, now_ns)
        return self._stage is not before

    def _held(self, now_ns: int) -> None:
        if self._check is None:
            self._go(Stage.OPEN, now_ns)
        else:
            self._go(Stage.PAUSED if self._paused_until_ns else Stage.ASKING, now_ns)

    def _go(self, stage: Stage, now_ns: int) -> None:
        self._stage = stage
        self._digits = ""
        self._t_ns = now_ns
        self.wrong = False
