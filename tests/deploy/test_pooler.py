"""The service behind PgBouncer in transaction mode, and what does not work there."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import asyncpg
import docker
import pytest
from pydantic import SecretStr

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Driver
from jubilee.domain.errors import Unavailable
from jubilee.urls.database import checked_database_url
from tests.deploy.compose import ANSWER_S, COMMAND_S
from tests.deploy.conftest import ROOT
from tests.pooler import pooler
from tests.servers import Servers, start_containers

PASSES = (
    "tests/contracts/test_job_completions.py",
    "tests/contracts/test_job_store.py",
    "tests/contracts/test_pool_use.py",
    "tests/contracts/test_sessions.py",
    "tests/system/test_story.py",
)
"""What is quick of `make pooled`."""
QUICK = "servers and not timing"  # those wait until no other test runs, so for this one too
LOCK = 42


def test_contracts_and_the_story_pass_through_a_pooler(engine: docker.DockerClient) -> None:
    """The tests themselves run in a process of their own, with the pooler before its server."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", QUICK, "-p", "no:cacheprovider"]
    chosen = {"JUBILEE_TEST_SERVERS": "containers", "JUBILEE_TEST_POOLER": "1"}
    ended = subprocess.run(
        (*command, *PASSES),
        cwd=ROOT,
        env=os.environ | chosen,
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:]


@pytest.fixture(scope="module")
def server(engine: docker.DockerClient) -> Iterator[Servers]:
    """A PostgreSQL for the pooler."""
    with start_containers() as started:
        yield started


@pytest.fixture(scope="module")
def pooled_url(server: Servers) -> Iterator[str]:
    """The server's database behind a pooler that has one connection to it."""
    with pooler(server.database_url, size=1) as url:
        yield f"{url}/jubilee"


@pytest.fixture
async def clients(pooled_url: str) -> AsyncIterator[list[Driver]]:
    """Two clients of the pooler."""
    opened = [await asyncpg.connect(pooled_url) for _ in range(2)]
    yield opened
    for each in opened:
        await each.close()


async def test_a_lock_of_a_session_does_not_belong_to_its_client(
    clients: list[Driver],
) -> None:
    taken = [await each.fetchval(f"SELECT pg_try_advisory_lock({LOCK})") for each in clients]
    assert taken == [True, True]


async def test_a_setting_of_a_session_reaches_other_clients(
    clients: list[Driver],
) -> None:
    await clients[0].execute("SET statement_timeout = '77s'")
    assert await clients[1].fetchval("SHOW statement_timeout") == "77s"


async def test_notifications_do_not_arrive(server: Servers, clients: list[Driver]) -> None:
    received: list[object] = []
    await clients[0].add_listener("news", lambda *notification: received.append(notification))
    direct = await asyncpg.connect(server.database_url)
    await direct.execute("NOTIFY news")
    await direct.close()
    await asyncio.sleep(0.5)
    assert not received


async def test_startup_parameters_are_refused_with_a_reason(pooled_url: str) -> None:
    url = checked_database_url(SecretStr(f"{pooled_url}?options=-c%20search_path%3Dshop"))
    pool = ConnectionPool(url.get_secret_value(), size=1, timeout=ANSWER_S)
    with pytest.raises(Unavailable) as refused:
        async with pool.connection():
            pass
    await pool.close()
    assert "unsupported startup parameter" in refused.value.reason
