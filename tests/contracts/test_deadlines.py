"""The deadline of database operations, and how connections survive it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import monotonic

import pytest

from jubilee.adapters.postgres.caller import CurrentCaller
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.errors import Unavailable

SLEEP = Statement.from_sql("SELECT pg_sleep(5)")
ONE = Statement.from_sql("SELECT 1 AS one")


@dataclass(slots=True)
class Deadline:
    """A deadline that tests set, in seconds from now."""

    at: float

    def __call__(self) -> float:
        return self.at

    def set(self, seconds: float) -> None:
        self.at = monotonic() + seconds


@pytest.fixture
def deadline() -> Deadline:
    return Deadline(monotonic() + 60)


@pytest.fixture
async def single(database_url: str, deadline: Deadline) -> AsyncIterator[ConnectionPool]:
    """A pool of one connection, whose operations end at the deadline."""
    pool = ConnectionPool(database_url, size=1, timeout=60, caller=CurrentCaller(deadline))
    async with pool.executor() as executor:
        await executor.run(ONE)
    yield pool
    await pool.close()


async def sleep(pool: ConnectionPool) -> None:
    async with pool.executor() as executor:
        await executor.run(SLEEP)


@pytest.mark.timing(waits=True)
async def test_a_statement_ends_at_the_deadline(single: ConnectionPool, deadline: Deadline) -> None:
    deadline.set(0.3)
    began = monotonic()
    with pytest.raises(Unavailable):
        await sleep(single)
    assert 0.25 < monotonic() - began < 1.5


@pytest.mark.timing(waits=True)
async def test_the_wait_for_a_connection_ends_at_the_deadline(
    single: ConnectionPool, deadline: Deadline
) -> None:
    async with single.connection():
        deadline.set(0.3)
        began = monotonic()
        with pytest.raises(Unavailable):
            await sleep(single)
        assert 0.25 < monotonic() - began < 1.5


@pytest.mark.timing(waits=True)
async def test_all_operations_share_one_deadline(
    single: ConnectionPool, deadline: Deadline
) -> None:
    deadline.set(0.6)
    began = monotonic()
    outcomes = await asyncio.gather(*(sleep(single) for _ in range(4)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Unavailable}
    assert monotonic() - began < 2


async def test_an_operation_after_the_deadline_keeps_the_connection(
    single: ConnectionPool, deadline: Deadline
) -> None:
    deadline.set(-0.1)
    [idle] = single._idle
    with pytest.raises(Unavailable):
        await sleep(single)
    assert single._idle == [idle]
    deadline.set(60)
    async with single.executor() as executor:
        row = await executor.first(ONE)
    assert row is not None
    assert row["one"] == 1
