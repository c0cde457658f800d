"""Statements that concurrent calls share: what they run, and what each of the callers gets."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextvars import ContextVar
from time import monotonic

import asyncpg
import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres import shared_statements
from jubilee.adapters.postgres.caller import CurrentCaller
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.shared_statements import MAX_KEYS, SharedStatements
from jubilee.adapters.postgres.statement import Driver, DriverSql, KeyedStatement, numbered
from jubilee.adapters.postgres.transaction import views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.errors import Unavailable
from jubilee.observation.storage import NoPoolObserver, StatementInfo
from tests.fakes.store import FakeClock

deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)
LOCK = 7


def keyed(rows: str, where: str = "true") -> KeyedStatement:
    sql = f"SELECT key, {rows} FROM unnest($1::int[]) AS key WHERE {where}"
    return KeyedStatement(lambda: DriverSql(sql, ("keys",), {}), key="key")


EVEN = keyed("2 * key AS twice")
LOCKED = keyed(f"pg_advisory_xact_lock_shared({LOCK})")
FAILING = keyed("1 / (key - key) AS nothing")
COUNTED = keyed("cardinality($1) AS number")
NAMED = KeyedStatement(
    lambda: numbered("""
        SELECT key, name
        FROM unnest(CAST(:keys AS int[]), CAST(:name AS text[])) AS asked (key, name)
    """),
    key="key",
)

TAKEN_TURNS = KeyedStatement(
    lambda: numbered(f"""
        SELECT key, cardinality(CAST(:keys AS int[])) AS number,
            pg_advisory_xact_lock_shared({LOCK})
        FROM unnest(CAST(:keys AS int[]), CAST(:name AS text[])) AS asked (key, name)
    """),
    key="key",
    one_at_a_time=True,
)


class Observer(NoPoolObserver):
    """Counts statements, and the callers that shared one."""

    def __init__(self) -> None:
        self.statements = self.callers = 0
        self.failures: list[str] = []
        self.errors: list[BaseException | None] = []

    def executed(self, *_: object) -> None:
        self.statements += 1

    def shared(self, statement: StatementInfo, seconds: float, error: BaseException | None) -> None:
        assert 0 <= seconds < 60
        self.callers += 1
        self.errors.append(error)

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
def statements(shared: ConnectionPool) -> SharedStatements:
    return SharedStatements(shared)


@pytest.fixture
async def lock(shared: ConnectionPool) -> AsyncIterator[Driver]:
    """A connection that holds what the statement LOCKED waits for."""
    async with shared.connection() as driver:
        await driver.execute(f"SELECT pg_advisory_lock({LOCK})")
        yield driver
        await driver.execute(f"SELECT pg_advisory_unlock({LOCK})")


async def twice(statements: SharedStatements, number: int) -> int | None:
    row = await statements.row(EVEN, number, {})
    return None if row is None else row["twice"]


async def wait_late(statements: SharedStatements) -> None:
    deadline.set(monotonic() + 0.1)
    await statements.row(LOCKED, 1, {})


async def test_calls_of_one_turn_share_a_statement(
    statements: SharedStatements, observer: Observer
) -> None:
    found = await asyncio.gather(*(twice(statements, number) for number in (3, 1, 2, 1)))
    assert found == [6, 2, 4, 2]
    assert (observer.statements, observer.callers) == (1, 4)


async def test_a_key_without_a_row_finds_nothing(statements: SharedStatements) -> None:
    some = keyed("2 * key AS twice", where="key > 1")
    none, row = await asyncio.gather(statements.row(some, 1, {}), statements.row(some, 2, {}))
    assert none is None
    assert row is not None


async def test_a_statement_has_a_limited_number_of_keys(
    statements: SharedStatements, observer: Observer
) -> None:
    numbers = range(MAX_KEYS + 1)
    found = await asyncio.gather(*(twice(statements, number) for number in numbers))
    assert found == [2 * number for number in numbers]
    assert observer.statements == 2


async def test_a_statement_that_waits_delays_no_other(
    statements: SharedStatements, lock: Driver
) -> None:
    waiting = asyncio.create_task(statements.row(LOCKED, 1, {}))
    await asyncio.sleep(0)
    assert await twice(statements, 4) == 8
    assert not waiting.done()
    await lock.execute(f"SELECT pg_advisory_unlock({LOCK})")
    assert await waiting is not None


async def test_each_caller_waits_until_its_own_deadline(
    statements: SharedStatements, lock: Driver, observer: Observer
) -> None:
    patient = asyncio.create_task(statements.row(LOCKED, 2, {}))
    with pytest.raises(Unavailable):
        await asyncio.create_task(wait_late(statements))
    assert observer.failures == ["no answer in time"]
    assert [type(error) for error in observer.errors] == [Unavailable]
    assert not patient.done()
    await lock.execute(f"SELECT pg_advisory_unlock({LOCK})")
    assert await patient is not None


async def test_after_its_deadline_a_caller_asks_for_nothing(
    statements: SharedStatements, observer: Observer
) -> None:
    deadline.set(monotonic() - 1)
    with pytest.raises(Unavailable):
        await statements.row(EVEN, 1, {})
    assert observer.statements == 0


async def test_a_cancelled_caller_takes_nothing_from_the_others(
    statements: SharedStatements,
) -> None:
    leaving, staying = (asyncio.create_task(twice(statements, number)) for number in (1, 2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 4
    assert leaving.cancelled()


async def test_each_key_has_its_own_values(statements: SharedStatements) -> None:
    calls = (statements.row(NAMED, number, {"name": name}) for number, name in ((1, "a"), (2, "b")))
    assert [row and row["name"] for row in await asyncio.gather(*calls)] == ["a", "b"]


async def write(statements: SharedStatements, key: int) -> int:
    row = await statements.row(TAKEN_TURNS, key, {"name": "a"})
    assert row is not None
    number: int = row["number"]
    return number


async def test_calls_during_a_run_share_the_next_one(
    statements: SharedStatements, lock: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_statements, "MAX_GROUP_WAIT_S", 30.0)
    first = asyncio.create_task(write(statements, 1))
    others = []
    for key in (2, 3):
        await asyncio.sleep(0.01)
        others.append(asyncio.create_task(write(statements, key)))
    await asyncio.sleep(0)
    await lock.execute(f"SELECT pg_advisory_unlock({LOCK})")
    assert await first == 1
    assert [await other for other in others] == [2, 2]


async def test_a_run_that_hangs_delays_the_next_one_for_a_moment(
    shared: ConnectionPool, statements: SharedStatements, lock: Driver
) -> None:
    waiting = asyncio.create_task(write(statements, 1))
    await asyncio.sleep(0.01)
    next_write = asyncio.create_task(write(statements, 2))
    while shared.used < 3:  # noqa: ASYNC110  # the lock's connection, one for each write
        await asyncio.sleep(0.01)
    await lock.execute(f"SELECT pg_advisory_unlock({LOCK})")
    assert [await waiting, await next_write] == [1, 1]


async def test_of_equal_keys_the_last_values_count(statements: SharedStatements) -> None:
    calls = (statements.row(NAMED, 1, {"name": name}) for name in "ab")
    assert [row and row["name"] for row in await asyncio.gather(*calls)] == ["b", "b"]


async def test_a_caller_that_has_gone_before_there_is_a_connection_runs_nothing(
    shared: ConnectionPool, statements: SharedStatements
) -> None:
    async with AsyncExitStack() as held:
        for _ in range(shared.size):
            await held.enter_async_context(shared.connection())
        calls = [asyncio.create_task(statements.row(COUNTED, n, {})) for n in (1, 2)]
        await asyncio.sleep(0)
        calls[0].cancel()
        await asyncio.sleep(0)
    row = await calls[1]
    assert row is not None
    assert row["number"] == 1


async def test_a_failure_meets_all_that_share_the_statement(statements: SharedStatements) -> None:
    calls = (statements.row(FAILING, number, {}) for number in (1, 2))
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(error) for error in found] == [asyncpg.DivisionByZeroError] * 2
    assert await twice(statements, 1) == 2


async def test_a_view_holds_no_connection(shared: ConnectionPool) -> None:
    read = views(shared, WriteContext(FakeClock(), new_id, lambda: None))
    async with read() as view:
        assert await view.birthdays.find("zoe") is None
        assert (shared.used, shared.idle) == (0, 1)
