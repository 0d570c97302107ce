"""The engine's part in opening hours: when they end, the wall fades to black, and nothing is seen, painted or kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND, wall_time_s
from mirrorfx.errors import ControlError
from mirrorfx.processes.messages import CurtainIs
from mirrorfx.show.hours import OpeningHours

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.processes.engine import Engine

__all__ = ["FADE_NS", "Opening"]

FADE_NS = 2 * SECOND
_REST_AFTER_NS = FADE_NS + SECOND // 5
_JUMP_S = 60.0
_A_DAY, _A_WEEK = timedelta(hours=24), timedelta(days=6)


class Opening:
    """Compares the local clock with the hours a few times a second; frames know only the monotonic clock.

    Closed, the camera's process is ended and no frame is given to a worker, so the GPUs idle. Workers stay, warm:
    loading a model takes minutes, and failing at it would be noticed by the first visitors.

    Attributes:
        resting: whether nothing is to be painted.
    """

    def __init__(self, engine: Engine, wall_clock_s: Callable[[], float] = wall_time_s) -> None:
        self._engine = engine
        self._wall_clock_s = wall_clock_s
        self._text = engine.settings.hours
        self._hours = OpeningHours.parse(self._text) if self._text else OpeningHours()
        self._scheduled: bool | None = None if self._text else True
        self._by_hand: bool | None = None
        self._open = True
        self._until: datetime | None = None
        self._offset_s = 0.0
        self._rest_at_ns: int | None = None
        self.resting = False

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        """Return what can be asked."""
        return {"opening": self._by_request}

    def state(self) -> dict[str, Any]:
        """Return what clients are told."""
        return {"opening": self.figures()}

    def figures(self) -> dict[str, Any]:
        """Return the report's part."""
        return {
            "hours": self._text,
            "open": self._open,
            "until": self._words(),
            "by_hand": self._by_hand is not None,
            "resting": self.resting,
        }

    def mind(self, now_ns: int) -> bool:
        """Open or close if it is time; say whether clients are to be told."""
        if not self._text and self._by_hand is None and self._open:
            return False
        changed = self._look(now_ns)
        if self._rest_at_ns is not None and now_ns >= self._rest_at_ns:
            self._rest_at_ns = None
            self._rest()
            changed = True
        return changed

    def new_wall(self) -> None:
        """A wall starts open; one that lives is told once more."""
        now_ns = self._engine.clock.now_ns()
        if self._text and self._scheduled is None:
            self._look(now_ns)
        if not self._open:
            self._tell(fade_ns=0)

    def _look(self, now_ns: int) -> bool:
        seconds = self._wall_clock_s()
        local = datetime.fromtimestamp(seconds).astimezone()
        scheduled = self._hours.open_at(local)
        first = self._scheduled is None
        turned = scheduled is not self._scheduled
        offset_s = seconds - now_ns / SECOND
        jumped = abs(offset_s - self._offset_s) > _JUMP_S
        self._offset_s = offset_s
        if turned:
            self._scheduled, self._by_hand = scheduled, None
        if turned or jumped:
            self._until = self._hours.next_change(local, zone_of_system=True)
        wanted = scheduled if self._by_hand is None else self._by_hand
        if wanted is not self._open:
            self._move(wanted=wanted, now_ns=now_ns, fade_ns=0 if first else FADE_NS)
            return True
        return turned or jumped

    def _move(self, *, wanted: bool, now_ns: int, fade_ns: int) -> None:
        self._open = wanted
        self._tell(fade_ns=fade_ns)
        if not wanted:
            self._rest_at_ns = now_ns + (_REST_AFTER_NS if fade_ns else 0)
        else:
            self._rest_at_ns = None
            if self.resting:
                self.resting = False
                self._engine.intake.wake(now_ns)
        self._engine.notice(f"Open{self._how_long()}." if wanted else f"Closed{self._how_long()}.")

    def _rest(self) -> None:
        self.resting = True
        self._engine.intake.rest()

    def _tell(self, *, fade_ns: int) -> None:
        if self._engine.wall:
            self._engine.wall.send(CurtainIs(int(not self._open), fade_ns))

    def _how_long(self) -> str:
        until = self._words()
        return f" until {until}" if until else ""

    def _words(self) -> str | None:
        """Return when that changes: ``10:00``, ``Mon 10:00`` if that is not today, or with its date; None for never."""
        if self._until is None:
            return None
        local = datetime.fromtimestamp(self._wall_clock_s()).astimezone()
        left = self._until - local
        return self._until.strftime(
            "%H:%M" if left <= _A_DAY else "%a %H:%M" if left <= _A_WEEK else "%a %Y-%m-%d %H:%M"
        )

    def _by_request(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        wanted = arguments.get("open")
        if wanted is not None and not isinstance(wanted, bool):
            raise ControlError(f'"open" is {wanted!r}; it must be true, false, or null to follow the hours again.')
        self._by_hand = wanted
        self._look(self._engine.clock.now_ns())
        return {}
