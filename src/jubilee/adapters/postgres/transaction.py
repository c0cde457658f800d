"""One transaction, whose attributes are the repositories; it satisfies every feature's protocol."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from jubilee.adapters.postgres.birthdays import PostgresBirthdays
from jubilee.adapters.postgres.events import PostgresEvents
from jubilee.adapters.postgres.greetings import PostgresGreetings
from jubilee.adapters.postgres.items import PostgresItems
from jubilee.adapters.postgres.jobs import PostgresJobs
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.sessions import PostgresSessions
from jubilee.adapters.postgres.statement import Driver, Executor
from jubilee.adapters.postgres.tasks import PostgresTasks
from jubilee.adapters.postgres.users import PostgresUsers
from jubilee.domain.clock import Clock
from jubilee.domain.identity import NewId
from jubilee.domain.jobs.claims import Dispatch
from jubilee.domain.transaction import Begin

Announce: TypeAlias = Callable[[Iterable[Dispatch]], None]
"""Hears of jobs that have been committed; must not wait and must not fail."""


# A frozen process must not hold its locks for ever; ours are never idle for so long.
BEGIN = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '30s'"


class RolledBack(Exception):
    """A statement had failed, whoever sent it went on, and nothing was written."""


def nobody(_: Iterable[Dispatch]) -> None:
    """Where no courier is at hand, the relay finds the jobs."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every row that a transaction leaves is marked with."""

    clock: Clock
    new_id: NewId
    correlation_id: Callable[[], str | None]
    announce: Announce = nobody


@dataclass(frozen=True, slots=True)
class PostgresTransaction:
    """The repositories that share a connection."""

    executor: Executor
    stamp: Stamp
    asked: list[Dispatch] = field(default_factory=list)
    """The jobs that are due at once; told to the courier after the commit, never before."""

    @property
    def users(self) -> PostgresUsers:
        """The accounts."""
        return PostgresUsers(self.executor, self.stamp.new_id)

    @property
    def sessions(self) -> PostgresSessions:
        """The sessions."""
        return PostgresSessions(self.executor)

    @property
    def birthdays(self) -> PostgresBirthdays:
        """The birthdays."""
        return PostgresBirthdays(self.executor)

    @property
    def greetings(self) -> PostgresGreetings:
        """The birthday greetings."""
        return PostgresGreetings(self.executor)

    @property
    def items(self) -> PostgresItems:
        """The items."""
        return PostgresItems(self.executor)

    @property
    def events(self) -> PostgresEvents:
        """The outbox of facts."""
        stamp = self.stamp
        return PostgresEvents(self.executor, stamp.clock, stamp.new_id, stamp.correlation_id())

    @property
    def jobs(self) -> PostgresJobs:
        """The work that is wanted once this commits."""
        return PostgresJobs(self.executor, self.stamp.correlation_id(), self.asked)

    @property
    def tasks(self) -> PostgresTasks:
        """The work that people ask for."""
        return PostgresTasks(self.executor, self.stamp.correlation_id(), self.asked)


def views(pool: ConnectionPool, stamp: Stamp) -> Begin[PostgresTransaction]:
    """Reads in autocommit: every statement sees what is committed, none pays for a BEGIN."""

    @asynccontextmanager
    async def begin() -> AsyncIterator[PostgresTransaction]:
        async with pool.executor() as executor:
            yield PostgresTransaction(executor, stamp)

    return begin


def transactions(pool: ConnectionPool, stamp: Stamp) -> Begin[PostgresTransaction]:
    """READ COMMITTED; commits on a clean exit, rolls back on an exception."""

    @asynccontextmanager
    async def begin() -> AsyncIterator[PostgresTransaction]:
        asked: list[Dispatch] = []
        async with pool.executor() as executor, _transaction(executor.driver):
            yield PostgresTransaction(executor, stamp, asked)
        stamp.announce(asked)

    return begin


@asynccontextmanager
async def _transaction(driver: Driver) -> AsyncIterator[None]:
    """Unlike the driver's own, it sends no ROLLBACK once cancelled: a hung server would hold us.

    And it hears when the server rolls back instead, because a statement's error was passed over.
    """
    await driver.execute(BEGIN)
    try:
        yield
    except Exception:
        await driver.execute("ROLLBACK")
        raise
    if await driver.execute("COMMIT") != "COMMIT":
        raise RolledBack
