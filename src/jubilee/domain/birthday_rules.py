"""Rules for birthdays saved without an account."""

from dataclasses import dataclass
from enum import Enum

from jubilee.domain.calendar import LeapDayRule
from jubilee.domain.identity import Principal


class AnonymousPolicy(Enum):
    """What callers who are not admins may save under names without an account."""

    OPEN = "open"  # create and replace
    CREATE = "create"  # create only
    OFF = "off"  # neither


@dataclass(frozen=True, slots=True, kw_only=True)
class BirthdayRules:
    """The service's time zone, and rules for anonymous birthdays: at most `max_anonymous`."""

    time_zone: str = "UTC"
    leap_day: LeapDayRule = LeapDayRule.MAR1
    anonymous: AnonymousPolicy = AnonymousPolicy.OPEN
    max_anonymous: int = 1_000_000

    def may_add(self, by: Principal | None) -> bool:
        """Return whether the caller may save a new name."""
        return self.anonymous is not AnonymousPolicy.OFF or _is_admin(by)

    def may_replace(self, by: Principal | None) -> bool:
        """Return whether the caller may replace a birthday without an account."""
        return self.anonymous is AnonymousPolicy.OPEN or _is_admin(by)


def _is_admin(by: Principal | None) -> bool:
    return by is not None and by.is_admin
