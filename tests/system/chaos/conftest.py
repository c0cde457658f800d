"""Fixtures of the chaos tests: one pair of servers and one fleet for all of them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import httpx2
import pytest

from jubilee.adapters.embedded.servers import EmbeddedServers
from jubilee.adapters.postgres.schema import upgrade
from tests.outages import OwnServers
from tests.support.api import bearer, sign_up
from tests.system.chaos.background import Background
from tests.system.chaos.clients import Clients
from tests.system.chaos.database import Database
from tests.system.chaos.fleet import Fleet
from tests.system.chaos.history import History
from tests.system.chaos.kinds import TABLES
from tests.system.chaos.nemesis import Nemesis

HOUR = 3600


@pytest.fixture(scope="package")
def seed() -> int:
    """CHAOS_SEED, else one that is the same at each run."""
    return int(os.environ.get("CHAOS_SEED") or 1)


@pytest.fixture(scope="package")
def background() -> Iterator[Background]:
    """Turns for all proxies."""
    background = Background()
    yield background
    background.close()


@pytest.fixture(scope="package")
def victims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServers]:
    """Servers that may be killed and frozen, with the present schema."""
    embedded = EmbeddedServers(tmp_path_factory.mktemp("victims"), durable=False)
    servers = OwnServers(embedded)
    embedded.start()
    upgrade(servers.database_url)
    yield servers
    servers.redis.end()
    servers.postgres.end()


@pytest.fixture(scope="package")
def all_of_them(
    victims: OwnServers, background: Background, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """An API and three workers, two of them with a wrong clock; one kind is too new for them."""
    fleet = Fleet(victims, background, tmp_path_factory.mktemp("fleet"))
    fleet.add(worker=False)
    for skew in (0, HOUR, -HOUR):
        fleet.add(skew=skew, CHAOS_UNKNOWN="chaos.new")
    yield fleet
    fleet.end()


@pytest.fixture
def fleet(all_of_them: Fleet, database: Database) -> Iterator[Fleet]:
    """Each of them is at work, and has nothing to do."""
    all_of_them.heal()
    yield all_of_them
    all_of_them.heal()


@pytest.fixture
def database(victims: OwnServers, background: Background) -> Database:
    """Without a job in it, whatever the last test has left."""
    victims.postgres.restore()
    database = Database(victims.database_url, background)
    for statement in (*TABLES, "TRUNCATE jobs, runs, effects"):
        database.all(statement)
    return database


@pytest.fixture(scope="package")
def somebody(all_of_them: Fleet) -> dict[str, str]:
    """The headers of somebody who is signed in."""
    all_of_them.heal()
    with httpx2.Client(base_url=all_of_them.api.url, timeout=10) as client:
        return bearer(sign_up(client, "ada"))


@pytest.fixture
def clients(fleet: Fleet, somebody: dict[str, str], seed: int, tmp_path: Path) -> Iterator[Clients]:
    """They have not begun."""
    history = History(tmp_path / "history.jsonl")
    yield Clients(fleet.api.url, somebody, history, seed)
    history.close()


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], seed: int) -> Callable[[str], None]:
    """Print a line even where all is well: a run has figures, and a seed to repeat it with."""

    def said(line: str) -> None:
        with capsys.disabled():
            print(f"\nchaos: seed {seed}: {line}")  # noqa: T201  # for whoever runs the tests

    return said


@pytest.fixture
def nemesis(fleet: Fleet, database: Database, seed: int) -> Nemesis:
    """For a fault at a time, or all of them."""
    return Nemesis(fleet, database, Random(seed))
