"""Greetings: one row per account and year with its state; rules and ports."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import NamedTuple, Protocol
from uuid import UUID

from jubilee.domain.calendar import LeapDayRule, zone_names
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.queue import JobQueue
from jubilee.domain.users.user import User


class GreetingState(Enum):
    """The state of a greeting; the last three are final."""

    PLANNED = "planned"
    SENDING = "sending"  # may have been sent
    SENT = "sent"
    UNCERTAIN = "uncertain"  # may have been sent, and is not sent again
    SKIPPED = "skipped"  # not sent; see `reason`


class NotSentReason(Enum):
    """Why a greeting was not sent."""

    LATE = "late"  # due more than a day ago: no worker or no mail server was available
    UNWANTED = "unwanted"  # turned off, account disabled, cancelled, or the birthday has changed
    REFUSED = "refused"  # the mail server rejects it permanently


class UnknownOutcomePolicy(Enum):
    """How to end a greeting that may have been sent."""

    PARK = "park"
    RESEND = "resend"  # with the same Message-ID


@dataclass(frozen=True, slots=True, kw_only=True)
class GreetingRules:
    """When greetings are sent: at local `hour`; `default_zone` is for accounts without a zone."""

    default_zone: str = "UTC"
    leap_day: LeapDayRule = LeapDayRule.MAR1
    hour: int = 9
    on_unknown: UnknownOutcomePolicy = UnknownOutcomePolicy.PARK

    def zone(self, named: str | None) -> str:
        """Return the account's zone, or the default for None and zones unknown to this version."""
        return named if named is not None and named in zone_names() else self.default_zone


class GreetingKey(NamedTuple):
    """Account and year: no second greeting in a year, even if the date of birth changes."""

    user_id: UserId
    year: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedGreeting:
    """A greeting for the birthday on `due_on`, due at `due_at`."""

    key: GreetingKey
    due_on: date
    due_at: datetime
    state: GreetingState = GreetingState.PLANNED
    reason: NotSentReason | None = None
    message_id: str | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Celebrant:
    """An active account with a birthday and greetings turned on."""

    user_id: UserId
    born: date
    time_zone: str | None


@dataclass(frozen=True, slots=True)
class CandidateQuery:
    """Accounts born on `month_day` before `day`, except in zones where no greeting is due."""

    day: date
    month_day: int
    idle_zones: Collection[str]
    default_zone: str


# Ports


class PlanningProgressStore(Protocol):
    """The time up to which greetings are planned."""

    async def planned_until(self) -> datetime | None:
        """Return the time, or None before the first planning."""

    async def set_planned_until(self, instant: datetime) -> None:
        """Save the time, truncated to seconds."""


class GreetingRepository(Protocol):
    """The greetings of accounts, one per year."""

    async def candidates(
        self, query: CandidateQuery, *, after: UUID | None, limit: int
    ) -> Sequence[Celebrant]:
        """List the accounts without a greeting for this day and year, by id.

        A greeting skipped for another day of the year does not count.
        """

    async def add(
        self, greetings: Sequence[PlannedGreeting], *, at: datetime
    ) -> Collection[UserId]:
        """Insert missing greetings of existing accounts; return the ids of these accounts."""

    async def lock(self, key: GreetingKey) -> PlannedGreeting | None:
        """Return the greeting, its row locked until the transaction ends."""

    async def park_open(self) -> int:
        """Mark all greetings without a final state as uncertain; return how many."""

    async def save(self, greeting: PlannedGreeting) -> None:
        """Update state, reason, Message-ID and time of sending."""


class GreetedUserReader(Protocol):
    """The accounts to greet."""

    async def get(self, user_id: UserId) -> User:
        """Return the account; raise UserNotFound."""


class GreetingTransaction(Protocol):
    """The repositories that greetings need in one transaction."""

    @property
    def greetings(self) -> GreetingRepository:
        """The greetings."""

    @property
    def planning(self) -> PlanningProgressStore:
        """The progress of planning."""

    @property
    def users(self) -> GreetedUserReader:
        """The accounts."""

    @property
    def jobs(self) -> JobQueue:
        """The jobs to enqueue."""
