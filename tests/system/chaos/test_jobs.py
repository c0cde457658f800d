"""Jobs that harm their worker, and jobs that no worker knows."""

from jubilee.entrypoints.watchdog import STUCK
from tests.system.chaos.checks import CLEAN, judge
from tests.system.chaos.clients import post
from tests.system.chaos.database import Database
from tests.system.chaos.drains import drained, runner
from tests.system.chaos.fleet import DRAIN, Fleet

POISONED = 9  # the exit code of a worker that took it


def test_a_job_that_kills_its_workers_is_dead_after_its_attempts_and_others_are_not(
    fleet: Fleet, database: Database
) -> None:
    (poison,) = database.add_jobs("chaos.poison", attempts=2)
    others = database.add_jobs("chaos.slow", 60, data={"seconds": 0.2})
    before = sum(worker.codes.count(POISONED) for worker in fleet.workers)
    assert drained(fleet, database)
    assert judge(database, added=[poison, *others]) == CLEAN
    assert fleet.wait(
        lambda: sum(worker.codes.count(POISONED) for worker in fleet.workers) == before + 2
    )


def test_a_job_that_blocks_the_loop_ends_its_worker_and_the_rest_goes_on_elsewhere(
    fleet: Fleet, database: Database
) -> None:
    (blocking,) = database.add_jobs("chaos.blocking", data={"seconds": 60})
    others = database.add_jobs("chaos.slow", 60, data={"seconds": 0.2})
    worker = runner(fleet, database, blocking)
    assert fleet.wait(lambda: STUCK in worker.codes, 10)
    assert drained(fleet, database)
    assert judge(database, added=[blocking, *others]) == CLEAN


def test_workers_of_the_last_version_leave_a_new_kind_to_those_that_know_it(
    fleet: Fleet, database: Database, somebody: dict[str, str]
) -> None:
    ids = [post(fleet.api.url, somebody, "chaos.new", f"new-{number}") for number in range(5)]
    jobs = [*ids, *database.add_jobs("chaos.new", 5)]
    fleet.rest(1.5)
    found = database.all("SELECT status, attempts FROM jobs WHERE kind = 'chaos.new'")
    assert {(row["status"], row["attempts"]) for row in found} == {("queued", 0)}
    with fleet.extra() as [newer]:
        for older in fleet.workers[:2]:
            older.stop(within=DRAIN + 5)
        assert drained(fleet, database, 60)
        assert judge(database, added=jobs) == CLEAN
        pids = {row["pid"] for row in database.all("SELECT pid FROM runs")}
        assert pids == {newer.pid}
