"""Fixtures of the tests on real processes."""

import os
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path

import asyncpg
import pytest

from jubilee.adapters.postgres.statement import Driver
from tests.servers import Servers, started_pair
from tests.support.api import COMMAND, Api, Starter, starter
from tests.support.outages import OwnServers
from tests.support.redis_servers import RedisServer
from tests.support.running import PATIENT, PROGRAM_S, Up, eventually, free_port
from tests.system.following import Env
from tests.system.runbooks import ENTRIES_READ

ROOT = Path(__file__).parents[2]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that is marked `follows` and takes nothing from an entry that it names."""
    ENTRIES_READ.clear()
    result = yield
    followed = {alert for mark in item.iter_markers("follows") for alert in mark.args}
    assert followed <= ENTRIES_READ
    return result


@pytest.fixture
def start_api(tmp_path: Path) -> Iterator[Starter]:
    """Start `jubilee api` with two URLs and settings; each process ends with the test."""
    yield from starter(tmp_path)


@pytest.fixture
def api(start_api: Starter, servers: Servers, database_url: str) -> Api:
    """An API that is ready, on a new database."""
    return start_api(database_url, servers.redis_url).ready()


@pytest.fixture
async def driver(database_url: str) -> AsyncIterator[Driver]:
    """A connection to the database of the test."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that the test may kill."""
    server = RedisServer(tmp_path / "redis").ready()
    yield server
    server.kill()


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """A server that accepts connections and answers no request, until it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def env(servers: Servers, database_url: str, tmp_path: Path) -> Env:
    """The environment of a worker, and of the commands beside it."""
    return {
        **PATIENT,
        "DATABASE_URL": database_url,
        "REDIS_URL": servers.redis_url,
        "SMTP_URL": None,
        "MAIL_DIR": str(tmp_path / "mail"),
        "WORKER_METRICS_PORT": str(free_port()),
    }


@pytest.fixture
def start_worker(tmp_path: Path, env: Env) -> Iterator[Callable[..., Up]]:
    """Start a worker that ends with the test: `start_worker(LEASE_SECONDS="2")`."""
    started: list[Up] = []

    def start(**given: str | None) -> Up:
        worker = Up(tmp_path / "data", tmp_path, (*COMMAND, "worker"), **{**env, **given})
        started.append(worker)
        assert eventually(lambda: "waiting for jobs" in worker.output), worker.output
        return worker

    yield start
    for worker in started:
        worker.end()


@pytest.fixture(scope="module")
def pair(prepared_data: Path) -> Iterator[OwnServers]:
    """PostgreSQL and Redis for the tests of a module, each of which restores what it breaks."""
    with started_pair(prepared_data) as servers:
        yield servers


@pytest.fixture
async def pair_driver(pair: OwnServers) -> AsyncIterator[Driver]:
    """A connection to the private PostgreSQL."""
    connection = await asyncpg.connect(pair.database_url)
    yield connection
    connection.terminate()  # a test may have killed the server


@pytest.fixture(scope="session")
def producer_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel for programs that only enqueue jobs; Python can import from it."""
    at = tmp_path_factory.mktemp("dist")
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ("make", "-o", ".venv/dev", "producer-wheel", f"DIST={at}")
    subprocess.run(command, cwd=ROOT, env=outside, check=True, timeout=PROGRAM_S)
    (wheel,) = at.glob("*.whl")
    return wheel
