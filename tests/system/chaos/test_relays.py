"""Many independent relays at once."""

import pytest

from tests.system.chaos.checks import CLEAN, judge
from tests.system.chaos.database import Database
from tests.system.chaos.drains import has_drained
from tests.system.chaos.fleet import Fleet


@pytest.mark.timing(waits=True)
def test_eight_relays_dispatch_each_job_once(fleet: Fleet, database: Database) -> None:
    with fleet.extra(5):
        jobs = database.add_jobs("chaos.quick", 1000)
        assert has_drained(fleet, database)
        assert judge(database, added=jobs) == CLEAN
        pids = {row["pid"] for row in database.all("SELECT DISTINCT pid FROM runs")}
        assert pids == {worker.pid for worker in fleet.workers}
        assert len(pids) == 8
