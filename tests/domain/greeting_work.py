"""What the tests of greetings begin with."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from jubilee.domain.greetings.greeting import (
    GreetingKey,
    GreetingRules,
    GreetingState,
    PlannedGreeting,
)
from jubilee.domain.greetings.planning import GreetingPlanner
from jubilee.domain.greetings.sending import GreetingMail
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import JobContext
from jubilee.domain.mail import MailMessage, MailSender, MailService, MailTemplates, RenderedMail
from tests.domain.birthday_service import an_account
from tests.fakes.store import FakeStore, FakeTransaction, fresh_id


@dataclass(slots=True)
class Mailbox(MailSender):
    """Keeps what is sent; refuses with what a test puts into `refusals`, one a message."""

    sent: list[MailMessage] = field(default_factory=list)
    refusals: list[Exception] = field(default_factory=list)

    async def send(self, message: MailMessage) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.sent.append(message)


class PlainTemplates(MailTemplates):
    """Says the template's name, and whom it speaks to."""

    def render(self, name: str, /, **values: object) -> RenderedMail:
        return RenderedMail(name, f"{name} {values['name']}", None)


@dataclass(slots=True)
class Work:
    """A planner and a sender over one store."""

    store: FakeStore
    rules: GreetingRules = field(default_factory=GreetingRules)
    mailbox: Mailbox = field(default_factory=Mailbox)
    domain: str = "example.com"
    results: list[Mapping[str, object] | None] = field(default_factory=list)
    lost: Exception | None = None
    """What opening the end raises, where a test wants the job to be somebody else's."""

    async def born(self, born: date, zone: str | None = None, **profile: Any) -> UserId:
        """Somebody new."""
        principal = await an_account(
            self.store, profile.pop("name", None), date_of_birth=born, time_zone=zone, **profile
        )
        return principal.user_id

    async def plan(self, at: datetime | None = None) -> int:
        """One tick, at the instant to which the clock is set."""
        if at is not None:
            self.store.clock.now = at
        write, read = self.store.transaction, self.store.view
        return await GreetingPlanner(write, read, self.rules, self.store.clock, fresh_id).plan()

    async def send(self, user_id: UserId, year: int = 2026) -> None:
        """Run the job, as a worker does."""
        post = MailService(self.mailbox, PlainTemplates(), self.domain)
        kind = GreetingMail(post, self.store.transaction, self.rules, self.store.clock)
        payload = kind.read({"user_id": str(user_id), "year": year})
        claim = JobContext(
            fresh_id(), 1, 1, user_id, by_admin=False, payload=payload, report=_unheard
        )
        await kind.run(claim, self._finish)

    async def change(self, user_id: UserId, **profile: Any) -> None:
        """Write other values into an account."""
        async with self.store.transaction() as tx:
            await tx.users.save(replace(await tx.users.get(user_id), **profile))

    def greeting(self, user_id: UserId, year: int = 2026) -> PlannedGreeting:
        """The row."""
        return self.store.greetings.rows[GreetingKey(user_id, year)]

    def states(self) -> list[GreetingState]:
        """Of all rows, as they were made."""
        return [row.state for row in self.store.greetings.rows.values()]

    @asynccontextmanager
    async def _finish(
        self, result: Mapping[str, object] | None = None
    ) -> AsyncIterator[FakeTransaction]:
        if self.lost is not None:
            raise self.lost
        async with self.store.transaction() as tx:
            yield tx
        self.results.append(result)


async def _unheard(_: Mapping[str, object]) -> None:
    return None
