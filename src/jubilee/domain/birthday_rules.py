"""What the service allows to be saved under names that no account bears."""

from dataclasses import dataclass
from enum import Enum

from jubilee.domain.calendar import LeapDayRule
from jubilee.domain.identity import Principal


class AnonymousPolicy(Enum):
    """What may be saved under names that no account bears, by whoever is not an admin."""

    OPEN = "open"  # everything
    CREATE = "create"  # new names, which then stay as they are
    OFF = "off"  # nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class BirthdayRules:
    """The service's own zone, and what it allows; `most` counts the names without an account."""

    time_zone: str = "UTC"
    leap_day: LeapDayRule = LeapDayRule.MAR1
    anonymous: AnonymousPolicy = AnonymousPolicy.OPEN
    max_anonymous: int = 1_000_000

    def may_add(self, by: Principal | None) -> bool:
        """Whether somebody may save a new name."""
        return self.anonymous is not AnonymousPolicy.OFF or _is_admin(by)

    def may_replace(self, by: Principal | None) -> bool:
        """Whether somebody may replace what is saved under a name that no account bears."""
        return self.anonymous is AnonymousPolicy.OPEN or _is_admin(by)


def _is_admin(by: Principal | None) -> bool:
    return by is not None and by.is_admin
