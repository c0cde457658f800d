"""Greetings in memory."""

from collections.abc import Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from jubilee.domain.greetings.greeting import (
    CandidateQuery,
    Celebrant,
    GreetingKey,
    GreetingRepository,
    GreetingState,
    PlannedGreeting,
    PlanningProgressStore,
)
from jubilee.domain.identity import UserId
from jubilee.domain.users.user import User
from tests.fakes.rows import FakeUnitOfWork


@dataclass(slots=True)
class FakeGreetings(GreetingRepository, PlanningProgressStore):
    """Greetings by account and year; `accounts` are those of the store."""

    accounts: Mapping[UserId, User] = field(default_factory=dict)
    rows: MutableMapping[GreetingKey, PlannedGreeting] = field(default_factory=dict)
    progress: datetime | None = None
    unit: FakeUnitOfWork = field(default_factory=FakeUnitOfWork)

    async def planned_until(self) -> datetime | None:
        return self.progress

    async def set_planned_until(self, instant: datetime) -> None:
        self.progress = instant.replace(microsecond=0)

    async def candidates(
        self, query: CandidateQuery, *, after: UUID | None, limit: int
    ) -> Sequence[Celebrant]:
        subscribed = [
            Celebrant(user.id, user.date_of_birth, user.time_zone)
            for _, user in sorted(self.accounts.items())
            if user.is_active and user.birthday_greeting and user.date_of_birth
        ]
        found = [
            person
            for person in subscribed
            if _covers(query, person)
            and (after is None or person.user_id > after)
            and self._is_open(GreetingKey(person.user_id, query.day.year), query.day)
        ]
        return found[:limit]

    async def add(
        self, greetings: Sequence[PlannedGreeting], *, at: datetime
    ) -> Collection[UserId]:
        for one in sorted(greetings, key=lambda one: one.key.user_id):
            await self.unit.hold("owner", one.key.user_id, shared=True)
            await self.unit.hold("greeting", one.key)
        new = [
            one
            for one in greetings
            if one.key.user_id in self.accounts and self._is_open(one.key, one.due_on)
        ]
        self.rows.update({one.key: one for one in new})
        return {one.key.user_id for one in new}

    async def lock(self, key: GreetingKey) -> PlannedGreeting | None:
        await self.unit.hold("greeting", key)
        return self.rows.get(key)

    async def save(self, greeting: PlannedGreeting) -> None:
        await self.unit.hold("greeting", greeting.key)
        known = self.rows.get(greeting.key)
        if known is not None:
            self.rows[greeting.key] = replace(greeting, due_on=known.due_on, due_at=known.due_at)

    async def park_open(self) -> int:
        states = {GreetingState.PLANNED, GreetingState.SENDING}
        found = [key for key, row in self.rows.items() if row.state in states]
        for key in found:
            self.rows[key] = replace(self.rows[key], state=GreetingState.UNCERTAIN)
        return len(found)

    def delete_account(self, user_id: UserId) -> None:
        """Delete the rows of an account."""
        for key in [key for key in self.rows if key.user_id == user_id]:
            del self.rows[key]

    def _is_open(self, key: GreetingKey, day: date) -> bool:
        known = self.rows.get(key)
        if known is None:
            return True
        return known.state is GreetingState.SKIPPED and known.due_on != day


def _covers(query: CandidateQuery, person: Celebrant) -> bool:
    born = person.born
    return (
        born.month * 100 + born.day == query.month_day
        and born < query.day
        and (person.time_zone or query.default_zone) not in query.idle_zones
    )
