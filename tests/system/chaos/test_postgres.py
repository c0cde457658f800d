"""Crashes, partitions, lost answers and a full disk of PostgreSQL: commits hold."""

import time
from functools import partial

import httpx2
import pytest

from tests.system.chaos.checks import CLEAN, judge
from tests.system.chaos.clients import Clients, ask, post
from tests.system.chaos.database import Database
from tests.system.chaos.drains import has_drained, runner, starts
from tests.system.chaos.fleet import Fleet
from tests.system.chaos.nemesis import Nemesis
from tests.system.chaos.proxy import Mode

SOON_S = 2.0  # seconds
FULL = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$
"""
FULL_TRIGGER = "CREATE TRIGGER full_disk AFTER INSERT ON jobs EXECUTE FUNCTION refuse()"


def test_acknowledged_tasks_survive_five_crashes(
    fleet: Fleet, database: Database, nemesis: Nemesis, clients: Clients
) -> None:
    clients.start(3, (("chaos.quick", {}), ("chaos.slow", {"seconds": 0.2})), pause=0.02)
    for crashes in range(5):
        assert fleet.wait(partial(clients.has_acknowledged, 5 * crashes + 5))
        nemesis.crash_postgres()
    history_of_tasks = clients.stop()
    assert has_drained(fleet, database)
    assert len(history_of_tasks.acknowledged) > 20
    assert judge(database, history_of_tasks) == CLEAN


def test_a_commit_whose_answer_is_lost_is_found_by_the_repeated_request(
    fleet: Fleet, database: Database, user_headers: dict[str, str]
) -> None:
    proxy = fleet.api.proxy
    before = proxy.dropped
    proxy.turn(Mode.DROP_COMMIT)
    key = {"Idempotency-Key": "order-1"}  # without one it is a single statement, and no COMMIT
    with httpx2.Client(base_url=fleet.api.url, headers=user_headers | key, timeout=10) as client:
        assert ask(client, "chaos.quick", "order-1").status_code == 503
        assert proxy.dropped == before + 1
        kept = database.one("SELECT id FROM jobs WHERE task_id = 'order-1'")["id"]
        proxy.turn(Mode.PASS)
        assert ask(client, "chaos.quick", "order-1").json()["id"] == str(kept)
    assert has_drained(fleet, database)
    assert judge(database, added=[kept]) == CLEAN


def test_terminated_sessions_are_reopened(
    fleet: Fleet, database: Database, nemesis: Nemesis, user_headers: dict[str, str]
) -> None:
    jobs = database.add_jobs("chaos.slow", 60, data={"seconds": 0.3})
    fleet.rest(0.5)
    nemesis.end_sessions()
    fleet.rest(0.2)  # the proxies pass the ends on to the API, which reads them before requests
    unknown = f"{fleet.api.url}/hello/unknown"
    assert fleet.wait(lambda: httpx2.get(unknown, timeout=30).status_code == 404)
    jobs += [
        post(fleet.api.url, user_headers, "chaos.quick", f"after-{number}") for number in range(9)
    ]
    assert has_drained(fleet, database)
    assert judge(database, added=jobs) == CLEAN


def test_a_partitioned_worker_stops_and_another_runs_its_job(
    fleet: Fleet, database: Database
) -> None:
    (job,) = database.add_jobs("chaos.slow", data={"seconds": 5})
    worker = runner(fleet, database, job)
    pid = worker.pid
    worker.proxy.turn(Mode.BLACK_HOLE)
    assert has_drained(fleet, database)
    worker.proxy.turn(Mode.PASS)
    fleet.rest(1)
    assert judge(database, added=[job]) == CLEAN
    assert database.one("SELECT count(*) FROM runs")["count"] > 1
    assert worker.pid == pid


@pytest.mark.timing(waits=True)
@pytest.mark.parametrize("mode", [Mode.BLACK_HOLE, Mode.RESET])
def test_new_tasks_start_soon_while_one_of_three_workers_is_partitioned(
    fleet: Fleet, database: Database, user_headers: dict[str, str], mode: Mode
) -> None:
    post(fleet.api.url, user_headers, "chaos.quick", "first")
    fleet.workers[0].proxy.turn(mode)
    jobs = []
    for number in range(50):
        jobs.append(post(fleet.api.url, user_headers, "chaos.quick", f"task-{number}"))
        fleet.rest(0.06)
    assert has_drained(fleet, database, 10, patient=True)
    waits = sorted(starts(database))
    assert (waits[-1] < SOON_S, waits[-5] < 0.5) == (True, True), waits[-5:]
    fleet.workers[0].proxy.turn(Mode.PASS)
    assert database.one("SELECT max(epoch) FROM jobs WHERE id = ANY($1)", jobs)["max"] == 1


def test_a_worker_runs_jobs_again_after_a_partition(fleet: Fleet, database: Database) -> None:
    cut_off = fleet.workers[0]
    cut_off.proxy.turn(Mode.RESET)
    database.add_jobs("chaos.quick", 30)
    assert has_drained(fleet, database, patient=True)
    cut_off.proxy.turn(Mode.PASS)

    def runs_again() -> bool:
        database.add_jobs("chaos.slow", 60, data={"seconds": 0.1})
        assert has_drained(fleet, database, patient=True)
        query = "SELECT DISTINCT pid FROM runs JOIN jobs ON id = job_id AND kind = 'chaos.slow'"
        return cut_off.pid in {row["pid"] for row in database.all(query)}

    assert fleet.wait(runs_again)


def test_a_full_disk_is_a_503_without_partial_writes(
    fleet: Fleet, database: Database, user_headers: dict[str, str]
) -> None:
    with httpx2.Client(base_url=fleet.api.url, headers=user_headers, timeout=10) as client:
        database.all(FULL)
        database.all(FULL_TRIGGER)
        try:
            answer = ask(client, "chaos.quick", "order-1")
        finally:
            database.all("DROP FUNCTION refuse CASCADE")
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
        assert database.live() == 0
        assert ask(client, "chaos.quick", "order-1").status_code == 202
    assert has_drained(fleet, database)


def test_a_slow_database_only_delays_tasks(
    fleet: Fleet, database: Database, user_headers: dict[str, str]
) -> None:
    for member in fleet.members:
        member.proxy.turn(Mode.DELAY)
    began = time.monotonic()
    jobs = [
        post(fleet.api.url, user_headers, "chaos.quick", f"slow-{number}") for number in range(3)
    ]
    assert has_drained(fleet, database)
    assert time.monotonic() - began > 0.5
    assert judge(database, added=jobs) == CLEAN
