"""Closing idle connections, and the warning when the pools cannot fit `max_connections`."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from jubilee.adapters.embedded import postgres as embedded
from jubilee.adapters.postgres import pool as pools
from jubilee.adapters.postgres.application_name import instance_name, named
from jubilee.adapters.postgres.capacity import PostgresCapacity
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.adapters.postgres.upkeep import PERIODS, PoolUpkeep
from jubilee.domain.errors import Unavailable
from jubilee.domain.health import ConnectionBudget

ONE = Statement.from_sql("SELECT 1")
SMALL = "max_connections=15"  # three of them are reserved for administrators
RECOVERY_S = 30.0  # within which a refused process gets its connections, not in a minute


class AmpleCapacity(PostgresCapacity):
    """A server with enough connections."""

    async def __call__(self) -> ConnectionBudget:
        return ConnectionBudget(1, 4, 4, 97)


async def use(pool: ConnectionPool, count: int) -> None:
    """Use this many connections at a time."""
    async with AsyncExitStack() as held:
        for _ in range(count):
            executor = await held.enter_async_context(pool.executor())
            await executor.run(ONE)


async def run_steps(upkeep: PoolUpkeep, count: int = PERIODS) -> None:
    for _ in range(count):
        await upkeep.step()


@pytest.fixture
def upkeep(pool: ConnectionPool) -> PoolUpkeep:
    return PoolUpkeep(pool, AmpleCapacity(pool))


async def test_connections_unused_for_a_minute_are_closed(
    pool: ConnectionPool, upkeep: PoolUpkeep
) -> None:
    await use(pool, 4)
    await run_steps(upkeep, 1)
    for _ in range(PERIODS):
        await use(pool, 2)
        await upkeep.step()
    assert pool.idle == 2


async def test_connections_used_once_within_a_minute_stay_open(
    pool: ConnectionPool, upkeep: PoolUpkeep
) -> None:
    await use(pool, 4)
    await run_steps(upkeep, PERIODS - 1)
    await use(pool, 3)
    await run_steps(upkeep, PERIODS)
    assert pool.idle == 3
    await run_steps(upkeep, 1)
    assert pool.idle == 0


async def test_connections_stay_open_for_a_minute_after_others_were_closed(
    pool: ConnectionPool, upkeep: PoolUpkeep
) -> None:
    await use(pool, 4)
    await run_steps(upkeep, PERIODS)
    await use(pool, 2)
    await run_steps(upkeep, PERIODS - 1)
    assert pool.idle == 2


async def test_an_idle_connection_beyond_its_maximum_age_is_closed(
    pool: ConnectionPool, upkeep: PoolUpkeep, monkeypatch: pytest.MonkeyPatch
) -> None:
    await use(pool, 4)
    monkeypatch.setattr(pools, "MAX_AGE_S", 0.0)
    await run_steps(upkeep, 1)
    assert pool.idle == 0


async def test_upkeep_does_not_touch_connections_in_use(
    pool: ConnectionPool, upkeep: PoolUpkeep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "MAX_AGE_S", 0.0)
    async with pool.executor() as executor:
        await run_steps(upkeep)
        assert pool.used == 1
        await executor.run(ONE)


@pytest.fixture
def small_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a PostgreSQL with 12 connections for ordinary roles."""
    settings = [s for s in embedded.SETTINGS if not s.startswith("max_connections")]
    monkeypatch.setattr(embedded, "SETTINGS", (*settings, SMALL))
    server = embedded.EmbeddedPostgres(tmp_path / "data", tmp_path / "s", durable=False)
    server.start()
    yield server.url
    server.stop()


@asynccontextmanager
async def instance(url: str, size: int, number: int) -> AsyncIterator[ConnectionPool]:
    """Open a pool with its upkeep, as first process has it."""
    own = named(url, f"{instance_name('api', size)}-{number}")
    pool = ConnectionPool(own, size=size, timeout=30)
    upkeep = asyncio.create_task(PoolUpkeep(pool, PostgresCapacity(pool)).run())
    try:
        while not pool.idle:  # noqa: ASYNC110  # until the first step has opened a connection
            await asyncio.sleep(0.01)
        yield pool
    finally:
        upkeep.cancel()
        await asyncio.wait([upkeep])
        await pool.close()


@pytest.fixture
async def ordinary(small_server: str) -> str:
    """The small server's URL for a role without administrator rights."""
    admin = await asyncpg.connect(small_server)
    await admin.execute("CREATE ROLE ordinary LOGIN")
    await admin.close()
    return small_server.replace("jubilee@", "ordinary@")


async def test_a_starved_process_gets_its_connections_when_others_become_idle(
    ordinary: str,
) -> None:
    async with (
        instance(ordinary, 6, 1) as first,
        instance(ordinary, 6, 2) as second,
        instance(ordinary, 6, 3) as starved,
    ):
        await asyncio.gather(use(first, 6), use(second, 5))  # the upkeep of each holds another one
        with pytest.raises(Unavailable):
            await use(starved, 4)
        ended = time.monotonic()
        while time.monotonic() - ended < RECOVERY_S:
            try:
                await use(starved, 4)
                break
            except Unavailable:
                await asyncio.sleep(0.1)
        assert time.monotonic() - ended < RECOVERY_S
        await use(starved, 6)


async def test_pools_that_cannot_fit_are_logged_once(
    ordinary: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with instance(ordinary, 9, 1) as first, instance(ordinary, 4, 2) as second:
        await asyncio.gather(use(first, 1), use(second, 1))
        budget = await PostgresCapacity(first)()
        assert (budget.instances, budget.pooled, budget.usable) == (2, 13, 12)
        assert not budget.fits
        caplog.set_level(logging.WARNING)
        caplog.clear()
        upkeep = PoolUpkeep(first, PostgresCapacity(first))
        await run_steps(upkeep, PERIODS * 2)
    [line] = [r for r in caplog.records if "max_connections" in r.message]
    assert vars(line)["pooled"] == 13


async def test_pools_that_fit_are_not_logged(
    ordinary: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with instance(ordinary, 8, 1) as first, instance(ordinary, 4, 2) as second:
        await asyncio.gather(use(first, 1), use(second, 1))
        assert (await PostgresCapacity(first)()).fits
        await run_steps(PoolUpkeep(first, PostgresCapacity(first)))
    assert not [r for r in caplog.records if "max_connections" in r.message]


def test_a_configured_application_name_is_kept() -> None:
    for url in (
        "postgresql://h/d?application_name=shop",
        "postgresql://h/d?a=b&application_name=x",
    ):
        assert named(url, "jubilee-api") == url
    assert named("postgresql://h/d", "x y") == "postgresql://h/d?application_name=x%20y"
    assert named("postgresql://h/d?a=b", "x") == "postgresql://h/d?a=b&application_name=x"
