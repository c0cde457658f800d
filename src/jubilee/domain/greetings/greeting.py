"""A greeting: one row a person and year, which knows how far it has come; the ports around it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import NamedTuple, Protocol
from uuid import UUID

from jubilee.domain.calendar import LeapDayRule, zone_names
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.queue import JobQueue
from jubilee.domain.users import User


class GreetingState(Enum):
    """How far a greeting is; the last three are ends."""

    PLANNED = "planned"
    SENDING = "sending"  # from here on it may have been sent
    SENT = "sent"
    UNCERTAIN = "uncertain"  # nobody knows whether it was sent, and it is not sent again
    SKIPPED = "skipped"  # surely not sent; `reason` says why


class NotSentReason(Enum):
    """Why a greeting was not sent."""

    LATE = "late"  # more than a day past its moment: nothing ran, or no mail went out
    UNWANTED = "unwanted"  # turned off, disabled, cancelled, or not this day any more
    REFUSED = "refused"  # the mail server will never take it


class UnknownOutcomePolicy(Enum):
    """What becomes of a greeting that may have been sent."""

    PARK = "park"
    RESEND = "resend"  # with the same Message-ID


@dataclass(frozen=True, slots=True, kw_only=True)
class GreetingRules:
    """`home` is the zone of whoever named none; `hour` is the one of the local day."""

    default_zone: str = "UTC"
    leap_day: LeapDayRule = LeapDayRule.MAR1
    hour: int = 9
    on_unknown: UnknownOutcomePolicy = UnknownOutcomePolicy.PARK

    def zone(self, named: str | None) -> str:
        """Whose clock somebody lives by; a newer version's zones may be unknown to this one."""
        return named if named is not None and named in zone_names() else self.default_zone


class GreetingKey(NamedTuple):
    """Nobody is greeted twice in a year, whatever becomes of their date of birth."""

    user_id: UserId
    year: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedGreeting:
    """A greeting for the birthday on the day `due_on`, whose moment is `due_at`."""

    key: GreetingKey
    due_on: date
    due_at: datetime
    state: GreetingState = GreetingState.PLANNED
    reason: NotSentReason | None = None
    message_id: str | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Celebrant:
    """An account that wants to be greeted."""

    user_id: UserId
    born: date
    time_zone: str | None


@dataclass(frozen=True, slots=True)
class CandidateQuery:
    """Who was born on `month_day` before the `day`, but for those in zones where nobody is due."""

    day: date
    month_day: int
    idle_zones: Collection[str]
    default_zone: str

    def covers(self, person: Celebrant) -> bool:
        """Whether this is one of them."""
        born = person.born
        return (
            born.month * 100 + born.day == self.month_day
            and born < self.day
            and (person.time_zone or self.default_zone) not in self.idle_zones
        )


class GreetingRepository(Protocol):
    """The greetings, and the instant up to which they are planned."""

    async def planned_until(self) -> datetime | None:
        """Everybody whose moment came earlier was seen to; None before the very first time."""

    async def set_planned_until(self, instant: datetime) -> None:
        """Whole seconds of it are kept."""

    async def candidates(
        self, query: CandidateQuery, *, after: UUID | None, limit: int
    ) -> Sequence[Celebrant]:
        """Active accounts that want a greeting and have none for this day or year, by id.

        One that was skipped for another day of the year does not count.
        """

    async def add(
        self, greetings: Sequence[PlannedGreeting], *, at: datetime
    ) -> Collection[UserId]:
        """Insert those that are still missing, of accounts that are still there; whose."""

    async def lock(self, key: GreetingKey) -> PlannedGreeting | None:
        """The greeting, which nobody changes until the end of the transaction."""

    async def save(self, greeting: PlannedGreeting) -> None:
        """Write its state, reason, Message-ID and time of sending."""

    async def count(self, first: date, last: date) -> Mapping[GreetingState, int]:
        """How many there are in each state, among those due from the first to the last day."""


class GreetedUsers(Protocol):
    """What greetings need of accounts."""

    async def get(self, user_id: UserId) -> User:
        """Raises UserNotFound."""


class GreetingTransaction(Protocol):
    """What greetings need of a transaction."""

    @property
    def greetings(self) -> GreetingRepository:
        """The greetings."""

    @property
    def users(self) -> GreetedUsers:
        """The accounts."""

    @property
    def jobs(self) -> JobQueue:
        """The work that is wanted."""
