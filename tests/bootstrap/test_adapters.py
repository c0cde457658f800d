"""Closing the adapters of a process."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.redis.arq.dispatcher import ArqJobDispatcher
from jubilee.adapters.redis.client import RedisClient
from jubilee.bootstrap.adapters import open_adapters
from jubilee.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DATABASE_URL", "postgresql://jubilee@127.0.0.1:1/none")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    return Settings(data_dir=tmp_path)


async def test_an_error_while_closing_does_not_keep_other_adapters_open(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []

    async def fail(_: ArqJobDispatcher) -> None:
        raise OSError("broken")

    async def close_redis(_: RedisClient) -> None:
        closed.append("redis")

    async def close_pool(_: ConnectionPool) -> None:
        closed.append("pool")

    monkeypatch.setattr(ArqJobDispatcher, "close", fail)
    monkeypatch.setattr(RedisClient, "close", close_redis)
    monkeypatch.setattr(ConnectionPool, "close", close_pool)
    with pytest.raises(OSError, match="broken"):
        async with open_adapters(settings):
            pass
    assert closed == ["redis", "pool"]


async def test_no_task_is_left_behind(settings: Settings) -> None:
    before = asyncio.all_tasks()
    async with open_adapters(settings):
        assert len(asyncio.all_tasks() - before) == 5
    assert asyncio.all_tasks() <= before


async def test_the_application_name_is_that_of_the_command(
    settings: Settings, database_url: str
) -> None:
    chosen = settings.model_copy(
        update={"database_url": SecretStr(database_url), "database_timeout": 60}
    )
    async with open_adapters(chosen, command="user") as adapters, adapters.pool.connection() as own:
        query = "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        assert await own.fetchval(query) == "jubilee-user"
