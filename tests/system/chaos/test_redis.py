"""Redis forgets, dies, freezes and is full: it is only the courier."""

import time
from collections.abc import Callable
from uuid import UUID

from tests.outages import OwnServers
from tests.system.chaos.checks import CLEAN, judge
from tests.system.chaos.clients import post
from tests.system.chaos.database import Database
from tests.system.chaos.drains import drained
from tests.system.chaos.fleet import DRAIN, Fleet
from tests.system.chaos.nemesis import Nemesis, command


def test_a_redis_that_forgets_everything_again_and_again_loses_no_job(
    fleet: Fleet, database: Database, nemesis: Nemesis
) -> None:
    jobs = database.add_jobs("chaos.slow", 600, data={"seconds": 0.1})
    for _ in range(5):
        fleet.rest(0.4)
        nemesis.flush_redis()
        database.age()
    assert drained(fleet, database)
    assert judge(database, added=jobs) == CLEAN


def test_what_was_marked_and_never_sent_is_sent_after_a_while(
    fleet: Fleet, database: Database
) -> None:
    jobs = database.add_jobs("chaos.quick", 20, dispatched=13)
    fleet.rest(0.5)
    assert {database.status(job) for job in jobs} == {"queued"}
    assert drained(fleet, database, 5)
    assert judge(database, added=jobs) == CLEAN


def test_tasks_are_acknowledged_at_once_whatever_redis_does_and_done_when_it_is_back(
    fleet: Fleet, database: Database, somebody: dict[str, str]
) -> None:
    before = [len(worker.codes) for worker in fleet.workers]
    jobs: list[UUID] = []
    slowest = 0.0
    for harm, heal in outages(fleet.servers):
        harm()
        for _ in range(12):
            began = time.monotonic()
            jobs.append(post(fleet.api.url, somebody, "chaos.quick", f"task-{len(jobs)}"))
            slowest = max(slowest, time.monotonic() - began)
            fleet.rest(0.1)
        heal()
    assert slowest < 1
    assert drained(fleet, database)
    assert judge(database, added=jobs) == CLEAN
    assert [len(worker.codes) for worker in fleet.workers] == before


def outages(servers: OwnServers) -> list[tuple[Callable[[], object], Callable[[], object]]]:
    """How it goes away, and how it comes back."""

    def limit(size: str) -> Callable[[], object]:
        return lambda: command(servers.redis_url, "CONFIG", "SET", "maxmemory", size)

    return [
        (servers.redis.kill, servers.redis.start),
        (servers.redis.freeze, servers.redis.thaw),
        (limit("1"), limit("0")),
    ]


def test_a_worker_ends_in_time_while_redis_is_frozen(fleet: Fleet, database: Database) -> None:
    jobs = database.add_jobs("chaos.slow", 30, data={"seconds": 0.5})
    fleet.rest(1.2)
    fleet.servers.redis.freeze()
    seconds = fleet.workers[0].stop(within=30)
    fleet.servers.redis.thaw()
    assert seconds < DRAIN + 9
    assert drained(fleet, database)
    assert judge(database, added=jobs) == CLEAN
