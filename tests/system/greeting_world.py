"""Simulated greetings on a real database: a fake clock, and workers that die at random."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from time import monotonic
from typing import Any, cast

from jubilee.adapters.ids import new_id
from jubilee.adapters.mail.none import NoMailSender
from jubilee.adapters.postgres.deadlines import Deadline
from jubilee.adapters.postgres.job_completion import PostgresCancellation, PostgresCompletion
from jubilee.adapters.postgres.jobs.due_jobs import PostgresDueJobs
from jubilee.adapters.postgres.jobs.store import PostgresJobStore
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Driver, Executor, Statement
from jubilee.adapters.postgres.transaction import PostgresTransaction, transactions, views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.greetings.greeting import GreetingRules
from jubilee.domain.greetings.planning import GREETING, GreetingPlanner
from jubilee.domain.greetings.sending import GreetingMail
from jubilee.domain.jobs.cancellation import JobCanceller
from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.jobs.lease_keeper import LeaseKeeper
from jubilee.domain.jobs.runner import Runner
from jubilee.domain.jobs.sweeper import LeaseSweeper
from jubilee.domain.mail import MailMessage, MailSender, MailService
from jubilee.domain.transaction import Begin
from jubilee.domain.users.user import User
from jubilee.observation.storage import PoolObserver
from tests.domain.greeting_harness import OPT_OUT, PlainTemplates
from tests.fakes.store import FakeClock

IMMORTAL = 1 << 30
LEASE = 30.0

# Hours have passed: leases have expired, and delayed attempts are due.
TIME_FLIES = Statement.from_sql(
    """
    UPDATE jobs SET lease_until = now() - interval '1 s', run_at = now(), dispatched_at = NULL
    WHERE status IN ('queued', 'running') RETURNING id
    """
)
ROWS = Statement.from_sql("SELECT * FROM greetings ORDER BY user_id, year")


class Killed(BaseException):
    """Raised to end a worker at once, as kill -9 does."""


@dataclass(slots=True)
class Lifetime:
    """The number of statements and messages until a worker is killed."""

    left: int = IMMORTAL

    def step(self) -> None:
        """Count one step; raise Killed when none is left."""
        self.left -= 1
        if self.left < 0:
            raise Killed


@dataclass(slots=True)
class KillableDriver:
    """A connection of a worker that may be killed before any statement."""

    driver: Driver
    lifetime: Lifetime

    async def fetch(self, query: str, *arguments: object) -> object:
        self.lifetime.step()
        return await self.driver.fetch(query, *arguments)

    async def fetchrow(self, query: str, *arguments: object) -> object:
        self.lifetime.step()
        return await self.driver.fetchrow(query, *arguments)

    async def execute(self, statement: str) -> object:
        self.lifetime.step()
        return await self.driver.execute(statement)


@dataclass(slots=True)
class KillablePool:
    """The shared pool, as a worker that may be killed uses it."""

    pool: ConnectionPool
    lifetime: Lifetime

    @asynccontextmanager
    async def executor(self) -> AsyncIterator[Executor]:
        async with self.pool.connection() as driver:
            yield Executor(cast("Driver", KillableDriver(driver, self.lifetime)))

    @property
    def observer(self) -> PoolObserver:
        return self.pool.observer

    def begin(self) -> Deadline:
        return self.pool.begin()

    def end(self, deadline: Deadline) -> None:
        self.pool.end(deadline)


@dataclass(slots=True)
class Sent:
    """A message and the time at which it was sent."""

    message: MailMessage
    at: datetime


@dataclass(slots=True)
class KillableMailSender(MailSender):
    """A mail sender whose worker may be killed before or right after sending."""

    simulation: "GreetingSimulation"
    lifetime: Lifetime
    keeper: LeaseKeeper | None = None

    async def send(self, message: MailMessage) -> None:
        self.lifetime.step()
        if self.simulation.before_send is not None and self.keeper is not None:
            await self.simulation.before_send(self.keeper)
        self.simulation.sent.append(Sent(message, self.simulation.clock()))
        if self.simulation.deadly_messages:
            self.simulation.deadly_messages -= 1
            self.lifetime.left = 0
        self.lifetime.step()


@dataclass(slots=True)
class GreetingSimulation:
    """Accounts, their greetings and the messages sent."""

    pool: ConnectionPool
    rules: GreetingRules
    clock: FakeClock
    sent: list[Sent] = field(default_factory=list)
    deadly_messages: int = 0
    """The number of next messages after which their worker is killed."""
    before_send: Callable[[LeaseKeeper], Awaitable[None]] | None = None
    """Called before each message with the lease keeper of its worker."""

    async def add(self, *users: User) -> None:
        """Store the accounts."""
        write = transactions(self.pool, WriteContext(self.clock, new_id, lambda: None))
        async with write() as tx:
            for user in users:
                await tx.users.add(user)

    async def rows(self) -> list[Any]:
        """Return all greetings."""
        async with self.pool.connection() as driver:
            return await Executor(driver).all(ROWS)

    async def work(self, lifetime: Lifetime) -> bool:
        """Run one worker, which plans and runs due jobs; return whether it survived."""
        try:
            await self._work(KillablePool(self.pool, lifetime), lifetime)
        except (
            Killed,
            asyncio.CancelledError,
        ):  # waiting for the batch of a killed worker is cancelled
            assert lifetime.left < 0
        return lifetime.left >= 0

    async def plan(self, pool: Any = None) -> None:
        """Plan the greetings that are due; `pool` is that of a worker."""
        write_context = WriteContext(self.clock, new_id, lambda: None)
        pool = pool or self.pool
        write, read = transactions(pool, write_context), views(pool, write_context)
        await GreetingPlanner(write, read, self.rules, self.clock, new_id).plan()

    async def pass_time(self) -> bool:
        """Expire leases and make delayed jobs due; return whether any job is left."""
        async with self.pool.connection() as driver:
            waiting = await Executor(driver).all(TIME_FLIES)
        await self.sweep()
        return bool(waiting)

    async def sweep(self) -> None:
        """End or queue again the jobs whose lease has expired."""
        write = transactions(self.pool, WriteContext(self.clock, new_id, lambda: None))
        kinds = JobKinds([self.kind(write)])
        canceller = JobCanceller(kinds, PostgresCancellation(write))
        await LeaseSweeper(PostgresDueJobs(self.pool), canceller).sweep(limit=1000)

    async def run_until_idle(self, lifetimes: list[Lifetime]) -> None:
        """Run these workers at once, then others until no job is left."""
        lived = await asyncio.gather(*(self.work(lifetime) for lifetime in lifetimes))
        if not all(lived):
            while await self.pass_time() or not any(lived):
                lived = [await self.work(Lifetime())]

    def kind(
        self, write: Begin[PostgresTransaction], sender: MailSender | None = None
    ) -> GreetingMail:
        """Build the job kind; by default its mail cannot be sent."""
        mail = MailService(sender or NoMailSender(), PlainTemplates(), "example.com")
        return GreetingMail(mail, write, self.rules, self.clock, OPT_OUT)

    async def _work(self, pool: Any, lifetime: Lifetime) -> None:
        await self.plan(pool)
        context = WriteContext(self.clock, new_id, lambda: None)
        write = transactions(pool, context)
        claims = PostgresJobStore(pool, worker_id=new_id(), lease=LEASE, kinds=[GREETING])
        keeper = LeaseKeeper(claims, LEASE, monotonic)
        kinds = JobKinds([self.kind(write, KillableMailSender(self, lifetime, keeper))])
        runner = Runner(
            claims,
            kinds,
            PostgresCompletion(pool, context),
            JobCanceller(kinds, PostgresCancellation(write)),
            keeper,
            Random().random,
        )
        for dispatch in await PostgresDueJobs(pool).mark_due(kinds.names, limit=100):
            await runner.run(dispatch.reference)


def state_of(rows: list[Any]) -> dict[Any, str]:
    """Return the state of the only greeting of each account."""
    states = {row["user_id"]: row["state"] for row in rows}
    assert len(states) == len(rows)
    return states
