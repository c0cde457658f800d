"""The replica that an API reads lists from: its time, its tasks, and how long writes are kept."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.telemetry.line_writer import LineWriter
from jubilee.adapters.telemetry.logs import Logs
from jubilee.bootstrap.adapters import open_adapters
from jubilee.bootstrap.metrics_listener import API, WORKER
from jubilee.bootstrap.replica import settled_after_s
from jubilee.bootstrap.telemetry import ProcessInfo
from jubilee.observation.requests import RequestRecord, current_request
from jubilee.settings import Settings
from tests.support.api import NO_REDIS, NOWHERE

COPY = "postgresql://jubilee@127.0.0.1:1/copy"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Servers that refuse every connection."""
    given = {"database_url": NOWHERE, "redis_url": NO_REDIS, "database_replica_url": COPY}
    return Settings.model_validate({**given, "data_dir": tmp_path, "database_timeout": 3.0})


@pytest.fixture
async def logs() -> AsyncIterator[Logs]:
    """Logs that go nowhere; the loop reports errors as before."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    yield Logs(LineWriter(nowhere), dict, level="INFO", readable=False)
    os.close(nowhere)
    asyncio.get_running_loop().set_exception_handler(None)


async def test_an_api_has_a_replica_with_half_of_the_time_and_tasks_of_its_own(
    settings: Settings, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[ConnectionPool] = []

    async def close(pool: ConnectionPool) -> None:
        closed.append(pool)

    monkeypatch.setattr(ConnectionPool, "close", close)
    before = asyncio.all_tasks()
    async with open_adapters(settings, ProcessInfo(API, None, logs)) as adapters:
        replica = adapters.replica
        assert replica is not None
        assert (replica.pool.size, replica.pool.timeout) == (settings.database_pool_size, 1.5)
        names = {task.get_name() for task in asyncio.all_tasks() - before}
        assert {"ReplicaMonitor.run", "PoolUpkeep.run"} <= names
    assert closed == [replica.pool, adapters.pool]
    assert asyncio.all_tasks() <= before


async def test_commands_and_workers_read_from_the_primary_alone(
    settings: Settings, logs: Logs
) -> None:
    for process in (None, ProcessInfo(WORKER, None, logs)):
        async with open_adapters(settings, process) as adapters:
            assert (adapters.replica, adapters.write_context.committed) == (None, None)


@pytest.mark.parametrize(("max_lag", "seconds"), [(1.0, 11), (4.2, 15), (300.0, 310)])
def test_a_write_is_kept_until_no_replica_can_lack_it(
    settings: Settings, max_lag: float, seconds: int
) -> None:
    chosen = settings.model_copy(update={"replica_max_lag": max_lag})
    assert settled_after_s(chosen) == seconds
    assert settled_after_s(chosen.model_copy(update={"database_replica_url": None})) == 0


async def test_the_writes_of_a_request_are_those_of_its_account(
    settings: Settings, logs: Logs
) -> None:
    async with open_adapters(settings, ProcessInfo(API, None, logs)) as adapters:
        assert adapters.replica is not None
        caller = adapters.replica.write_log.caller
        record = RequestRecord("r-1", "GET", 0, "192.0.2.7", deadline=50.0)
        before = current_request.set(record)
        try:
            assert caller() is None
            record.user_id = "zoe"
            assert caller() == "zoe"
        finally:
            current_request.reset(before)
        assert caller() is None
