"""States of a private PostgreSQL that alerts are about; each ends with its context."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg

from jubilee.adapters.postgres.statement import Driver
from tests.support.outages import OwnServers
from tests.system.following import comes_true

END_OF_API = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name LIKE 'jubilee-api/%'
"""
LOCK_BIRTHDAYS = "LOCK TABLE birthdays"
RELOAD = "SELECT pg_reload_conf()"
FULL = asyncpg.TooManyConnectionsError


async def refused(url: str) -> type[asyncpg.PostgresError] | None:
    """Return why PostgreSQL admits no further connection, None where it does."""
    try:
        await (await asyncpg.connect(url)).close()
    except asyncpg.PostgresError as error:
        return type(error)
    return None


@asynccontextmanager
async def all_connections_taken(own: OwnServers, driver: Driver) -> AsyncIterator[None]:
    """Have other clients take every connection, also those of APIs."""
    taken: list[Driver] = []
    while await driver.fetchval(END_OF_API) or await refused(own.database_url) is not FULL:
        with suppress(FULL):
            taken.append(await asyncpg.connect(own.database_url))
    try:
        yield
    finally:
        for each in taken:
            each.terminate()


@asynccontextmanager
async def changed_password(own: OwnServers, driver: Driver) -> AsyncIterator[None]:
    """Demand a password that APIs do not know."""
    path = Path(await driver.fetchval("SHOW hba_file"))
    admission = await asyncio.to_thread(path.read_text)
    await driver.execute("ALTER ROLE jubilee PASSWORD 'a new one'")
    await asyncio.to_thread(path.write_text, "local all all scram-sha-256\n")
    await driver.execute(RELOAD)
    try:
        assert await comes_true(lambda: refused(own.database_url))
        await driver.execute(END_OF_API)
        yield
    finally:
        await asyncio.to_thread(path.write_text, admission)
        await driver.execute(RELOAD)


@asynccontextmanager
async def killed_server(own: OwnServers, _: Driver) -> AsyncIterator[None]:
    """Kill PostgreSQL, and restore it."""
    own.postgres.kill()
    try:
        yield
    finally:
        own.postgres.start()


@asynccontextmanager
async def missing_standby(driver: Driver, setting: str) -> AsyncIterator[None]:
    """Have commits wait for a standby that is not there."""
    await driver.execute(f"ALTER SYSTEM SET {setting} = 'away'")
    await driver.execute(RELOAD)
    try:
        yield
    finally:
        await driver.execute(f"ALTER SYSTEM RESET {setting}")
        await driver.execute(RELOAD)
