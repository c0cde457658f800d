"""Greetings in memory."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from jubilee.domain.greetings.greeting import (
    Celebrant,
    Greeting,
    GreetingKey,
    GreetingRepository,
    GreetingState,
    Sought,
)
from jubilee.domain.identity import UserId
from jubilee.domain.users import User


@dataclass(slots=True)
class FakeGreetings(GreetingRepository):
    """By person and year; the store says which accounts there are."""

    accounts: Mapping[UserId, User] = field(default_factory=dict)
    rows: dict[GreetingKey, Greeting] = field(default_factory=dict)
    progress: datetime | None = None

    async def planned_until(self) -> datetime | None:
        return self.progress

    async def set_planned_until(self, instant: datetime) -> None:
        self.progress = instant.replace(microsecond=0)

    async def candidates(
        self, sought: Sought, *, after: UUID | None, limit: int
    ) -> Sequence[Celebrant]:
        wanting = [
            Celebrant(user.id, user.date_of_birth, user.time_zone)
            for _, user in sorted(self.accounts.items())
            if user.is_active and user.birthday_greeting and user.date_of_birth
        ]
        found = [
            person
            for person in wanting
            if sought.covers(person)
            and (after is None or person.user_id > after)
            and self._is_open(GreetingKey(person.user_id, sought.day.year), sought.day)
        ]
        return found[:limit]

    async def add(self, greetings: Sequence[Greeting], *, at: datetime) -> Collection[UserId]:
        new = [
            one
            for one in greetings
            if one.key.user_id in self.accounts and self._is_open(one.key, one.due_on)
        ]
        self.rows.update({one.key: one for one in new})
        return {one.key.user_id for one in new}

    async def lock(self, key: GreetingKey) -> Greeting | None:
        return self.rows.get(key)

    async def save(self, greeting: Greeting) -> None:
        known = self.rows[greeting.key]
        self.rows[greeting.key] = replace(greeting, due_on=known.due_on, due_at=known.due_at)

    async def count(self, first: date, last: date) -> Mapping[GreetingState, int]:
        counted = Counter(g.state for g in self.rows.values() if first <= g.due_on <= last)
        return {state: counted[state] for state in GreetingState}

    def among(self, accounts: Mapping[UserId, User]) -> "FakeGreetings":
        """These, of the accounts that there are now."""
        self.accounts = accounts
        return self

    def copied(self) -> "FakeGreetings":
        """The same rows, which change apart from these."""
        return replace(self, rows=dict(self.rows))

    def drop_account(self, user_id: UserId) -> None:
        """An account was removed."""
        self.rows = {key: row for key, row in self.rows.items() if key.user_id != user_id}

    def _is_open(self, key: GreetingKey, day: date) -> bool:
        known = self.rows.get(key)
        if known is None:
            return True
        return known.state is GreetingState.SKIPPED and known.due_on != day
