"""Fixtures of the chaos tests: one pair of servers and one fleet for all of them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import httpx2
import pytest

from tests.servers import started_pair
from tests.support.api import bearer, sign_up
from tests.support.outages import OwnServers
from tests.system.chaos.background import Background
from tests.system.chaos.clients import Clients
from tests.system.chaos.database import Database
from tests.system.chaos.fleet import Fleet
from tests.system.chaos.history import History
from tests.system.chaos.kinds import SCHEMA
from tests.system.chaos.nemesis import Nemesis

HOUR = 3600


@pytest.fixture(scope="package")
def seed() -> int:
    """CHAOS_SEED, else a fixed seed."""
    return int(os.environ.get("CHAOS_SEED") or 1)


@pytest.fixture(scope="package")
def background() -> Iterator[Background]:
    """The event loop of all proxies."""
    background = Background()
    yield background
    background.close()


@pytest.fixture(scope="package")
def victims(prepared_data: Path) -> Iterator[OwnServers]:
    """Servers that may be killed and frozen, with the current schema."""
    with started_pair(prepared_data) as servers:
        yield servers


@pytest.fixture(scope="package")
def whole_fleet(
    victims: OwnServers, background: Background, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """An API and three workers, two with a wrong clock; they do not know one new kind."""
    fleet = Fleet(victims, background, tmp_path_factory.mktemp("fleet"))
    fleet.add(worker=False)
    for skew in (0, HOUR, -HOUR):
        fleet.add(skew=skew, CHAOS_UNKNOWN="chaos.new")
    yield fleet
    fleet.end()


@pytest.fixture
def fleet(whole_fleet: Fleet, database: Database) -> Iterator[Fleet]:
    """The fleet, with all members ready and idle."""
    whole_fleet.heal()
    yield whole_fleet
    whole_fleet.heal()


@pytest.fixture
def database(victims: OwnServers, background: Background) -> Database:
    """The database without any job."""
    victims.postgres.restore()
    database = Database(victims.database_url, background)
    for statement in (*SCHEMA, "TRUNCATE jobs, runs, effects"):
        database.all(statement)
    return database


@pytest.fixture(scope="package")
def user_headers(whole_fleet: Fleet) -> dict[str, str]:
    """The headers of a signed-in user."""
    whole_fleet.heal()
    with httpx2.Client(base_url=whole_fleet.api.url, timeout=10) as client:
        return bearer(sign_up(client, "ada"))


@pytest.fixture
def clients(
    fleet: Fleet, user_headers: dict[str, str], seed: int, tmp_path: Path
) -> Iterator[Clients]:
    """Clients that are not started."""
    history = History(tmp_path / "history.jsonl")
    yield Clients(fleet.api.url, user_headers, history, seed)
    history.close()


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], seed: int) -> Callable[[str], None]:
    """Print a line of a passing test too, with the seed that repeats the run."""

    def said(line: str) -> None:
        with capsys.disabled():
            print(f"\nchaos: seed {seed}: {line}")  # noqa: T201  # for the reader of the test's output

    return said


@pytest.fixture
def nemesis(fleet: Fleet, database: Database, seed: int) -> Nemesis:
    """The nemesis, for one fault or all of them."""
    return Nemesis(fleet, database, Random(seed))
