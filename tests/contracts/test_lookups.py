"""Rows that concurrent requests find by their keys: one statement, and what each of them gets."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextvars import ContextVar
from time import monotonic

import asyncpg
import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.caller import CurrentCaller
from jubilee.adapters.postgres.lookups import MAX_KEYS, Lookups
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Driver, KeyedStatement
from jubilee.adapters.postgres.transaction import views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.errors import Unavailable
from jubilee.observation.storage import NoPoolObserver, StatementInfo
from tests.fakes.store import FakeClock

deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)
LOCK = 7


def keyed(rows: str) -> KeyedStatement:
    sql = f"SELECT key, {rows} FROM unnest($1::int[]) AS key"
    return KeyedStatement(sql, ("keys",), {}, key="key")


EVEN = keyed("2 * key AS twice")
LOCKED = keyed(f"pg_advisory_xact_lock_shared({LOCK})")
FAILING = keyed("1 / (key - key) AS nothing")


class Observer(NoPoolObserver):
    """Counts statements, and the callers that shared one."""

    def __init__(self) -> None:
        self.statements = self.callers = 0
        self.failures: list[str] = []

    def executed(self, *_: object) -> None:
        self.statements += 1

    def shared(self, statement: StatementInfo, seconds: float, error: BaseException | None) -> None:
        self.callers += 1

    def failed(self, reason: str) -> None:
        self.failures.append(reason)


@pytest.fixture
def observer() -> Observer:
    return Observer()


@pytest.fixture
async def shared(database_url: str, observer: Observer) -> AsyncIterator[ConnectionPool]:
    """Connections of which each caller's deadline is its own."""
    pool = ConnectionPool(
        database_url, size=3, timeout=30, observer=observer, caller=CurrentCaller(deadline.get)
    )
    yield pool
    await pool.close()


@pytest.fixture
def lookups(shared: ConnectionPool) -> Lookups:
    return Lookups(shared)


@pytest.fixture
async def lock(shared: ConnectionPool) -> AsyncIterator[Driver]:
    """A connection that holds what the statement LOCKED waits for."""
    async with shared.connection() as driver:
        await driver.execute(f"SELECT pg_advisory_lock({LOCK})")
        yield driver
        await driver.execute(f"SELECT pg_advisory_unlock({LOCK})")


async def twice(lookups: Lookups, number: int) -> int | None:
    row = await lookups.find(EVEN, number)
    return None if row is None else row["twice"]


async def wait_late(lookups: Lookups) -> None:
    deadline.set(monotonic() + 0.1)
    await lookups.find(LOCKED, 1)


async def test_lookups_of_one_turn_share_a_statement(lookups: Lookups, observer: Observer) -> None:
    found = await asyncio.gather(*(twice(lookups, number) for number in (3, 1, 2, 1)))
    assert found == [6, 2, 4, 2]
    assert (observer.statements, observer.callers) == (1, 4)


async def test_a_key_without_a_row_finds_nothing(lookups: Lookups) -> None:
    some = KeyedStatement(f"{EVEN.sql} WHERE key > 1", ("keys",), {}, key="key")
    none, row = await asyncio.gather(lookups.find(some, 1), lookups.find(some, 2))
    assert none is None
    assert row is not None


async def test_a_statement_has_a_limited_number_of_keys(
    lookups: Lookups, observer: Observer
) -> None:
    numbers = range(MAX_KEYS + 1)
    found = await asyncio.gather(*(twice(lookups, number) for number in numbers))
    assert found == [2 * number for number in numbers]
    assert observer.statements == 2


async def test_a_statement_that_waits_delays_no_other(lookups: Lookups, lock: Driver) -> None:
    waiting = asyncio.create_task(lookups.find(LOCKED, 1))
    await asyncio.sleep(0)
    assert await twice(lookups, 4) == 8
    assert not waiting.done()
    await lock.execute(f"SELECT pg_advisory_unlock({LOCK})")
    assert await waiting is not None


async def test_each_caller_waits_until_its_own_deadline(
    lookups: Lookups, lock: Driver, observer: Observer
) -> None:
    patient = asyncio.create_task(lookups.find(LOCKED, 2))
    with pytest.raises(Unavailable):
        await asyncio.create_task(wait_late(lookups))
    assert observer.failures == ["no answer in time"]
    assert not patient.done()
    await lock.execute(f"SELECT pg_advisory_unlock({LOCK})")
    assert await patient is not None


async def test_after_its_deadline_a_caller_asks_for_nothing(
    lookups: Lookups, observer: Observer
) -> None:
    deadline.set(monotonic() - 1)
    with pytest.raises(Unavailable):
        await lookups.find(EVEN, 1)
    assert observer.statements == 0


async def test_a_cancelled_caller_takes_nothing_from_the_others(lookups: Lookups) -> None:
    leaving, staying = (asyncio.create_task(twice(lookups, number)) for number in (1, 2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 4
    assert leaving.cancelled()


async def test_a_failure_meets_all_that_share_the_statement(lookups: Lookups) -> None:
    calls = (lookups.find(FAILING, number) for number in (1, 2))
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(error) for error in found] == [asyncpg.DivisionByZeroError] * 2
    assert await twice(lookups, 1) == 2


async def test_a_view_holds_no_connection(shared: ConnectionPool) -> None:
    read = views(shared, WriteContext(FakeClock(), new_id, lambda: None))
    async with read() as view:
        assert await view.birthdays.find("zoe") is None
        assert (shared.used, shared.idle) == (0, 1)
