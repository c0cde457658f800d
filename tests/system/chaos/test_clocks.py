"""Clocks that are an hour wrong: leases and due times use the database's clock."""

from datetime import datetime, timedelta
from uuid import UUID

import httpx2
import pytest

from tests.support.api import bearer, sign_in
from tests.system.chaos.checks import CLEAN, judge
from tests.system.chaos.clients import post
from tests.system.chaos.database import Database
from tests.system.chaos.drains import has_drained
from tests.system.chaos.fleet import Fleet

HOUR = 3600
DELAYS = """
    SELECT max(runs.at - jobs.run_at) AS longest, min(runs.at - jobs.run_at) AS shortest
    FROM runs JOIN jobs ON jobs.id = job_id
"""
PIDS = "SELECT DISTINCT pid FROM runs"
ATTEMPTS = "SELECT max(attempts) FROM jobs WHERE kind LIKE 'chaos.%'"


@pytest.mark.parametrize("skew", [HOUR, -HOUR])
@pytest.mark.usefixtures("user_headers")
def test_an_api_with_a_wrong_clock_starts_nothing_early_or_late(
    fleet: Fleet, database: Database, skew: int
) -> None:
    with fleet.extra(worker=False, skew=skew) as [api]:
        with httpx2.Client(base_url=api.url, timeout=10) as client:
            headers = bearer(sign_in(client, "ada"))
        now: datetime = database.one("SELECT now()")["now"]
        due = [now + timedelta(seconds=wait) for wait in (-HOUR / 2, 6, 6.5, 7)]
        jobs = [
            post(api.url, headers, "chaos.quick", f"at-{number}", run_at=at.isoformat())
            for number, at in enumerate(due)
        ]
        jobs += [
            post(api.url, headers, "chaos.quick", f"now-{number}", priority=number)
            for number in range(10)
        ]
        assert fleet.wait(lambda: database.live() == 0)
    assert judge(database, added=jobs) == CLEAN
    wanted = {row["id"]: row["run_at"] for row in database.all("SELECT id, run_at FROM jobs")}
    assert [wanted[job] for job in jobs[1:4]] == due[1:]
    delays = database.one(DELAYS)
    assert timedelta() <= delays["shortest"]
    assert delays["longest"] < timedelta(minutes=1)  # by its own clock: half an hour


@pytest.mark.timing(waits=True)
def test_workers_with_wrong_clocks_run_jobs_and_keep_their_leases(
    fleet: Fleet, database: Database
) -> None:
    jobs: list[UUID] = database.add_jobs("chaos.slow", 90, data={"seconds": 0.5})
    assert has_drained(fleet, database)
    assert judge(database, added=jobs) == CLEAN
    assert {row["pid"] for row in database.all(PIDS)} == {worker.pid for worker in fleet.workers}
    assert database.one(ATTEMPTS)["max"] == 1
