"""Opening hours in local time: when the mirror shows something, whatever the clocks do in spring and autumn."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from mirrorfx.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OpeningHours"]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIMES = re.compile(r"(?:(\S+)\s+)?(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_CLOSED = re.compile(r"(\S+)\s+closed")
_DATE = re.compile(r"(?:(\d{4})-)?(\d{2})-(\d{2})")
_LOOK_DAYS = 35
_ZONES_MIN = 15
"""All zones of today are whole quarters of an hour from UTC."""


@dataclass(frozen=True, slots=True)
class _Dates:
    """From one date to another, both included; each (year or None for every year, month, day)."""

    first: tuple[int | None, int, int]
    last: tuple[int | None, int, int]

    def hold(self, day: date) -> bool:
        if self.first[0] is not None:
            return self.first <= (day.year, day.month, day.day) <= self.last
        shown, first, last = (day.month, day.day), self.first[1:], self.last[1:]
        return first <= shown <= last if first <= last else shown >= first or shown <= last


@dataclass(frozen=True, slots=True)
class _Rule:
    days: frozenset[int]
    dates: tuple[_Dates, ...]
    start: time
    end: time
    over_midnight: bool
    closed: bool = False


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Some days and times of a week, and dates that are otherwise. ``OpeningHours()`` is always open.

    A time is what the clock on the wall shows. Where the clocks go back, an hour that comes twice counts twice; where
    they go forward, a start in the hour that is left out counts from the first moment after it. What is open past
    midnight belongs to the day on which it began.
    """

    rules: tuple[_Rule, ...] = ()

    @classmethod
    def parse(cls, text: str) -> OpeningHours:
        """Read ``mon-fri 10:00-18:00; sat,sun 11:00-20:00; 12-24..12-26 closed; 2026-12-31 10:00-14:00``.

        Without days it is every day; 20:00-02:00 passes midnight. A date, with a year or for every year, puts the
        week's hours of that day out of force.

        Raises:
            InvalidValue: it can't be read; the message shows how to write it.
        """
        rules = [_parsed(part.strip().lower()) for part in text.split(";") if part.strip()]
        if not rules:
            raise InvalidValue("No opening hours were given. Write them as 'mon-fri 10:00-18:00; sat,sun 11:00-20:00'.")
        if all(rule.dates for rule in rules):
            raise InvalidValue(
                f"The opening hours {text!r} name dates only. Say also how the other days are: 'mon-fri 10:00-18:00', "
                "or '00:00-24:00' for always."
            )
        return cls(tuple(rules))

    def open_at(self, moment: datetime) -> bool:
        """Say whether it is open at `moment` by the local clock; only what that clock shows counts."""
        if not self.rules:
            return True
        today = moment.date()
        shown = moment.time().replace(tzinfo=None)
        for rule in self._of(today):
            if shown >= rule.start and (rule.over_midnight or shown < rule.end):
                return True
        return any(rule.over_midnight and shown < rule.end for rule in self._of(today - timedelta(days=1)))

    def next_change(self, moment: datetime, *, zone_of_system: bool = False) -> datetime | None:
        """Return when it opens or closes next, in the zone of `moment`; None when it doesn't within five weeks.

        Args:
            moment: with a zone, so that the clocks' going forward and back is known.
            zone_of_system: take the system's zone; that of `moment` may be no more than today's offset.
        """
        now_open = self.open_at(moment)
        for minute in self._moments(moment, zone_of_system=zone_of_system):
            if self.open_at(minute) is not now_open:
                return minute
        return None

    def _of(self, day: date) -> list[_Rule]:
        """The rules in force on `day`: those of its date, or else those of its day of the week."""
        special = [rule for rule in self.rules if any(dates.hold(day) for dates in rule.dates)]
        usual = [rule for rule in self.rules if not rule.dates and day.weekday() in rule.days]
        return [rule for rule in special or usual if not rule.closed]

    def _moments(self, moment: datetime, *, zone_of_system: bool) -> Iterator[datetime]:
        """Yield all moments of the weeks to come at which it may change, by time that really passes."""
        from datetime import UTC

        times = [at for rule in self.rules for at in (rule.start, rule.end)]
        minutes = sorted({at.minute % _ZONES_MIN for at in times} | {0})
        now = moment.astimezone(UTC)
        quarter = now.replace(minute=now.minute - now.minute % _ZONES_MIN, second=0, microsecond=0)
        for _ in range(_LOOK_DAYS * 24 * 60 // _ZONES_MIN):
            for minute in minutes:
                at = quarter + timedelta(minutes=minute)
                if at > now:
                    yield at.astimezone(None if zone_of_system else moment.tzinfo)
            quarter += timedelta(minutes=_ZONES_MIN)


def _parsed(text: str) -> _Rule:
    closed = _CLOSED.fullmatch(text)
    if closed:
        days, dates = _days(closed[1], text)
        return _Rule(days, dates, time(), time(), over_midnight=False, closed=True)
    found = _TIMES.fullmatch(text)
    if not found:
        raise InvalidValue(
            f"The opening hours {text!r} can't be read. Write 'mon-fri 10:00-18:00', '10:00-18:00', or for a date "
            "'12-24..12-26 closed'."
        )
    words, *numbers = found.groups()
    start_h, start_m, end_h, end_m = map(int, numbers)
    if start_h > 23 or end_h > 24 or start_m > 59 or end_m > 59 or (end_h == 24 and end_m):
        raise InvalidValue(f"The opening hours {text!r} have a time that no clock shows.")
    start, end = time(start_h, start_m), time(end_h % 24, end_m)
    if start == end and end_h != 24:
        raise InvalidValue(
            f"The opening hours {text!r} start and end at one time. Write 00:00-24:00 for the whole day."
        )
    days, dates = _days(words, text)
    return _Rule(days, dates, start, end, over_midnight=end <= start)


def _days(text: str | None, rule: str) -> tuple[frozenset[int], tuple[_Dates, ...]]:
    """Return the days of the week, or else the dates, that a rule names."""
    if text is None:
        return frozenset(range(7)), ()
    parts = text.split(",")
    if any(part[:1].isdigit() for part in parts):
        return frozenset(), tuple(_dates(part, rule) for part in parts)
    days: set[int] = set()
    for part in parts:
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise InvalidValue(f"The opening hours {rule!r} name a day {part!r}; days are {', '.join(_DAYS)}.")
        begin = _DAYS.index(first)
        end = _DAYS.index(last) if dash else begin
        days |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return frozenset(days), ()


def _dates(text: str, rule: str) -> _Dates:
    first, dots, last = text.partition("..")
    ends = [_date(word, rule) for word in ((first, last) if dots else (first, first))]
    if (ends[0][0] is None) != (ends[1][0] is None) or (ends[0][0] is not None and ends[0] > ends[1]):
        raise InvalidValue(
            f"The opening hours {rule!r} have dates {text!r}: write both with a year or both without, in their order."
        )
    return _Dates(*ends)


def _date(text: str, rule: str) -> tuple[int | None, int, int]:
    found = _DATE.fullmatch(text)
    try:
        assert found
        year, month, day = found.groups()
        date(int(year or 2000), int(month), int(day))  # 2000 had a 29th of February
    except (AssertionError, ValueError):
        raise InvalidValue(
            f"The opening hours {rule!r} name a date {text!r}; write 12-24, or 2026-12-24 for one year only."
        ) from None
    return int(year) if year else None, int(month), int(day)
