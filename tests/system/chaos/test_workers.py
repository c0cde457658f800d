"""Workers that are killed, frozen and stopped."""

import signal
import time
from uuid import UUID

import pytest

from tests.system.chaos.checks import CLEAN, judge
from tests.system.chaos.database import Database
from tests.system.chaos.drains import has_drained, runner
from tests.system.chaos.fleet import DRAIN_S, LEASE_S, Fleet
from tests.system.chaos.nemesis import Nemesis
from tests.system.chaos.proxy import Mode

RERUN_LIMIT_S = LEASE_S + 6.0  # seconds: a lease, the sweep, the relay's next round, and a margin
MARGIN_S = 3.0  # seconds more for a job whose worker died before its claim
UNRESPONSIVE_S = 7.0  # seconds
GAPS = """
    SELECT count(gap), max(gap) AS longest,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) AS usual
    FROM (
        SELECT at - lag(at) OVER (PARTITION BY job_id ORDER BY epoch) AS gap FROM runs
    ) AS run
"""


@pytest.mark.timing(waits=True)
def test_repeatedly_killed_workers_lose_and_duplicate_nothing(
    fleet: Fleet, database: Database, nemesis: Nemesis
) -> None:
    jobs: list[UUID] = []
    for _ in range(4):
        jobs += database.add_jobs("chaos.slow", 40, data={"seconds": 0.3})
        fleet.rest(0.7)
        nemesis.kill_a_worker()
    assert has_drained(fleet, database)
    assert judge(database, added=jobs) == CLEAN
    gaps = database.one(GAPS)
    assert gaps["count"] > 0
    assert gaps["usual"].total_seconds() < RERUN_LIMIT_S
    assert gaps["longest"].total_seconds() < RERUN_LIMIT_S + MARGIN_S


def test_a_worker_frozen_past_its_lease_has_no_effect_when_it_wakes(
    fleet: Fleet, database: Database
) -> None:
    # It is not told that its lease is lost, so only the fence can stop it.
    (job,) = database.add_jobs("chaos.drops_next_answer", data={"seconds": UNRESPONSIVE_S})
    worker = runner(fleet, database, job)
    pid, woken = worker.pid, time.monotonic() + UNRESPONSIVE_S
    worker.send(signal.SIGSTOP)
    assert has_drained(fleet, database)
    worker.send(signal.SIGCONT)
    fleet.rest(max(woken - time.monotonic(), 0) + 1)
    assert judge(database, added=[job]) == CLEAN
    assert database.one("SELECT count(*) FROM runs")["count"] > 1
    assert worker.pid == pid


@pytest.mark.parametrize("first", ["retry", "dead", "progress", "release"])
def test_late_writes_of_a_lost_attempt_change_nothing(
    fleet: Fleet, database: Database, first: str
) -> None:
    for member in fleet.workers:
        member.proxy.turn(Mode.HOLD_ENDS)
    before = sum(member.proxy.held for member in fleet.workers)
    (job,) = database.add_jobs("chaos.wrong", data={"first": first, "seconds": 4})
    worker = runner(fleet, database, job)
    if first == "release":
        worker.stop(within=60)
    assert fleet.wait(lambda: len(database.all("SELECT FROM runs")) > 1)
    assert sum(member.proxy.held for member in fleet.workers) > before
    for member in fleet.workers:
        member.proxy.turn(Mode.PASS)
    assert has_drained(fleet, database)
    assert judge(database, added=[job]) == CLEAN
    row = database.one("SELECT attempts = epoch AS counted, progress FROM jobs")
    assert tuple(row) == (True, None)


@pytest.mark.timing(waits=True)
def test_a_rolling_restart_counts_no_attempt(fleet: Fleet, database: Database) -> None:
    jobs: list[UUID] = []
    for worker in fleet.workers:
        for seconds in (0.1, 0.5, 1.0, DRAIN_S * 2):
            jobs += database.add_jobs("chaos.slow", 5, data={"seconds": seconds})
        fleet.rest(0.7)
        assert worker.stop(within=30) < DRAIN_S + 9
        assert worker.codes[-1] == 0
        worker.wanted = True
    assert has_drained(fleet, database)
    assert judge(database, added=jobs) == CLEAN
    assert database.one("SELECT max(attempts) FROM jobs WHERE kind = 'chaos.slow'")["max"] == 1


@pytest.mark.timing(waits=True)
def test_a_job_that_ignores_cancellation_delays_a_stopping_worker_briefly(
    fleet: Fleet, database: Database
) -> None:
    (job,) = database.add_jobs("chaos.drops_next_answer", data={"seconds": 60})
    worker = runner(fleet, database, job)
    assert worker.stop(within=30) < DRAIN_S + 9
    assert has_drained(fleet, database)
    assert judge(database, added=[job]) == CLEAN
