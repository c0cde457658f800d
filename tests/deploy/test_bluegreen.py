"""Releases by deploy/bluegreen: two real versions behind the real proxy, under constant load."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx2
import pytest
from deploy.bluegreen.colours import Colour
from deploy.bluegreen.haproxy import HaproxyRouter

from jubilee.adapters.embedded.servers import EmbeddedServers
from jubilee.adapters.postgres.schema import upgrade
from tests.deploy.conftest import ROOT, START_S, eventually
from tests.deploy.edge import Edge
from tests.support.api import Api
from tests.support.running import free_port
from tests.support.version_before import unpack_version_before
from tests.system.chaos.background import Background
from tests.system.chaos.proxy import Mode, Proxy

SLOW_S = 0.15
OPTIONS = {"METRICS_PORT": "0", "LOG_LEVEL": "WARNING"}
SHORT = (
    "--baseline-s=1.5 --watch-s=10 --window-s=2 --poll-s=0.3 --ready-within-s=120 --min-requests=20"
)
ANY_SPEED = "--max-p95-s=60 --p95-margin-s=60"  # other work on the machine slows both versions
UNPRIVILEGED = """
    CREATE ROLE reader LOGIN;
    GRANT SELECT ON alembic_version TO reader;
    GRANT ALL ON signing_keys, audit_entries, sessions TO reader;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO reader
"""
"""A role with which an API starts, but reads no birthday."""


@dataclass(frozen=True, slots=True)
class Databases:
    """A migrated PostgreSQL and a Redis."""

    database_url: str
    redis_url: str

    def of(self, role: str) -> str:
        """The database as another role."""
        return self.database_url.replace("jubilee@", f"{role}@")

    @property
    def socket(self) -> str:
        """The socket of PostgreSQL."""
        (folder,) = parse_qs(urlsplit(self.database_url).query)["host"]
        return f"{folder}/.s.PGSQL.5432"


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Both, embedded."""
    servers = EmbeddedServers(tmp_path_factory.mktemp("databases") / "data", durable=False)
    servers.start()
    made = Databases(servers.database_url or "", servers.redis_url or "")
    upgrade(made.database_url)
    yield made
    servers.stop()


@pytest.fixture
def network(databases: Databases) -> Iterator[Proxy]:
    """A network before PostgreSQL, which does not delay yet."""
    background = Background()
    proxy = Proxy(background, databases.socket, delay=SLOW_S).start()
    yield proxy
    proxy.close()
    background.close()


class NextVersion:
    """Starts the green API, where HAProxy expects it."""

    def __init__(self, at: Path, databases: Databases, ends: ExitStack, port: int) -> None:
        self._at, self._databases, self._ends, self._port = at, databases, ends, port

    def __call__(self, database_url: str | None = None) -> Api:
        """Start one, by default with all rights."""
        urls = (database_url or self._databases.database_url, self._databases.redis_url)
        api = Api(self._at, *urls, **OPTIONS, PORT=str(self._port))
        self._ends.callback(api.end)
        return api


@pytest.fixture(scope="module")
def only_edge(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """HAProxy before a blue API, which is the version before."""
    at = tmp_path_factory.mktemp("edge")
    source = str(unpack_version_before(at) / "src")
    urls = (databases.database_url, databases.redis_url)
    blue = Api(at, *urls, **OPTIONS, PYTHONPATH=source).ready()
    saved = httpx2.put(f"{blue.url}/hello/Zoe", json={"dateOfBirth": "1990-05-17"})
    assert saved.status_code == 204
    edge = Edge(at, blue, free_port())
    yield edge.ready()
    edge.end()
    blue.end()


@pytest.fixture
def edge(only_edge: Edge) -> Iterator[Edge]:
    """The same; blue gets the requests, green is held."""
    router = HaproxyRouter(only_edge.admin, "apis", 0)
    router.switch(Colour.BLUE)
    assert eventually(lambda: bluegreen("idle", only_edge) == (0, "green\n"))
    yield only_edge
    router.switch(Colour.BLUE)


@pytest.fixture
def start_green(tmp_path: Path, databases: Databases, edge: Edge) -> Iterator[NextVersion]:
    with ExitStack() as ends:
        yield NextVersion(tmp_path, databases, ends, edge.green_port)


def start_bluegreen(command: str, edge: Edge, options: str = "") -> subprocess.Popen[str]:
    arguments = f"{command} --haproxy {edge.admin} --metrics-port 0 {options}".split()
    return subprocess.Popen(
        (sys.executable, "-m", "deploy.bluegreen", *arguments),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def bluegreen(command: str, edge: Edge, options: str = "") -> tuple[int, str]:
    with start_bluegreen(command, edge, options) as process:
        said, _ = process.communicate(timeout=START_S)
    return process.returncode, said


def test_no_request_fails_while_a_good_version_is_promoted(
    edge: Edge, start_green: NextVersion
) -> None:
    with edge.load() as load:
        green = start_green()
        code, said = bluegreen("release", edge, f"{SHORT} {ANY_SPEED}")
    assert code == 0, said
    assert "promoted" in said
    assert set(load.answers) == {"200"}, (load.answers, said)
    counted = httpx2.get(f"{green.url}/metrics").text
    assert 'endpoint="/hello/{username}",method="GET",status="200"' in counted
    assert bluegreen("idle", edge) == (0, "blue\n")


async def test_a_version_whose_requests_fail_is_rolled_back(
    edge: Edge, start_green: NextVersion, databases: Databases
) -> None:
    connection = await asyncpg.connect(databases.database_url)
    await connection.execute(UNPRIVILEGED)
    await connection.close()
    with edge.load() as load:
        start_green(databases.of("reader"))
        code, said = bluegreen("release", edge, f"{SHORT} {ANY_SPEED} --watch-s=60")
        load.restart()
        assert eventually(lambda: load.answers["200"] > 50)
    assert (code, set(load.answers)) == (1, {"200"}), said
    assert re.search(
        r"rolled back to blue: green: \S+% of \d+ requests fail; 1.00% are allowed, "
        r"for 0.00% failed before\n$",
        said,
    ), said


def test_a_slow_version_is_rolled_back(
    edge: Edge, start_green: NextVersion, network: Proxy
) -> None:
    url = f"postgresql://jubilee@127.0.0.1:{network.port}/jubilee?sslmode=disable"
    green = start_green(url).ready()  # over a network that becomes slow later
    network.turn(Mode.DELAY)
    with edge.load():
        code, said = bluegreen(
            "release", edge, f"{SHORT} --watch-s=20 --min-requests=5 --max-p95-s=0.25"
        )
    green.end()  # before the network
    assert code == 1
    assert re.search(r"rolled back to blue: green: p95 is \d+ ms; \d+ ms are", said), said
    assert bluegreen("idle", edge) == (0, "green\n")


def test_a_version_that_is_not_ready_gets_no_request(edge: Edge) -> None:
    with edge.load() as load:
        code, said = bluegreen("release", edge, "--ready-within-s=2 --poll-s=0.3")
    assert (code, said) == (
        1,
        "bluegreen: nothing was switched: green is not ready within 2 s\n",
    )
    assert set(load.answers) == {"200"}


def test_a_version_that_dies_is_rolled_back(edge: Edge, start_green: NextVersion) -> None:
    with edge.load():
        green = start_green()
        options = f"{SHORT} {ANY_SPEED} --watch-s=60 --unreadable-s=1 --min-errors=9999"
        with start_bluegreen("release", edge, options) as process:
            assert_switched(process)
            green.end()
            said, _ = process.communicate(timeout=START_S)
    assert process.returncode == 1
    assert "rolled back to blue: green: an API of it is not ready any more" in said


def test_a_release_that_is_ended_goes_back(edge: Edge, start_green: NextVersion) -> None:
    with edge.load() as load:
        start_green()
        options = f"{SHORT} {ANY_SPEED} --watch-s=60"
        with start_bluegreen("release", edge, options) as process:
            assert_switched(process)
            process.terminate()
            said, _ = process.communicate(timeout=START_S)
    assert process.returncode == 1
    assert said == "bluegreen: rolled back to blue: green: ended by SIGTERM\n"
    assert set(load.answers) == {"200"}


def assert_switched(process: subprocess.Popen[str]) -> None:
    """Wait until the release says that it has switched."""
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("switched"):
        lines.append(process.stdout.readline())
        assert lines[-1], lines
