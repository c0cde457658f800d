"""Which connections a pool reuses, and how it counts them."""

import asyncio
import math
import time
from contextlib import suppress

import asyncpg
import pytest

from jubilee.adapters.postgres.caller import CurrentCaller
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.errors import Unavailable

ONE = Statement.from_sql("SELECT 1")
FAILING = Statement.from_sql("SELECT 1 / 0")


async def test_connections_in_use_are_counted(pool: ConnectionPool) -> None:
    async with pool.executor(), pool.executor():
        assert (pool.used, pool.idle) == (2, 0)
    assert (pool.used, pool.idle) == (0, 2)


async def test_a_connection_is_not_in_use_after_an_error(pool: ConnectionPool) -> None:
    with pytest.raises(ZeroDivisionError):
        async with pool.executor():
            raise ZeroDivisionError
    assert pool.used == 0


async def test_a_connection_is_reused_after_a_failed_statement(pool: ConnectionPool) -> None:
    with suppress(asyncpg.DivisionByZeroError):
        async with pool.executor() as executor:
            await executor.run(FAILING)
    assert pool.idle == 1
    async with pool.executor() as executor:
        await executor.run(ONE)


async def test_a_connection_left_inside_a_transaction_is_discarded(
    pool: ConnectionPool,
) -> None:
    with suppress(ZeroDivisionError):
        async with pool.connection() as driver:
            await driver.execute("BEGIN")
            raise ZeroDivisionError
    assert pool.idle == 0


async def test_a_closed_connection_is_discarded(pool: ConnectionPool) -> None:
    with suppress(ZeroDivisionError):
        async with pool.connection() as driver:
            driver.terminate()
            raise ZeroDivisionError
    assert pool.idle == 0


async def test_a_connection_whose_backend_was_terminated_is_discarded(session_url: str) -> None:
    pool = ConnectionPool(session_url, size=2, timeout=60)
    async with pool.connection() as victim:
        pid = victim.get_server_pid()
        async with pool.connection() as driver:
            await driver.execute("SELECT pg_terminate_backend($1)", pid)
        async with asyncio.timeout(30):
            while not victim.is_closed():  # noqa: ASYNC110  # until the driver has noticed it
                await asyncio.sleep(0.01)
    async with pool.connection() as first, pool.connection() as other:
        assert pid not in {first.get_server_pid(), other.get_server_pid()}
    await pool.close()


async def test_a_server_that_refuses_the_session_is_unavailable(session_url: str) -> None:
    mark = "&" if "?" in session_url else "?"
    pool = ConnectionPool(f"{session_url}{mark}options=-c%20unknown=1", size=1, timeout=60)
    with pytest.raises(Unavailable) as refused:
        async with pool.executor():
            pass
    assert isinstance(refused.value.__cause__, asyncpg.UndefinedObjectError)


async def test_an_operation_after_the_deadline_does_not_discard_the_connection(
    database_url: str,
) -> None:
    remaining = math.inf
    pool = ConnectionPool(
        database_url, size=1, timeout=10, caller=CurrentCaller(lambda: time.monotonic() + remaining)
    )
    async with pool.executor() as executor:
        await executor.run(ONE)
    remaining = -1
    with suppress(Unavailable):
        async with pool.executor() as executor:
            await executor.run(ONE)
    assert pool.idle == 1
    await pool.close()


@pytest.mark.parametrize("size", [2, 3])
async def test_one_client_never_uses_every_connection(database_url: str, size: int) -> None:
    who = "zoe"
    shared = ConnectionPool(
        database_url, size=size, timeout=10, caller=CurrentCaller(client=lambda: who)
    )
    done = asyncio.Event()

    async def use() -> None:
        async with shared.executor():
            await done.wait()

    held = [asyncio.create_task(use()) for _ in range(10)]
    async with asyncio.timeout(10):
        while shared.used < size - 1:  # noqa: ASYNC110  # opening a connection takes several steps
            await asyncio.sleep(0.01)
    who = "max"
    async with shared.executor() as executor:
        assert shared.used == size
        await executor.run(ONE)
    done.set()
    await asyncio.gather(*held)
    assert shared.used == 0
    await shared.close()


async def test_a_full_pool_is_waited_for(database_url: str) -> None:
    pool = ConnectionPool(database_url, size=1, timeout=60)
    waiting = asyncio.Event()

    async def use() -> None:
        waiting.set()
        async with pool.executor() as executor:
            await executor.run(ONE)

    async with pool.executor() as executor:
        task = asyncio.create_task(use())
        await waiting.wait()
        await executor.run(ONE)
        assert (pool.used, task.done()) == (1, False)
    await task
    assert (pool.used, pool.idle) == (0, 1)
    await pool.close()
