"""The master watched by Sentinel is killed while jobs are created and run."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.api import bearer, sign_up
from tests.support.outages import OwnServers
from tests.support.redis_servers import SentinelGroup, replied, running_group
from tests.system.chaos.background import Background
from tests.system.chaos.checks import CLEAN, judge, story
from tests.system.chaos.clients import Clients
from tests.system.chaos.database import Database
from tests.system.chaos.drains import has_drained
from tests.system.chaos.fleet import Fleet
from tests.system.chaos.history import History
from tests.system.chaos.kinds import SCHEMA

CLIENTS = 3
BEFORE = 20  # jobs that have ended before the master is killed
AFTER = 20  # jobs that are asked for once another server is the master


@pytest.fixture
def group(tmp_path: Path) -> Iterator[SentinelGroup]:
    with running_group(tmp_path, down_after_s=1) as group:
        yield group


@pytest.fixture
def watched_fleet(
    group: SentinelGroup, own_servers: OwnServers, background: Background, tmp_path: Path
) -> Iterator[Fleet]:
    """An API and two workers that know Redis by its Sentinels alone."""
    fleet = Fleet(own_servers, background, tmp_path)
    for worker in (False, True, True):
        fleet.add(worker=worker, REDIS_URL=group.url)
    assert fleet.wait(lambda: all(member.is_ready() for member in fleet.members))
    yield fleet
    fleet.end()


def test_every_job_runs_once_over_a_failover(
    watched_fleet: Fleet, group: SentinelGroup, background: Background, tmp_path: Path, seed: int
) -> None:
    fleet, database = watched_fleet, Database(watched_fleet.servers.database_url, background)
    for statement in SCHEMA:
        database.all(statement)
    with httpx2.Client(base_url=fleet.api.url, timeout=10) as client:
        user_headers = bearer(sign_up(client, "ada"))
    history = History(tmp_path / "history.jsonl")
    clients = Clients(fleet.api.url, user_headers, history, seed)
    clients.start(CLIENTS, [("chaos.quick", {}), ("chaos.slow", {"seconds": 0.1})], pause=0.1)
    assert fleet.wait(lambda: ended(database) >= BEFORE)
    group.master.kill()
    # The replica ends all connections when it becomes the master.
    assert fleet.wait(lambda: (replied(group.replica, "ROLE") or [b""])[0] == b"master")
    asked = ended(database)
    assert fleet.wait(lambda: ended(database) >= asked + AFTER)
    history_of_tasks = clients.stop()
    history.close()
    assert has_drained(fleet, database, patient=True)
    verdict = judge(database, history_of_tasks)
    assert verdict == CLEAN, story(database, verdict)
    assert [member.codes for member in fleet.members] == [[], [], []]
    assert any(client["db"] == "1" for client in group.replica.ask("CLIENT LIST"))


def ended(database: Database) -> int:
    return int(database.one("SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL")["count"])
