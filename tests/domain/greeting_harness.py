"""A greeting planner and a greeting job over the fakes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from jubilee.adapters.ids import new_id
from jubilee.domain.greetings.greeting import (
    GreetingKey,
    GreetingRules,
    GreetingState,
    PlannedGreeting,
)
from jubilee.domain.greetings.opt_out import OptOutTokens
from jubilee.domain.greetings.planning import GreetingPlanner
from jubilee.domain.greetings.sending import GreetingMail
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import JobContext
from jubilee.domain.mail import MailMessage, MailSender, MailService, MailTemplates, RenderedMail
from tests.domain.birthday_service import add_account
from tests.fakes.store import FakeStore, FakeTransaction

OPT_OUT = OptOutTokens(b"l" * 32)


@dataclass(slots=True)
class Mailbox(MailSender):
    """Record the messages sent; raise the errors in `refusals` first, one a message."""

    sent: list[MailMessage] = field(default_factory=list)
    refusals: list[Exception] = field(default_factory=list)

    async def send(self, message: MailMessage) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.sent.append(message)


class PlainTemplates(MailTemplates):
    """Render the template's name and the addressee's."""

    def render(self, name: str, language: str | None, /, **values: object) -> RenderedMail:
        return RenderedMail(name, f"{name} {values['name']}", None)


@dataclass(slots=True)
class GreetingHarness:
    """A planner and a sending job over one store."""

    store: FakeStore
    rules: GreetingRules = field(default_factory=GreetingRules)
    mailbox: Mailbox = field(default_factory=Mailbox)
    domain: str = "example.com"
    results: list[Mapping[str, object] | None] = field(default_factory=list)
    completion_error: Exception | None = None
    """Raised when the job opens its completion, as if another worker held the lease."""

    async def add_person(self, born: date, zone: str | None = None, **profile: Any) -> UserId:
        """Add an account with this date of birth."""
        principal = await add_account(
            self.store, profile.pop("name", None), date_of_birth=born, time_zone=zone, **profile
        )
        return principal.user_id

    async def plan(self, at: datetime | None = None) -> int:
        """Run the planner once, with the clock set to `at`."""
        if at is not None:
            self.store.clock.now = at
        return await self._planner.plan()

    async def park(self, until: datetime) -> int:
        """Park what may have been sent before `until`, as after a restore."""
        return await self._planner.park(until)

    async def send(self, user_id: UserId, year: int = 2026) -> None:
        """Run the job, as a worker does."""
        kind = self._kind
        payload = kind.read({"user_id": str(user_id), "year": year})
        job = JobContext(
            new_id(), 1, 1, user_id, by_admin=False, payload=payload, report=_ignore_progress
        )
        await kind.run(job, self._open_completion)

    async def close(self, data: Mapping[str, object]) -> None:
        """Cancel the job."""
        async with self.store.transaction() as tx:
            await self._kind.close(data, tx)

    @property
    def _kind(self) -> GreetingMail:
        mail = MailService(self.mailbox, PlainTemplates(), self.domain)
        return GreetingMail(mail, self.store.transaction, self.rules, self.store.clock, OPT_OUT)

    async def change(self, user_id: UserId, **profile: Any) -> None:
        """Update fields of an account."""
        async with self.store.transaction() as tx:
            await tx.users.save(replace(await tx.users.get(user_id, lock=True), **profile))

    def greeting(self, user_id: UserId, year: int = 2026) -> PlannedGreeting:
        """Return the stored greeting."""
        return self.store.greetings.rows[GreetingKey(user_id, year)]

    def states(self) -> list[GreetingState]:
        """Return the states of all greetings in the order of creation."""
        return [row.state for row in self.store.greetings.rows.values()]

    @property
    def _planner(self) -> GreetingPlanner:
        write, read = self.store.transaction, self.store.view
        return GreetingPlanner(write, read, self.rules, self.store.clock, new_id)

    @asynccontextmanager
    async def _open_completion(
        self, result: Mapping[str, object] | None = None
    ) -> AsyncIterator[FakeTransaction]:
        if self.completion_error is not None:
            raise self.completion_error
        async with self.store.transaction() as tx:
            yield tx
        self.results.append(result)


async def _ignore_progress(_: Mapping[str, object]) -> None:
    return None
