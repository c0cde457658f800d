"""The primary dies and its standby is promoted: no acknowledged write is lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import httpx2
import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.schema import upgrade
from jubilee.adapters.postgres.transaction import transactions, views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.errors import Unavailable
from jubilee.domain.identity import Principal, SessionId, UserId
from jubilee.domain.items import ItemService
from jubilee.domain.users.user import User
from tests.fakes.store import FakeClock
from tests.replication import Pair, pair
from tests.servers import Servers
from tests.support.api import Api, Starter, bearer, sign_up
from tests.support.running import eventually

WRITERS = 8
BEFORE, AFTER = 200, 100  # acknowledged writes that the test waits for
WITHIN_S = 60.0
PROMOTE = "SELECT pg_promote()"
REPLICA_READS = "db_replica_reads_total"


@pytest.fixture
def servers_in_pair() -> Iterator[Pair]:
    """A primary that waits for its standby at each commit."""
    with pair() as started:
        upgrade(started.primary_url)
        yield started


@dataclass(slots=True)
class Writers:
    """Clients that write without a pause and remember what was acknowledged."""

    items: ItemService
    owner: Principal
    acknowledged: list[UUID] = field(default_factory=list)

    async def write(self) -> None:
        while True:
            try:
                item = await self.items.create("title", None, by=self.owner)
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                self.acknowledged.append(item.id)

    async def acknowledges(self, count: int) -> None:
        """Wait until so many more writes are acknowledged."""
        wanted, deadline = len(self.acknowledged) + count, time.monotonic() + WITHIN_S
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, "writes are not acknowledged"
            await asyncio.sleep(0.02)


@asynccontextmanager
async def writing(url: str) -> AsyncIterator[Writers]:
    pool, clock = ConnectionPool(url, size=WRITERS, timeout=5), FakeClock()
    context = WriteContext(clock, new_id, lambda: None)
    write, read = transactions(pool, context), views(pool, context)
    owner, now = UserId(new_id()), clock()
    async with write() as tx:
        await tx.users.add(User(id=owner, email="a@example.com", created_at=now, updated_at=now))
    principal = Principal(owner, SessionId(new_id()), is_admin=False)
    writers = Writers(ItemService(write, read, read, clock, new_id), principal)
    tasks = [asyncio.create_task(writers.write()) for _ in range(WRITERS)]
    try:
        yield writers
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
        await pool.close()


async def synchronous(url: str) -> None:
    """Wait until commits wait for the standby."""
    connection = await asyncpg.connect(url)
    deadline = time.monotonic() + WITHIN_S
    while await connection.fetchval("SELECT sync_state FROM pg_stat_replication") != "sync":
        assert time.monotonic() < deadline, "the standby is not synchronous"
        await asyncio.sleep(0.05)
    await connection.close()


async def test_no_acknowledged_write_is_lost_with_a_synchronous_standby(
    servers_in_pair: Pair,
) -> None:
    await servers_in_pair.on_primary(
        "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"
    )
    await synchronous(servers_in_pair.primary_url)
    async with writing(servers_in_pair.url()) as writers:
        await writers.acknowledges(BEFORE)
        servers_in_pair.primary.kill()
        await servers_in_pair.on_standby(PROMOTE)
        await writers.acknowledges(AFTER)
    connection = await asyncpg.connect(servers_in_pair.standby_url)
    kept = {row["id"] for row in await connection.fetch("SELECT id FROM items")}
    await connection.close()
    assert set(writers.acknowledged) <= kept


@pytest.fixture
def apis(servers_in_pair: Pair, servers: Servers, start_api: Starter) -> tuple[Api, Api]:
    """Two instances that know both hosts and read lists from the standby."""
    given = {"DATABASE_REPLICA_URL": servers_in_pair.standby_url, "REPLICA_MAX_LAG": "300"}
    started = [start_api(servers_in_pair.url(), servers.redis_url, **given) for _ in range(2)]
    one, other = (api.ready() for api in started)
    assert eventually(lambda: served(one, "serving") and served(other, "serving"))
    return one, other


def served(api: Api, state: str) -> bool:
    """Whether the replica is in this state."""
    return f'db_replica_state{{state="{state}"}} 1.0' in api.ask("/metrics").text


def replica_reads(api: Api) -> float:
    lines = api.ask("/metrics").text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(REPLICA_READS)))


def titles(client: httpx2.Client, headers: dict[str, str]) -> list[str]:
    answer = client.get("/items", headers=headers)
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


def add(client: httpx2.Client, headers: dict[str, str], title: str) -> int:
    return client.post("/items", headers=headers, json={"title": title}).status_code


def pause(servers: Pair) -> None:
    with asyncio.Runner() as runner:
        runner.run(servers.on_standby("SELECT pg_wal_replay_pause()"))


def promote(servers: Pair) -> None:
    with asyncio.Runner() as runner:
        runner.run(servers.on_standby("SELECT pg_wal_replay_resume()", PROMOTE))


def test_two_instances_serve_lists_from_a_replica_until_it_is_the_primary(
    servers_in_pair: Pair, apis: tuple[Api, Api]
) -> None:
    one, other = apis
    with one.client() as first, other.client() as second:
        ada, eve = bearer(sign_up(first, "ada")), bearer(sign_up(first, "eve"))
        assert add(first, ada, "before") == 201
        assert eventually(lambda: titles(second, eve) == ["before"])
        assert eventually(lambda: titles(second, ada) == ["before"] and replica_reads(other) > 0)

        pause(servers_in_pair)
        assert add(first, ada, "unseen") == 201
        assert titles(second, ada) == ["unseen", "before"]
        assert eventually(lambda: titles(second, eve) == ["before"])
        assert first.post("/auth/logout", headers=eve).status_code == 204
        assert second.get("/items", headers=eve).status_code == 401

        servers_in_pair.primary.kill()
        promote(servers_in_pair)
        assert eventually(lambda: add(second, ada, "after") == 201)
        assert eventually(lambda: served(one, "promoted") and served(other, "promoted"))
        assert titles(first, ada)[0] == "after"
