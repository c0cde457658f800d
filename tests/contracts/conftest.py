"""One contract for the fake and the real adapters."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from asyncpg import Record

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Driver, Executor, Statement
from jubilee.adapters.postgres.transaction import transactions, views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.adapters.redis.client import RedisClient
from jubilee.domain.audit.entry import RequestOrigin
from jubilee.domain.transaction import Begin
from tests.contracts.audit_chain import Chain
from tests.fakes.store import FakeClock, FakeStore
from tests.servers import Servers

SUBSCRIBERS = dict.fromkeys(("ItemCreated", "ItemUpdated", "ItemDeleted"), ("index.item",))
ORIGIN = RequestOrigin("192.0.2.7", "test", "request-1")


@dataclass(frozen=True, slots=True)
class Database:
    """Open transactions and views, which have the repositories as attributes."""

    write: Begin[Any]
    read: Begin[Any]


@pytest.fixture(autouse=True)
def bounded_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where a statement returns more rows than its value `rows` allows.

    A page that is cut afterwards looks the same, but has read all rows.
    """
    fetch_all = Executor.all

    async def fetch_bounded(self: Executor, statement: Statement, **values: Any) -> list[Record]:
        rows = await fetch_all(self, statement, **values)
        assert len(rows) <= values.get("rows", len(rows)), f"unbounded: {statement.display}"
        return rows

    monkeypatch.setattr(Executor, "all", fetch_bounded)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[ConnectionPool]:
    """Connections to a new database."""
    pool = ConnectionPool(database_url, size=4, timeout=60)
    yield pool
    await pool.close()


@pytest.fixture
async def driver(database_url: str) -> AsyncIterator[Driver]:
    """A connection outside the pool."""
    connection = await asyncpg.connect(database_url)
    yield connection
    connection.terminate()


@pytest.fixture
async def redis(servers: Servers) -> AsyncIterator[RedisClient]:
    """Connections to Redis, which other tests use as well."""
    client = RedisClient(servers.redis_url, timeout=30)
    yield client
    await client.close()


@pytest.fixture(params=["fake", "postgres"])
def database(request: pytest.FixtureRequest, clock: FakeClock) -> Database:
    """The fake database, then PostgreSQL."""
    if request.param == "fake":
        store = FakeStore(clock=clock, origin=ORIGIN)
        return Database(store.transaction, store.view)
    pool = request.getfixturevalue("pool")
    write_context = WriteContext(
        clock, new_id, lambda: "request-1", subscribers=SUBSCRIBERS, origin=lambda: ORIGIN
    )
    return Database(transactions(pool, write_context), views(pool, write_context))


@pytest.fixture
def chain(pool: ConnectionPool, clock: FakeClock) -> Chain:
    return Chain(pool, clock)


@pytest.fixture
async def sealed(chain: Chain) -> Chain:
    """Three seals, of two entries each, a day apart."""
    for _ in range(3):
        await chain.record(2)
        await chain.upkeep.seal()
        chain.clock.tick(days=1)
    return chain
