"""Flushed, killed, frozen and full Redis: it only carries dispatches."""

import time
from collections.abc import Callable
from uuid import UUID

import pytest
from arq.constants import in_progress_key_prefix, retry_key_prefix

from jubilee.adapters.redis.arq.queue_worker import IN_PROGRESS_TTL_S
from tests.support.outages import OwnServers
from tests.system.chaos.checks import CLEAN, judge
from tests.system.chaos.clients import post
from tests.system.chaos.database import Database
from tests.system.chaos.drains import has_drained, starts
from tests.system.chaos.fleet import DRAIN_S, Fleet
from tests.system.chaos.nemesis import Nemesis, command

REDELIVERY_LIMIT_S = 4.5  # 3 are promised, with a margin for a loaded machine


def test_repeated_flushes_of_redis_lose_no_job(
    fleet: Fleet, database: Database, nemesis: Nemesis
) -> None:
    jobs = database.add_jobs("chaos.slow", 600, data={"seconds": 0.1})
    for _ in range(5):
        fleet.rest(0.4)
        nemesis.flush_redis()
        database.age()
    assert has_drained(fleet, database)
    assert judge(database, added=jobs) == CLEAN


@pytest.mark.timing(waits=True)
def test_jobs_marked_but_never_sent_are_dispatched_again(fleet: Fleet, database: Database) -> None:
    jobs = database.add_jobs("chaos.quick", 20, dispatched=0)
    fleet.rest(0.7)
    assert {database.status(job) for job in jobs} == {"queued"}
    assert has_drained(fleet, database, 5, patient=True)
    assert max(starts(database)) < REDELIVERY_LIMIT_S
    assert judge(database, added=jobs) == CLEAN


@pytest.mark.timing(waits=True)
def test_jobs_in_a_killed_or_frozen_redis_run_soon_after_it_is_back(
    fleet: Fleet, database: Database, user_headers: dict[str, str], nemesis: Nemesis
) -> None:
    redis = fleet.servers.redis
    for number, (harm, heal) in enumerate(((redis.kill, redis.start), (redis.freeze, redis.thaw))):
        nemesis.flush_redis()
        harm()
        began = database.one("SELECT clock_timestamp() AS at")["at"]
        names = [f"task-{number}-{one}" for one in range(6)]
        jobs = []
        for name in names:
            jobs.append(post(fleet.api.url, user_headers, "chaos.quick", name))
            fleet.rest(0.5)
        heal()
        back = database.one("SELECT clock_timestamp() AS at")["at"]
        assert back > began
        assert has_drained(fleet, database, 10, patient=True)
        last = database.one("SELECT max(at) AS at FROM runs WHERE job_id = ANY($1)", jobs)["at"]
        assert (last - back).total_seconds() < REDELIVERY_LIMIT_S


@pytest.mark.timing(waits=True)
def test_the_message_of_a_killed_worker_is_taken_by_another(
    fleet: Fleet, database: Database
) -> None:
    (job,) = database.add_jobs("chaos.quick")
    mark = f"{in_progress_key_prefix}{job}:0"
    command(fleet.servers.redis_url, "SET", mark, "1", "PX", str(int(IN_PROGRESS_TTL_S * 1000)))
    command(fleet.servers.redis_url, "SET", f"{retry_key_prefix}{job}:0", "1")
    assert has_drained(fleet, database, 5, patient=True)
    assert max(starts(database)) < REDELIVERY_LIMIT_S
    assert judge(database, added=[job]) == CLEAN


@pytest.mark.timing(waits=True)
def test_tasks_are_acknowledged_during_faults_of_redis_and_run_after(
    fleet: Fleet, database: Database, user_headers: dict[str, str]
) -> None:
    before = [len(worker.codes) for worker in fleet.workers]
    jobs: list[UUID] = []
    slowest = 0.0
    for harm, heal in outages(fleet.servers):
        harm()
        for _ in range(12):
            began = time.monotonic()
            jobs.append(post(fleet.api.url, user_headers, "chaos.quick", f"task-{len(jobs)}"))
            slowest = max(slowest, time.monotonic() - began)
            fleet.rest(0.1)
        heal()
    assert slowest < 1
    assert has_drained(fleet, database)
    assert judge(database, added=jobs) == CLEAN
    assert [len(worker.codes) for worker in fleet.workers] == before


def outages(servers: OwnServers) -> list[tuple[Callable[[], object], Callable[[], object]]]:
    """Return pairs of a fault of Redis and its end."""

    def limit(size: str) -> Callable[[], object]:
        return lambda: command(servers.redis_url, "CONFIG", "SET", "maxmemory", size)

    return [
        (servers.redis.kill, servers.redis.start),
        (servers.redis.freeze, servers.redis.thaw),
        (limit("1"), limit("0")),
    ]


@pytest.mark.timing(waits=True)
def test_a_worker_ends_in_time_while_redis_is_frozen(fleet: Fleet, database: Database) -> None:
    jobs = database.add_jobs("chaos.slow", 30, data={"seconds": 0.5})
    fleet.rest(1.2)
    fleet.servers.redis.freeze()
    seconds = fleet.workers[0].stop(within=30)
    fleet.servers.redis.thaw()
    assert seconds < DRAIN_S + 9
    assert has_drained(fleet, database)
    assert judge(database, added=jobs) == CLEAN
