"""Real PostgreSQL and Redis for tests: containers where an engine answers, else the embedded ones.

JUBILEE_TEST_SERVERS=containers|embedded forces a kind, and a forced kind that is not there fails;
`running` are those of JUBILEE_TEST_DATABASE_URL and JUBILEE_TEST_REDIS_URL, and are left running.
JUBILEE_TEST_POOLER=1 puts PgBouncer before containers: tests get its URL of their database.
Nothing starts before a test asks for it.
"""

import http.client
import os
import secrets
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from functools import cache
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from jubilee.adapters.embedded.errors import ServerFailed
from jubilee.adapters.embedded.servers import EmbeddedServers
from jubilee.adapters.embedded.wheels import postgres_program, valkey_program
from jubilee.adapters.postgres.schema import upgrade
from tests.support.folders import data_folder
from tests.support.outages import OwnServers

FORCE = "JUBILEE_TEST_SERVERS"
POOLER = "JUBILEE_TEST_POOLER"
PING_SECONDS = 60.0
REAL_ADAPTERS = frozenset({"postgres", "redis"})
"""Parameters of contract tests that ask for the servers while they run."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the throwaway servers of this run are."""

    kind: str
    database_url: str
    redis_url: str


def pytest_configure() -> None:
    """A forced kind that is not there ends the run with one line."""
    kind = chosen_kind()
    if kind == "containers" and not engine_answers():
        raise pytest.UsageError(f"{FORCE}=containers, but no engine answers at {_engine()}")
    if POOLER in os.environ and kind != "containers":
        raise pytest.UsageError(f"{POOLER} needs {FORCE}=containers")
    if kind == "embedded":
        try:
            postgres_program("postgres")
            valkey_program()
        except ServerFailed as error:
            raise pytest.UsageError(f"no servers for the tests: {error}") from error
    if kind not in {"containers", "embedded", "running"}:
        raise pytest.UsageError(f"{FORCE} is containers, embedded or running, not {kind!r}")


def pytest_report_header() -> str:
    """Say which servers the tests run on."""
    return f"servers: {chosen_kind()}{' (forced)' if os.environ.get(FORCE) else ''}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs on the servers of this run: `-m servers` is what another kind may change."""
    for item in items:
        call = getattr(item, "callspec", None)
        kinds = [value for value in call.params.values() if isinstance(value, str)] if call else []
        if not REAL_ADAPTERS.isdisjoint(kinds) or "servers" in getattr(item, "fixturenames", ()):
            item.add_marker("servers")


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """One PostgreSQL and one Redis for the whole run."""
    opened = {"containers": start_containers, "embedded": _embedded, "running": _running}
    with opened[chosen_kind()]() as started:
        yield started


@pytest.fixture(scope="session")
def pooler_url(servers: Servers) -> Iterator[str | None]:
    """The URL of PgBouncer before this run's PostgreSQL, None without JUBILEE_TEST_POOLER."""
    if POOLER not in os.environ:
        yield None
        return
    with import_module("tests.pooler").pooler(servers.database_url) as url:
        yield url


@pytest.fixture(scope="session")
def prepared_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an embedded PostgreSQL that has ended, with the current schema.

    The processes of a parallel run share them: the first one makes them.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "prepared"
    with folder.with_suffix(".lock").open("w") as locked:
        flock(locked, LOCK_EX)
        if not folder.exists():
            _prepare(folder.with_suffix(".new")).rename(folder)
    return folder


def _prepare(folder: Path) -> Path:
    embedded = EmbeddedServers(folder, want_redis=False, durable=False)
    embedded.start()
    try:
        upgrade(embedded.database_url or "")
    finally:
        embedded.stop()
    return folder


def copy_data(prepared_data: Path, to: Path) -> None:
    """Copy with the owner, who is another one where the tests run as root."""
    subprocess.run(("cp", "-a", prepared_data, to), check=True)


@pytest.fixture
def own_servers(prepared_data: Path) -> Iterator[OwnServers]:
    """A private embedded pair with the current schema; a test may kill, freeze and restart it."""
    with started_pair(prepared_data) as own:
        yield own


@contextmanager
def started_pair(prepared_data: Path) -> Iterator[OwnServers]:
    """Start servers on a copy of the data, and end them."""
    with data_folder() as folder:
        copy_data(prepared_data, folder)
        embedded = EmbeddedServers(folder, durable=False)
        own = OwnServers(embedded)
        embedded.start()
        yield own
        own.redis.end()
        own.postgres.end()


@asynccontextmanager
async def fresh_database(servers: Servers, template: str = "template1") -> AsyncIterator[str]:
    """The URL of an empty database (or a copy of `template`) that is dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(servers.database_url)
    try:
        # Copied as files: half the time of the copy through the log, which no test restores from.
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        yield urlsplit(servers.database_url)._replace(path=f"/{name}").geturl()
    finally:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await admin.close()


@cache
def chosen_kind() -> str:
    """`containers` or `embedded`, or what the environment says instead."""
    forced = os.environ.get(FORCE)
    return forced or ("containers" if engine_answers() else "embedded")


@contextmanager
def _embedded() -> Iterator[Servers]:
    with data_folder() as folder:
        embedded = EmbeddedServers(folder, durable=False)
        embedded.start()
        try:
            yield Servers("embedded", embedded.database_url or "", embedded.redis_url or "")
        finally:
            embedded.stop()


@contextmanager
def _running() -> Iterator[Servers]:
    urls = (os.environ[f"JUBILEE_TEST_{name}_URL"] for name in ("DATABASE", "REDIS"))
    yield Servers("running", *urls)


def start_containers() -> AbstractContextManager[Servers]:
    """Start PostgreSQL and Redis as containers."""
    # By name: their library is slow to load, and a run of pure tests needs none of it.
    started: AbstractContextManager[Servers] = import_module("tests.containers").start(Servers)
    return started


def _engine() -> str:
    return os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


@cache
def engine_answers() -> bool:
    engine = urlsplit(_engine())
    host, port = engine.hostname or "localhost", engine.port or 2375
    connection = http.client.HTTPConnection(host, port, timeout=PING_SECONDS)
    try:
        if engine.scheme == "unix":
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(PING_SECONDS)
            connection.sock.connect(engine.path)
        connection.request("GET", "/_ping")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
