"""Birthdays as days of the calendar: which day is celebrated, how far away it is, what today is."""

from bisect import bisect_left
from calendar import isleap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from enum import Enum
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from jubilee.domain.clock import Clock
from jubilee.domain.errors import Invalid

LEAP_YEAR = 2000  # any: it has all the days that there are
CYCLE = 400  # years after which the calendar repeats itself


class LeapDayRule(Enum):
    """When those born on 29 February celebrate in a common year."""

    MAR1 = "mar1"
    FEB28 = "feb28"


@dataclass(frozen=True, slots=True, order=True)
class CelebrationDay:
    """A day, and one date of birth that is celebrated on it; `month_day` of 29 February is 229.

    `previous` is the day on which the same date of birth was celebrated the year before.
    """

    day: date
    month_day: int
    previous: date


@dataclass(frozen=True, slots=True)
class LocalDates:
    """Today at one instant: the service's own, and how many days other zones are ahead of it.

    A zone that is not among them has the service's date.
    """

    today: date
    ahead: Mapping[str, int]

    def of(self, zone: str | None) -> date:
        """Today in the zone; without one, the service's."""
        return self.today + timedelta(days=self.ahead.get(zone or "", 0))


@dataclass(frozen=True, slots=True)
class Window:
    """Birthdays that come from `nearest` to `furthest` days after everybody's own today.

    Everybody has one birthday in it at most: the first that is `nearest` days away or more.
    """

    dates: LocalDates
    nearest: int
    furthest: int
    rule: LeapDayRule

    @property
    def first(self) -> date:
        """The earliest day that it can hold, wherever somebody is."""
        behind = min(self.dates.ahead.values(), default=0)
        return self.dates.today + timedelta(days=min(behind, 0) + self.nearest)

    @property
    def last(self) -> date:
        """The latest day that it can hold."""
        ahead = max(self.dates.ahead.values(), default=0)
        return self.dates.today + timedelta(days=max(ahead, 0) + self.furthest)


def celebration_in(born: date, year: int, rule: LeapDayRule) -> date:
    """The day of the year on which somebody celebrates who was born then."""
    if (born.month, born.day) != (2, 29) or isleap(year):
        return born.replace(year=year)
    return date(year, 3, 1) if rule is LeapDayRule.MAR1 else date(year, 2, 28)


def next_birthday(born: date, today: date, rule: LeapDayRule) -> date:
    """The first day that is celebrated, today or later; the year after must be in the calendar."""
    this_year = celebration_in(born, today.year, rule)
    return this_year if this_year >= today else celebration_in(born, today.year + 1, rule)


def days_until(born: date, today: date, rule: LeapDayRule) -> int:
    """How far the next birthday is away, 0 on the day itself; right to the calendar's last day."""
    near = today.replace(year=today.year - CYCLE) if today.year == MAXYEAR else today
    return (next_birthday(born, near, rule) - near).days


def born_on(day: date, rule: LeapDayRule) -> tuple[int, ...]:
    """Every month and day of birth that is celebrated on the day, in order, as in 229."""
    own = day.month * 100 + day.day
    leap_day = date(LEAP_YEAR, 2, 29)
    takes_in = celebration_in(leap_day, day.year, rule) == day
    return tuple(sorted({own, 229})) if takes_in else (own,)


def celebration_days(first: date, last: date, rule: LeapDayRule) -> Iterator[CelebrationDay]:
    """All that is celebrated from the first to the last day, in order."""
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        for month_day in born_on(day, rule):
            born = date(LEAP_YEAR, month_day // 100, month_day % 100)
            yield CelebrationDay(day, month_day, celebration_in(born, day.year - 1, rule))


def local_date(now: datetime, zone: str) -> date:
    """What today is in a zone."""
    return now.astimezone(_zone(zone)).date()


def local_instant(day: date, hour: int, zone: str) -> datetime:
    """When the clocks of a zone show a full hour of a day, in UTC.

    Of two such instants the first; where the clocks leap over the hour, the one of the leap.
    """
    local = datetime.combine(day, time(hour), _zone(zone))
    instant = local.astimezone(UTC)
    if instant.astimezone(_zone(zone)).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    return _leap(local.replace(fold=1).astimezone(UTC), instant, zone)


def _leap(before: datetime, after: datetime, zone: str) -> datetime:
    """The first second between the two at which the zone has its new offset from UTC."""
    old = before.astimezone(_zone(zone)).utcoffset()

    def leapt(second: int) -> bool:
        return datetime.fromtimestamp(second, _zone(zone)).utcoffset() != old

    seconds = range(int(before.timestamp()), int(after.timestamp()))
    return datetime.fromtimestamp(seconds.start + bisect_left(seconds, True, key=leapt), UTC)


@cache
def zone_names() -> frozenset[str]:
    """The names of all time zones; reads a folder the first time."""
    return frozenset(available_timezones()) - {"localtime"}  # the machine's own is no zone's name


def local_dates(now: datetime, zone: str) -> LocalDates:
    """What today is everywhere, beside what it is in `zone`; reads many files the first time."""
    today = local_date(now, zone)
    ahead = {name: (local_date(now, name) - today).days for name in zone_names()}
    return LocalDates(today, {name: days for name, days in ahead.items() if days})


@cache  # there are some 600, and no others are asked for
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


class UnknownTimeZone(Invalid):
    """This is no name of an IANA time zone."""

    code = "unknown_time_zone"


class NotBornYet(Invalid):
    """The date of birth has to be before today."""

    code = "not_born_yet"


@dataclass(frozen=True, slots=True)
class Calendar:
    """What today is: in the service's own `time_zone`, or in the one that a person named."""

    clock: Clock
    time_zone: str

    def today(self, zone: str | None = None) -> date:
        """A zone saved by a newer version may be unknown to this one: then it is the service's."""
        known = zone is not None and zone in zone_names()
        return local_date(self.clock(), zone if zone and known else self.time_zone)

    def check_born(self, born: date | None, zone: str | None, pointers: tuple[str, str]) -> None:
        """Raises NotBornYet or UnknownTimeZone, with the `pointers` to the two in this order."""
        date_pointer, zone_pointer = pointers
        if zone is not None and zone not in zone_names():
            raise UnknownTimeZone(pointer=zone_pointer)
        if born is not None and born >= self.today(zone):
            raise NotBornYet(pointer=date_pointer)
