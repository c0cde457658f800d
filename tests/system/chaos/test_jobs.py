"""Jobs that harm their worker, and jobs that no worker knows."""

import signal

import pytest

from jubilee.entrypoints.processes.watchdog import EXIT_STUCK
from tests.system.chaos.checks import CLEAN, judge
from tests.system.chaos.clients import post
from tests.system.chaos.database import Database
from tests.system.chaos.drains import has_drained, runner, starts
from tests.system.chaos.fleet import KILLS, MAX_CRASHES, Fleet

SOON_S = 2.0  # seconds
POISONED = 9  # the exit code of a worker killed by it


def test_a_job_that_kills_its_workers_is_dead_after_three_crashes(
    fleet: Fleet, database: Database
) -> None:
    (poison,) = database.add_jobs("chaos.poison", crashes=MAX_CRASHES - KILLS)
    others = database.add_jobs("chaos.slow", 60, data={"seconds": 0.2})
    before = sum(worker.codes.count(POISONED) for worker in fleet.workers)
    assert has_drained(fleet, database)
    assert judge(database, added=[poison, *others]) == CLEAN
    assert fleet.wait(
        lambda: sum(worker.codes.count(POISONED) for worker in fleet.workers) == before + KILLS
    )
    row = database.one("SELECT attempts, error->>'code' AS code FROM jobs WHERE id = $1", poison)
    assert tuple(row) == (KILLS, "worker_crashed")


def test_a_job_that_blocks_the_event_loop_ends_its_worker_only(
    fleet: Fleet, database: Database
) -> None:
    (blocking,) = database.add_jobs("chaos.blocking", data={"seconds": 60})
    others = database.add_jobs("chaos.slow", 60, data={"seconds": 0.2})
    worker = runner(fleet, database, blocking)
    assert fleet.wait(lambda: EXIT_STUCK in worker.codes)
    assert has_drained(fleet, database)
    assert judge(database, added=[blocking, *others]) == CLEAN


def test_workers_of_the_last_version_leave_a_new_kind_queued(
    fleet: Fleet, database: Database, user_headers: dict[str, str]
) -> None:
    ids = [post(fleet.api.url, user_headers, "chaos.new", f"new-{number}") for number in range(5)]
    jobs = [*ids, *database.add_jobs("chaos.new", 5)]
    fleet.rest(1.5)
    found = database.all("SELECT status, attempts FROM jobs WHERE kind = 'chaos.new'")
    assert {(row["status"], row["attempts"]) for row in found} == {("queued", 0)}
    with fleet.extra() as [newer]:
        for older in fleet.workers[:2]:
            older.stop(within=60)
        assert has_drained(fleet, database)
        assert judge(database, added=jobs) == CLEAN
        pids = {row["pid"] for row in database.all("SELECT pid FROM runs")}
        assert pids == {newer.pid}


@pytest.mark.timing(waits=True)
def test_a_new_kind_is_never_taken_by_workers_that_do_not_know_it(
    fleet: Fleet, database: Database, user_headers: dict[str, str]
) -> None:
    with fleet.extra():
        jobs = []
        for number in range(10):
            jobs.append(post(fleet.api.url, user_headers, "chaos.new", f"new-{number}"))
            jobs += database.add_jobs("chaos.new")
            fleet.rest(0.1)
        assert has_drained(fleet, database, 10, patient=True)
        assert judge(database, added=jobs) == CLEAN
        assert tuple(database.one("SELECT max(epoch), max(attempts) FROM jobs")) == (1, 1)
        assert max(starts(database)) < SOON_S


@pytest.mark.timing(waits=True)
def test_jobs_of_a_kind_whose_only_worker_is_frozen_block_no_others(
    fleet: Fleet, database: Database, user_headers: dict[str, str]
) -> None:
    with fleet.extra() as [newer]:
        newer.send(signal.SIGSTOP)
        new = [
            post(fleet.api.url, user_headers, "chaos.new", f"new-{number}") for number in range(30)
        ]
        common = [post(fleet.api.url, user_headers, "chaos.quick", f"old-{n}") for n in range(30)]
        fleet.rest(5)
        assert {database.status(job) for job in common} == {"succeeded"}
        assert {database.status(job) for job in new} == {"queued"}
        waits = starts(database)
        assert (len(waits), max(waits) < 4) == (30, True)
        newer.send(signal.SIGCONT)
        assert has_drained(fleet, database, 20)
