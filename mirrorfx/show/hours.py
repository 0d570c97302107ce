"""Opening hours in local time: when the mirror shows something, whatever the clocks do in spring and autumn."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from mirrorfx.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OpeningHours"]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RULE = re.compile(r"(?:([a-z,\-]+)\s+)?(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class _Rule:
    days: frozenset[int]
    start: time
    end: time
    over_midnight: bool


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Some days and times of a week. ``OpeningHours()`` is always open.

    A time is what the clock on the wall shows. Where the clocks go back, an hour that comes twice counts twice; where
    they go forward, a start in the hour that is left out counts from the first moment after it.
    """

    rules: tuple[_Rule, ...] = ()

    @classmethod
    def parse(cls, text: str) -> OpeningHours:
        """Read ``mon-fri 10:00-18:00; sat,sun 11:00-20:00``. Without days it is every day; 20:00-02:00 passes midnight.

        Raises:
            InvalidValue: it can't be read; the message shows how to write it.
        """
        rules = [_parsed(part.strip().lower()) for part in text.split(";") if part.strip()]
        if not rules:
            raise InvalidValue("No opening hours were given. Write them as 'mon-fri 10:00-18:00; sat,sun 11:00-20:00'.")
        return cls(tuple(rules))

    def open_at(self, moment: datetime) -> bool:
        """Say whether it is open at `moment` by the local clock; only what that clock shows counts."""
        if not self.rules:
            return True
        today, yesterday = moment.weekday(), (moment.weekday() - 1) % 7
        shown = moment.time().replace(tzinfo=None)
        for rule in self.rules:
            if rule.over_midnight:
                if (today in rule.days and shown >= rule.start) or (yesterday in rule.days and shown < rule.end):
                    return True
            elif today in rule.days and rule.start <= shown < rule.end:
                return True
        return False

    def next_change(self, moment: datetime) -> datetime | None:
        """Return when it opens or closes next, in the zone of `moment`; None when it never changes.

        Args:
            moment: with a zone, so that the clocks' going forward and back is known.
        """
        now_open = self.open_at(moment)
        for minute in _minutes(moment):
            if self.open_at(minute) is not now_open:
                return minute
        return None


def _minutes(moment: datetime) -> Iterator[datetime]:
    """Yield every full minute of the eight days to come, by time that really passes."""
    from datetime import UTC

    at = moment.astimezone(UTC).replace(second=0, microsecond=0)
    for _ in range(8 * 24 * 60):
        at += timedelta(minutes=1)
        yield at.astimezone(moment.tzinfo)


def _parsed(text: str) -> _Rule:
    found = _RULE.fullmatch(text)
    if not found:
        raise InvalidValue(f"The opening hours {text!r} can't be read. Write 'mon-fri 10:00-18:00', or '10:00-18:00'.")
    days, *numbers = found.groups()
    start_h, start_m, end_h, end_m = map(int, numbers)
    if start_h > 23 or end_h > 24 or start_m > 59 or end_m > 59 or (end_h == 24 and end_m):
        raise InvalidValue(f"The opening hours {text!r} have a time that no clock shows.")
    start, end = time(start_h, start_m), time(end_h % 24, end_m)
    if start == end and end_h != 24:
        raise InvalidValue(
            f"The opening hours {text!r} start and end at one time. Write 00:00-24:00 for the whole day."
        )
    return _Rule(_days(days, text), start, end, over_midnight=end <= start)


def _days(text: str | None, rule: str) -> frozenset[int]:
    if text is None:
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise InvalidValue(f"The opening hours {rule!r} name a day {part!r}; days are {', '.join(_DAYS)}.")
        begin = _DAYS.index(first)
        end = _DAYS.index(last) if dash else begin
        days |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return frozenset(days)
