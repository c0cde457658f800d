"""A year of greetings on a real database: its clock is ours, and its workers die at random."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from time import monotonic
from typing import Any, cast

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.job_completion import PostgresCompletion
from jubilee.adapters.postgres.jobs.due_jobs import PostgresDueJobs
from jubilee.adapters.postgres.jobs.store import PostgresJobStore
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Driver, Executor, Statement
from jubilee.adapters.postgres.transaction import WriteContext, transactions, views
from jubilee.domain.greetings.greeting import GreetingRules
from jubilee.domain.greetings.planning import GreetingPlanner
from jubilee.domain.greetings.sending import GreetingMail
from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.jobs.lease_keeper import LeaseKeeper
from jubilee.domain.jobs.runner import Runner
from jubilee.domain.mail import MailMessage, MailSender, MailService
from jubilee.domain.users.user import User
from tests.domain.greeting_harness import PlainTemplates
from tests.fakes.store import FakeClock

IMMORTAL = 1 << 30
LEASE = 30.0

# Who held a lease is dead; what waits for a later attempt waits no longer: hours have gone by.
TIME_FLIES = Statement.from_sql(
    """
    UPDATE jobs SET lease_until = now() - interval '1 s', run_at = now(), dispatched_at = NULL
    WHERE status IN ('queued', 'running') RETURNING id
    """
)
ROWS = Statement.from_sql("SELECT * FROM greetings ORDER BY user_id, year")


class Killed(BaseException):
    """The worker is gone: from here on it does nothing at all."""


@dataclass(slots=True)
class Life:
    """So many statements and messages are left to a worker."""

    left: int = IMMORTAL

    def step(self) -> None:
        """Raises Killed where none is."""
        self.left -= 1
        if self.left < 0:
            raise Killed


@dataclass(slots=True)
class MortalDriver:
    """A connection of a worker that may die before any statement."""

    driver: Driver
    life: Life

    async def fetch(self, query: str, *arguments: object) -> object:
        self.life.step()
        return await self.driver.fetch(query, *arguments)

    async def fetchrow(self, query: str, *arguments: object) -> object:
        self.life.step()
        return await self.driver.fetchrow(query, *arguments)

    async def execute(self, statement: str) -> object:
        self.life.step()
        return await self.driver.execute(statement)


@dataclass(slots=True)
class MortalPool:
    """The pool that all workers share, as one of them sees it."""

    pool: ConnectionPool
    life: Life

    @asynccontextmanager
    async def executor(self) -> AsyncIterator[Executor]:
        async with self.pool.connection() as driver:
            yield Executor(cast("Driver", MortalDriver(driver, self.life)))


@dataclass(slots=True)
class Sent:
    """A message, and when it went out."""

    message: MailMessage
    at: datetime


@dataclass(slots=True)
class MortalMailer(MailSender):
    """Death may come before a message is handed over, or right after it."""

    world: "World"
    life: Life

    async def send(self, message: MailMessage) -> None:
        self.life.step()
        self.world.sent.append(Sent(message, self.world.clock()))
        if self.world.deadly_messages:
            self.world.deadly_messages -= 1
            self.life.left = 0
        self.life.step()


@dataclass(slots=True)
class World:
    """Everybody's greetings, and the messages that went out."""

    pool: ConnectionPool
    rules: GreetingRules
    clock: FakeClock
    sent: list[Sent] = field(default_factory=list)
    deadly_messages: int = 0
    """So many of the next messages are the last deed of their worker."""

    async def add(self, *users: User) -> None:
        """Write the accounts."""
        write = transactions(self.pool, WriteContext(self.clock, new_id, lambda: None))
        async with write() as tx:
            for user in users:
                await tx.users.add(user)

    async def rows(self) -> list[Any]:
        """All greetings."""
        async with self.pool.connection() as driver:
            return await Executor(driver).all(ROWS)

    async def work(self, life: Life) -> bool:
        """One worker plans, then runs what is due; whether it lived to the end."""
        try:
            await self._work(MortalPool(self.pool, life), life)
        except (Killed, asyncio.CancelledError):  # what waits for a dead one's batch is cancelled
            assert life.left < 0
        return life.left >= 0

    async def pass_time(self) -> bool:
        """Leases end, and what waits is due; whether there is anything still to be done."""
        async with self.pool.connection() as driver:
            waiting = await Executor(driver).all(TIME_FLIES)
        await PostgresDueJobs(self.pool).expire_leases(limit=1000)
        return bool(waiting)

    async def settle(self, lives: list[Life]) -> None:
        """Workers at once; then others, until one has lived and nothing is left to do."""
        lived = await asyncio.gather(*(self.work(life) for life in lives))
        if not all(lived):
            while await self.pass_time() or not any(lived):
                lived = [await self.work(Life())]

    async def _work(self, pool: Any, life: Life) -> None:
        write_context = WriteContext(self.clock, new_id, lambda: None)
        write, read = transactions(pool, write_context), views(pool, write_context)
        await GreetingPlanner(write, read, self.rules, self.clock, new_id).plan()
        post = MailService(MortalMailer(self, life), PlainTemplates(), "example.com")
        kinds = JobKinds([GreetingMail(post, write, self.rules, self.clock)])
        claims = PostgresJobStore(pool, worker_id=new_id(), lease=LEASE, kinds=kinds.names)
        runner = Runner(
            claims,
            kinds,
            PostgresCompletion(write),
            LeaseKeeper(claims, LEASE, monotonic),
            Random().random,
        )
        for dispatch in await PostgresDueJobs(pool).mark_due(kinds.names, limit=100):
            await runner.run(dispatch.reference)


def state_of(rows: list[Any]) -> dict[Any, str]:
    """The state of each person's one greeting."""
    states = {row["user_id"]: row["state"] for row in rows}
    assert len(states) == len(rows)
    return states
