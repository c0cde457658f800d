"""Lists from a streaming replica: what it may serve, when it is left out, and when taken back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest

from jubilee.adapters.embedded.postgres import EmbeddedPostgres
from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.connector import Connector
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.replica import monitor as replica_monitor
from jubilee.adapters.postgres.replica.monitor import ReplicaMonitor
from jubilee.adapters.postgres.replica.views import ReplicaReads, list_views
from jubilee.adapters.postgres.replica.write_log import UNKNOWN, WriteLog
from jubilee.adapters.postgres.schema import upgrade
from jubilee.adapters.postgres.transaction import transactions, views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.adapters.redis.client import RedisClient
from jubilee.adapters.redis.write_positions import RedisWritePositions
from jubilee.domain.identity import Principal, SessionId, UserId
from jubilee.domain.items import ItemFilter, ItemService
from jubilee.domain.users.user import User
from jubilee.observation.storage import ReplicaObserver, ReplicaState
from tests.fakes.store import FakeClock
from tests.replication import Pair, pair
from tests.servers import Servers
from tests.support.api import NO_REDIS

WITHIN_S = 30.0  # for a condition on a loaded machine
MAX_LAG_S = 60.0


@dataclass(slots=True)
class Counter(ReplicaObserver):
    """Counts what the replica served."""

    reads: int = 0

    def checked(self, state: ReplicaState, lag: float) -> None:
        pass

    def served(self) -> None:
        self.reads += 1


@dataclass(slots=True)
class Instance:
    """An API process: its pools, its monitor, and the caller of its current request."""

    monitor: ReplicaMonitor
    items: ItemService
    counter: Counter
    caller: str | None = None

    async def add(self, owner: UserId) -> UUID:
        """Create an item as its owner."""
        self.caller = str(owner)
        by = Principal(owner, SessionId(new_id()), is_admin=False)
        return (await self.items.create("title", None, by=by)).id

    async def list_for(self, caller: str, owner: UserId) -> list[UUID]:
        """List the owner's items for a caller."""
        self.caller = caller
        page = await self.items.list(ItemFilter(owner=owner), after=None, limit=100)
        return [item.id for item in page.rows]

    async def reaches(self, state: ReplicaState) -> bool:
        """Check until the replica is in this state."""
        return await self.checks(lambda: self.monitor.state is state)

    async def checks(self, holds: Callable[[], bool]) -> bool:
        """Check until this holds."""
        deadline = time.monotonic() + WITHIN_S
        while True:
            await self.monitor.check()
            if holds() or time.monotonic() > deadline:
                return holds()
            await asyncio.sleep(0.05)


@dataclass(slots=True)
class Service:
    """Opens instances on one pair of servers and one Redis."""

    servers: Pair
    redis_url: str
    ends: AsyncExitStack
    clock: FakeClock = field(default_factory=FakeClock)

    async def instance(
        self, *, max_lag: float = MAX_LAG_S, redis_url: str | None = None
    ) -> Instance:
        """Open one whose replica serves."""
        primary = self.pool(self.servers.primary_url)
        replica = self.pool(self.servers.standby_url)
        redis = RedisClient(redis_url or self.redis_url, timeout=5)
        self.ends.push_async_callback(redis.close)
        positions = RedisWritePositions(redis, seconds=60, unknown=UNKNOWN)
        counter = Counter()
        monitor = ReplicaMonitor(primary, replica, max_lag=max_lag, observer=counter)

        def caller() -> str | None:
            return opened.caller

        log = WriteLog(caller, positions)
        context = WriteContext(self.clock, new_id, lambda: None, committed=log.committed)
        reads = ReplicaReads(primary, replica, monitor, positions, caller, counter)
        items = ItemService(
            transactions(primary, context),
            views(primary, context),
            list_views(reads, context),
            self.clock,
            new_id,
        )
        opened = Instance(monitor, items, counter)
        assert await opened.reaches(ReplicaState.SERVING)
        return opened

    async def owner(self) -> UserId:
        """Add an account, past all instances."""
        pool = self.pool(self.servers.primary_url)
        user_id, now = UserId(new_id()), self.clock()
        user = User(id=user_id, email=f"{user_id}@example.com", created_at=now, updated_at=now)
        async with transactions(pool, WriteContext(self.clock, new_id, lambda: None))() as tx:
            await tx.users.add(user)
        return user_id

    def pool(self, url: str) -> ConnectionPool:
        """Open a pool that is closed with the service."""
        pool = ConnectionPool(url, size=4, timeout=60)
        self.ends.push_async_callback(pool.close)
        return pool


@pytest.fixture(scope="module")
def replicated() -> Iterator[Pair]:
    """A primary with the schema, and its standby."""
    with pair() as started:
        upgrade(started.primary_url)
        yield started


@pytest.fixture
async def service(
    replicated: Pair, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Service]:
    """Both servers as they should be, before and after the test."""
    for name in ("CHECK_TIMEOUT_S", "CONNECT_TIMEOUT_S"):
        monkeypatch.setattr(replica_monitor, name, 20)  # for a busy machine
    async with AsyncExitStack() as ends:
        yield Service(replicated, servers.redis_url, ends)
    replicated.standby.restore()
    await replicated.on_standby("SELECT pg_wal_replay_resume()")


async def test_a_list_is_served_by_the_replica(service: Service) -> None:
    instance, owner = await service.instance(), await service.owner()
    assert await instance.list_for("eve", owner) == []
    assert instance.counter.reads == 1


async def test_a_caller_reads_its_own_writes_through_every_instance(service: Service) -> None:
    one, other, owner = await service.instance(), await service.instance(), await service.owner()
    await service.servers.on_standby("SELECT pg_wal_replay_pause()")
    item = await one.add(owner)
    await other.monitor.check()
    assert await other.list_for(str(owner), owner) == [item]
    assert await other.list_for("eve", owner) == []
    assert (one.counter.reads, other.counter.reads) == (0, 1)


async def test_a_caller_returns_to_the_replica_once_it_has_the_write(service: Service) -> None:
    one, other, owner = await service.instance(), await service.instance(), await service.owner()
    item = await one.add(owner)
    assert await other.checks(lambda: other.monitor.replayed > 0)
    deadline = time.monotonic() + WITHIN_S
    while other.counter.reads == 0 and time.monotonic() < deadline:
        await other.monitor.check()
        assert await other.list_for(str(owner), owner) == [item]
    assert other.counter.reads == 1


async def test_without_redis_callers_read_from_the_primary(service: Service) -> None:
    instance, owner = await service.instance(redis_url=NO_REDIS), await service.owner()
    item = await instance.add(owner)
    assert await instance.list_for(str(owner), owner) == [item]
    assert await instance.list_for("eve", owner) == [item]
    assert instance.counter.reads == 0


async def test_a_lagging_replica_is_left_out_and_taken_back(service: Service) -> None:
    instance, owner = await service.instance(max_lag=1.0), await service.owner()
    await service.servers.on_standby("SELECT pg_wal_replay_pause()")
    item = await instance.add(owner)
    assert await instance.reaches(ReplicaState.LAGGING)
    assert await instance.list_for("eve", owner) == [item]
    await service.servers.on_standby("SELECT pg_wal_replay_resume()")
    assert await instance.reaches(ReplicaState.SERVING)
    assert await instance.list_for("eve", owner) == [item]
    assert instance.counter.reads == 1


async def test_a_replica_of_unknown_lag_serves_nothing(service: Service) -> None:
    instance, owner = await service.instance(), await service.owner()
    await service.servers.on_standby("SELECT pg_wal_replay_pause()")
    await instance.add(owner)
    pools = service.pool(service.servers.primary_url), service.pool(service.servers.standby_url)
    fresh = ReplicaMonitor(*pools, max_lag=MAX_LAG_S, observer=Counter())
    await fresh.check()
    assert fresh.state is ReplicaState.LAGGING


async def test_a_killed_replica_is_left_out_at_once_and_taken_back(service: Service) -> None:
    instance, owner = await service.instance(), await service.owner()
    service.servers.standby.kill()
    assert await instance.list_for("eve", owner) == []
    assert instance.monitor.state is ReplicaState.UNAVAILABLE
    service.servers.standby.start()
    assert await instance.reaches(ReplicaState.SERVING)


async def test_a_frozen_replica_is_left_out_by_one_check(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = await service.instance()
    monkeypatch.undo()  # what must fail takes the usual time
    service.servers.standby.freeze()
    await instance.monitor.check()
    assert instance.monitor.state is ReplicaState.UNAVAILABLE
    service.servers.standby.thaw()
    assert await instance.reaches(ReplicaState.SERVING)


async def test_the_monitor_leaves_a_frozen_replica_out_and_takes_it_back(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = await service.instance()
    monkeypatch.undo()
    published: list[ReplicaState] = []

    async def publish() -> None:
        published.append(instance.monitor.state)

    checking = asyncio.create_task(instance.monitor.run(publish))
    service.servers.standby.freeze()
    assert await becomes(instance.monitor, ReplicaState.UNAVAILABLE)
    service.servers.standby.thaw()
    assert await becomes(instance.monitor, ReplicaState.SERVING)
    checking.cancel()
    await asyncio.wait([checking])
    assert ReplicaState.UNAVAILABLE in published


async def becomes(monitor: ReplicaMonitor, state: ReplicaState) -> bool:
    """Wait until its own checks find the replica in this state."""
    deadline = time.monotonic() + WITHIN_S
    while monitor.state is not state:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


async def test_a_replica_of_another_primary_is_left_out(service: Service, tmp_path: Path) -> None:
    await service.servers.on_primary(*["SELECT pg_switch_wal()", "CHECKPOINT"] * 4)
    other = EmbeddedPostgres(tmp_path / "data", tmp_path / "s", durable=False)
    other.start()
    try:
        replica = service.pool(service.servers.standby_url)
        monitor = ReplicaMonitor(
            service.pool(other.url), replica, max_lag=MAX_LAG_S, observer=Counter()
        )
        await monitor.check()
        assert monitor.state is ReplicaState.DIVERGED
    finally:
        other.stop()


async def test_prefer_standby_returns_to_a_standby_that_is_back(service: Service) -> None:
    connector = Connector(service.servers.url("prefer-standby"), timeout=30)
    assert await leads_to_a_standby(connector)
    service.servers.standby.kill()
    assert not await leads_to_a_standby(connector)
    service.servers.standby.start()
    assert await leads_to_a_standby(connector)


async def leads_to_a_standby(connector: Connector) -> bool:
    connection = await connector.open()
    try:
        return bool(await connection.fetchval("SELECT pg_is_in_recovery()"))
    finally:
        await connection.close()
