"""Calendar arithmetic of birthdays: days of celebration, days until the next one, local dates."""

from bisect import bisect_left
from calendar import isleap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from enum import Enum
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from jubilee.domain.clock import Clock
from jubilee.domain.errors import Invalid

LEAP_YEAR = 2000  # any leap year: it contains every month and day
CYCLE_YEARS = 400  # the calendar repeats after this many years


class LeapDayRule(Enum):
    """The day on which birthdays of 29 February are celebrated in common years."""

    MAR1 = "mar1"
    FEB28 = "feb28"


@dataclass(frozen=True, slots=True, order=True)
class CelebrationDay:
    """A day, and a month and day of birth celebrated on it (29 February is 229).

    `previous` is the day on which the same birthday was celebrated the year before.
    """

    day: date
    month_day: int
    previous: date


@dataclass(frozen=True, slots=True)
class LocalDates:
    """Local dates at one instant: the service's own, and other zones' offsets from it in days.

    A zone that is absent from `ahead` has the service's date.
    """

    today: date
    ahead: Mapping[str, int]

    def of(self, zone: str | None) -> date:
        """Return the local date of the zone, or the service's date for None."""
        return self.today + timedelta(days=self.ahead.get(zone or "", 0))


@dataclass(frozen=True, slots=True)
class Window:
    """Birthdays from `nearest` to `furthest` days after the local date of each person.

    It contains at most one birthday of a person: the first that is `nearest` or more days away.
    """

    dates: LocalDates
    nearest: int
    furthest: int
    rule: LeapDayRule

    @property
    def first(self) -> date:
        """The earliest day that is in the window in any time zone."""
        behind = min([0, *self.dates.ahead.values()])
        return self.dates.today + timedelta(days=behind + self.nearest)

    @property
    def last(self) -> date:
        """The latest day that is in the window in any time zone."""
        ahead = max([0, *self.dates.ahead.values()])
        return self.dates.today + timedelta(days=ahead + self.furthest)


def celebration_in(born: date, year: int, rule: LeapDayRule) -> date:
    """Return the day of the year on which a birthday is celebrated."""
    if (born.month, born.day) != (2, 29) or isleap(year):
        return born.replace(year=year)
    return date(year, 3, 1) if rule is LeapDayRule.MAR1 else date(year, 2, 28)


def next_birthday(born: date, today: date, rule: LeapDayRule) -> date:
    """Return the next celebration, today or later; `today` must be before the year 9999."""
    this_year = celebration_in(born, today.year, rule)
    return this_year if this_year >= today else celebration_in(born, today.year + 1, rule)


def days_until(born: date, today: date, rule: LeapDayRule) -> int:
    """Return the days until the next birthday, 0 on the day itself; valid to the year 9999."""
    near = today.replace(year=today.year - CYCLE_YEARS) if today.year == MAXYEAR else today
    return (next_birthday(born, near, rule) - near).days


def born_on(day: date, rule: LeapDayRule) -> tuple[int, ...]:
    """Return every month and day of birth celebrated on the day, as numbers such as 229."""
    own = day.month * 100 + day.day
    leap_day = date(LEAP_YEAR, 2, 29)
    includes_leap_day = celebration_in(leap_day, day.year, rule) == day
    return tuple(sorted({own, 229})) if includes_leap_day else (own,)


def may_be_today(born: date, now: datetime, rule: LeapDayRule) -> bool:
    """Return whether the birthday is celebrated today in any zone, by any host's clock.

    Zones are at most 14 hours from UTC: one day more or less leaves ten hours for the clocks.
    """
    return born.month * 100 + born.day in _born_about(now.astimezone(UTC).date(), rule)


@lru_cache(maxsize=8)  # asked twice for each birthday that is saved, which took 7 us
def _born_about(today: date, rule: LeapDayRule) -> frozenset[int]:
    """Return the months and days of birth that are celebrated yesterday, today or tomorrow."""
    days = (today + timedelta(days=difference) for difference in (-1, 0, 1))
    return frozenset(month_day for day in days for month_day in born_on(day, rule))


def celebration_days(first: date, last: date, rule: LeapDayRule) -> Iterator[CelebrationDay]:
    """Iterate over all celebrations from the first to the last day, in order."""
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        for month_day in born_on(day, rule):
            born = date(LEAP_YEAR, month_day // 100, month_day % 100)
            yield CelebrationDay(day, month_day, celebration_in(born, day.year - 1, rule))


def local_date(now: datetime, zone: str) -> date:
    """Return the local date of a time zone."""
    return now.astimezone(_zone(zone)).date()


def local_instant(day: date, hour: int, zone: str) -> datetime:
    """Return the instant, in UTC, at which a zone's local time is the hour of the day.

    Return the first of two such instants; if clocks skip the hour, the instant of the change.
    """
    local = datetime.combine(day, time(hour), _zone(zone))
    instant = local.astimezone(UTC)
    if instant.astimezone(_zone(zone)).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    return _offset_change(local.replace(fold=1).astimezone(UTC), instant, zone)


def _offset_change(before: datetime, after: datetime, zone: str) -> datetime:
    """Return the first second between the two at which the zone has its new UTC offset."""
    old = before.astimezone(_zone(zone)).utcoffset()

    def has_changed(second: int) -> bool:
        return datetime.fromtimestamp(second, _zone(zone)).utcoffset() != old

    seconds = range(int(before.timestamp()), int(after.timestamp()))
    return datetime.fromtimestamp(seconds.start + bisect_left(seconds, True, key=has_changed), UTC)


@cache
def zone_names() -> frozenset[str]:
    """Return the names of all time zones, the same on every host.

    The host's own files, which have their rules, would each have to be opened for their names.
    """
    return frozenset((files("tzdata") / "zones").read_text("utf-8").split())


def local_dates(now: datetime, zone: str) -> LocalDates:
    """Return the local dates of all zones relative to `zone`; the first call reads many files."""
    today = local_date(now, zone)
    ahead = {name: (local_date(now, name) - today).days for name in zone_names()}
    return LocalDates(today, {name: days for name, days in ahead.items() if days})


@cache  # bounded: callers pass names of `zone_names` only, about 600
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


class UnknownTimeZone(Invalid):
    """The time zone is not a known IANA name."""

    code = "unknown_time_zone"


class NotBornYet(Invalid):
    """The date of birth must be before today."""

    code = "not_born_yet"


@dataclass(frozen=True, slots=True)
class Calendar:
    """Local dates now, in the service's `time_zone` or in that of a person."""

    clock: Clock
    time_zone: str

    def today(self, zone: str | None = None) -> date:
        """Return the local date; a zone unknown to this version falls back to the service's."""
        known = zone is not None and zone in zone_names()
        return local_date(self.clock(), zone if zone and known else self.time_zone)

    def check_born(self, born: date | None, zone: str | None, pointers: tuple[str, str]) -> None:
        """Raise NotBornYet or UnknownTimeZone; `pointers` are those of date and zone."""
        date_pointer, zone_pointer = pointers
        if zone is not None and zone not in zone_names():
            raise UnknownTimeZone(pointer=zone_pointer)
        if born is not None and born >= self.today(zone):
            raise NotBornYet(pointer=date_pointer)
