"""A worker over the real servers, in this process."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from arq.connections import ArqRedis

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.redis.arq.pool import arq_pool
from jubilee.adapters.redis.arq.queue_worker import ArqQueueWorker
from jubilee.bootstrap import worker
from jubilee.bootstrap.worker import SchemaBehind, open_worker
from jubilee.entrypoints.worker.periodic_tasks import PeriodicTask
from jubilee.settings import Settings
from tests.servers import Servers, fresh_database


@pytest.fixture
def settings(servers: Servers, database_url: str, tmp_path: Path) -> Settings:
    urls = {"database_url": database_url, "redis_url": servers.redis_url}
    patient = {"database_timeout": 60, "redis_timeout": 30}
    return Settings.model_validate(
        {**urls, **patient, "data_dir": tmp_path, "worker_user_slots": 3}
    )


def names(tasks: Sequence[PeriodicTask]) -> set[str]:
    return {task.name for task in tasks}


async def test_a_worker_is_in_the_registry_until_it_ends(settings: Settings) -> None:
    pool = ConnectionPool(settings.postgres or "", size=1, timeout=60)
    async with open_worker(settings) as plan:
        [registry] = [task for task in plan.periodic_tasks if task.name == "worker registry"]
        assert await registry.run() is False
        async with pool.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM workers") == 1
    async with pool.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM workers") == 0
    await pool.close()


async def test_a_worker_closes_its_connections_to_redis(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools: list[ArqRedis] = []

    def opened(url: str) -> ArqRedis:
        pools.append(arq_pool(url))
        return pools[-1]

    monkeypatch.setattr(worker, "arq_pool", opened)
    async with open_worker(settings):
        await pools[0].ping()
    connections = pools[0].connection_pool._available_connections
    assert [connection.is_connected for connection in connections] == [False]


@pytest.mark.parametrize("mailed", [False, True])
async def test_greetings_are_planned_where_mail_can_be_sent(
    settings: Settings, tmp_path: Path, mailed: bool
) -> None:
    folder = tmp_path / "mail" if mailed else None
    async with open_worker(settings.model_copy(update={"mail_dir": folder})) as plan:
        assert ("greetings" in names(plan.periodic_tasks)) is mailed
        slots = [queue.max_jobs for queue in plan.queues if isinstance(queue, ArqQueueWorker)]
        assert slots == [settings.worker_system_slots, 3]


async def test_a_worker_refuses_a_schema_that_is_behind(
    servers: Servers, settings: Settings
) -> None:
    async with fresh_database(servers) as url:
        behind = Settings.model_validate(
            {"database_url": url, "redis_url": servers.redis_url, "data_dir": settings.data_dir}
        )
        with pytest.raises(SchemaBehind):
            async with open_worker(behind):
                pass
