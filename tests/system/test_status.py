"""`jubilee status`, for people and for machines."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

from jubilee.adapters.embedded.run_file import DataDirLock, RunFile
from jubilee.adapters.postgres.schema import upgrade
from jubilee.domain.health import ConnectionBudget, Health, SchemaStatus
from jubilee.domain.jobs.backlog import Backlog
from jubilee.entrypoints.status import Status, as_json, as_text
from tests.outages import OwnServers
from tests.servers import Servers
from tests.support.api import COMMAND, Starter, run
from tests.support.running import eventually, free_port

BACKLOG = Backlog(
    jobs={("system", "queued"): 2, ("system", "dead"): 1, ("user", "running"): 3},
    oldest_due={"system": 61.5, "user": 0.0},
    overdue=1,
    oldest_event=0.0,
    greetings={"sent": 5, "uncertain": 0},
    greetings_missing=0,
    greetings_planned_until=0.0,
    workers=4,
    workers_silent=0,
    without_worker={"report.monthly": 3, "sms.send": 1, "echo": 0},
)
WELL = Health(schema=SchemaStatus.CURRENT, redis=True, mail=True)


def test_people_read_what_waits_and_who_works() -> None:
    text = as_text(Status(WELL, BACKLOG))
    assert "workers     4 alive" in text
    assert "system      2 queued, 1 dead; the oldest waits 62 s" in text
    assert "user        3 running" in text
    assert "leases      1 ran out" in text
    assert "greetings   5 sent" in text
    assert "no worker   3 report.monthly, 1 sms.send: no live worker knows these kinds" in text


def test_nothing_is_said_of_without_worker_where_there_are_none() -> None:
    text = as_text(Status(WELL, replace(BACKLOG, without_worker={"echo": 0})))
    assert "no worker" not in text


def test_machines_read_the_same() -> None:
    found = json.loads(as_json(Status(WELL, BACKLOG)))
    assert found["ready"] is True
    assert found["lanes"]["system"] == {"oldest_due_seconds": 61.5, "queued": 2, "dead": 1}
    assert found["workers"] == 4
    assert found["without_worker"] == {"report.monthly": 3, "sms.send": 1}


def test_pools_that_do_not_fit_into_postgresql_are_a_line_of_their_own() -> None:
    assert "connections" not in as_text(Status(WELL, BACKLOG, ConnectionBudget(6, 90, 40, 97)))
    few = Status(WELL, BACKLOG, ConnectionBudget(7, 105, 40, 97))
    assert "connections TOO FEW: the pools of 7 instances may open 105, PostgreSQL has 97" in (
        as_text(few)
    )
    assert json.loads(as_json(few))["connections"] == {
        "instances": 7, "pooled": 105, "opened": 40, "usable": 97, "fits": False,
    }  # fmt: skip


def test_a_database_that_does_not_answer_is_said_and_ends_in_1(tmp_path: Path) -> None:
    away = run(
        tmp_path,
        "status",
        DATABASE_URL="postgresql://x@127.0.0.1:1/x",
        REDIS_URL="redis://127.0.0.1:1",
    )
    assert away.returncode == 1
    assert "NOT READY" in away.stdout
    assert "postgres    unavailable" in away.stdout
    assert "Traceback" not in away.stderr


def test_a_running_service_is_ready(tmp_path: Path, servers: Servers, database_url: str) -> None:
    there = run(
        tmp_path, "status", "--json", DATABASE_URL=database_url, REDIS_URL=servers.redis_url
    )
    assert there.returncode == 0, there.stderr
    found = json.loads(there.stdout)
    assert (found["schema"], found["redis"], found["workers"]) == ("current", "ok", 0)
    assert found["connections"]["usable"] > 0


def test_the_folder_of_a_running_service_is_found_by_option_alone(
    tmp_path: Path, own_servers: OwnServers
) -> None:
    upgrade(own_servers.database_url)
    elsewhere = tmp_path / "elsewhere"
    run_file = RunFile(1, "here", own_servers.database_url, own_servers.redis_url)
    claim = DataDirLock(elsewhere, run_file)
    try:
        found = run(tmp_path, "status", "--data-dir", str(elsewhere))
    finally:
        claim.release()
    assert found.returncode == 0, found.stderr
    assert "service     ready" in found.stdout


def test_a_killed_worker_is_silent_and_one_that_ended_is_forgotten(
    tmp_path: Path, servers: Servers, database_url: str
) -> None:
    urls = {"DATABASE_URL": database_url, "REDIS_URL": servers.redis_url}

    def workers() -> str:
        said = run(tmp_path, "status", **urls).stdout
        return next(line[12:] for line in said.splitlines() if line.startswith("workers"))

    started = [
        subprocess.Popen(
            (*COMMAND, "worker"),
            cwd=tmp_path,
            env={**urls, "WORKER_METRICS_PORT": str(free_port())},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    try:
        assert eventually(lambda: workers() == "2 alive", within=30)
        started[0].kill()
        started[1].terminate()
        assert started[1].wait(30) == 0
        assert eventually(lambda: workers() == "0 alive, 1 silent", within=20)
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_each_running_service_is_an_instance_and_the_command_is_none(
    tmp_path: Path, start_api: Starter, servers: Servers, database_url: str
) -> None:
    def count() -> int:
        urls = {"DATABASE_URL": database_url, "REDIS_URL": servers.redis_url}
        return int(
            json.loads(run(tmp_path, "status", "--json", **urls).stdout)["connections"]["instances"]
        )

    before = count()
    for _ in range(2):
        start_api(database_url, servers.redis_url).ready()
    assert count() == before + 2
