"""Runbooks followed from end to end, on a real service in the state of the alert."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from jubilee.adapters.postgres.statement import Driver
from tests.servers import Servers
from tests.support.api import Api, Starter, bearer, held_open, run, sign_up
from tests.support.receiver import receiver
from tests.support.running import Up, eventually
from tests.system.following import (
    DIE,
    LEASE_OVER,
    MAIL,
    STATUS,
    Env,
    reaches_status,
    shell,
)
from tests.system.runbooks import code_of


def printed(beginning: str, job: object = "") -> str:
    """Return a command of the entry about dead tasks, for one job."""
    command = code_of("JubileeTasksDie", f"jubilee jobs {beginning}")
    return command.replace("ID", str(job))


@pytest.mark.follows("JubileeTasksDie")
async def test_dead_tasks_are_found_retried_and_discarded_in_a_terminal(
    driver: Driver, start_worker: Callable[..., Up], tmp_path: Path, env: Env
) -> None:
    jobs = [await driver.fetchval(MAIL) for _ in range(4)]
    await driver.execute(DIE)
    assert "4 dead" in await shell(tmp_path, "jubilee status", env)
    listed = await shell(tmp_path, printed("list --status dead"), env)
    assert all(str(job) in listed for job in jobs)
    assert "no such mailbox" in await shell(tmp_path, printed("show", jobs[0]), env)
    start_worker()
    await shell(tmp_path, printed("retry", jobs[0]), env)
    assert await reaches_status(driver, jobs[0], "succeeded")
    await shell(tmp_path, printed("discard", jobs[1]), env)
    assert await driver.fetchval(STATUS, jobs[1]) is None
    await shell(tmp_path, printed("list --status dead --kind"), env)
    assert await reaches_status(driver, jobs[2], "succeeded")
    assert await reaches_status(driver, jobs[3], "succeeded")
    assert len(list((tmp_path / "mail").rglob("*.eml"))) == 3
    assert "no such jobs" in await shell(tmp_path, printed("list --status dead"), env)


@pytest.mark.follows("JubileeKindUnknown")
async def test_jobs_of_a_misspelt_kind_are_found_and_cancelled(
    driver: Driver, tmp_path: Path, env: Env
) -> None:
    job = await driver.fetchval("SELECT jubilee.enqueue('emial.send', '{}')")
    look, find, cancel = (
        code_of("JubileeKindUnknown", f"jubilee {word}")
        for word in ("status", "jobs list", "jobs cancel")
    )
    assert "1 emial.send: no live worker knows" in await shell(tmp_path, look, env)
    assert str(job) in await shell(tmp_path, find, env)
    await shell(tmp_path, cancel.replace("ID", str(job)), env)
    assert await driver.fetchval(STATUS, job) == "cancelled"


def call(client: httpx2.Client, code: str, job: object = "") -> Any:
    """Send a request of a runbook about a job; return the answer's document."""
    method, path = code.replace("{id}", str(job)).split(" ")
    answer = client.request(method, path)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else {}


@pytest.mark.follows("JubileeTasksDie")
async def test_dead_tasks_are_found_retried_and_discarded_over_http(
    driver: Driver, start_worker: Callable[..., Up], api: Api
) -> None:
    listing, retry, discard = (
        code_of("JubileeTasksDie", method) for method in ("GET ", "POST ", "DELETE ")
    )
    jobs = [await driver.fetchval(MAIL) for _ in range(2)]
    await driver.execute(DIE)
    start_worker()
    with api.client() as client:
        client.headers.update(bearer(api.add_admin("ada")))
        items = call(client, listing)["items"]
        assert [item["id"] for item in items] == [str(job) for job in jobs[::-1]]
        assert {item["error"]["code"] for item in items} == {"undeliverable"}
        call(client, retry, jobs[0])
        call(client, discard, jobs[1])
    assert await reaches_status(driver, jobs[0], "succeeded")
    assert await driver.fetchval(STATUS, jobs[1]) is None


@pytest.mark.follows("JubileeTasksOverdue")
async def test_an_admin_cancels_the_burst_of_an_account(driver: Driver, api: Api) -> None:
    method, path = code_of("JubileeTasksOverdue", "DELETE ").split(" ")
    with api.client() as client:
        zoe = bearer(sign_up(client, "zoe"))
        body = {"data": {}, "run_at": "2030-01-01T00:00:00Z"}
        task = client.post("/tasks", json=body, headers=zoe).json()["id"]
        answer = client.request(
            method, path.replace("{id}", task), headers=bearer(api.add_admin("ada"))
        )
    assert answer.status_code == 204
    assert await driver.fetchval(STATUS, task) == "cancelled"


@pytest.mark.follows("JubileeLeasesOverdue")
async def test_expired_leases_are_found_with_their_locks_and_released(
    driver: Driver, start_worker: Callable[..., Up], database_url: str
) -> None:
    job = await driver.fetchval(MAIL)
    await driver.execute(LEASE_OVER)
    idle = "SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction'"
    query = code_of("JubileeLeasesOverdue", "SELECT ")
    async with held_open(database_url, "SELECT 1 FROM jobs FOR UPDATE"):
        start_worker()
        await asyncio.sleep(2)  # sweepers skip locked rows
        assert [row["id"] for row in await driver.fetch(query)] == [job]
        pid = await driver.fetchval(f"{idle} AND datname = current_database()")
        await driver.execute("SELECT pg_terminate_backend($1)", pid)
        assert await reaches_status(driver, job, "succeeded")


@pytest.mark.follows("JubileeWorkersGone")
async def test_missing_workers_are_reported_and_invalid_settings_named(
    start_worker: Callable[..., Up], tmp_path: Path, env: Env
) -> None:
    look = code_of("JubileeWorkersGone", "jubilee ")
    assert "0 alive" in await shell(tmp_path, look, env)
    settings: dict[str, Any] = {**env, "WORKER_USER_SLOTS": "none"}
    bad = run(tmp_path, "worker", **settings)
    assert bad.returncode == 78
    assert "WORKER_USER_SLOTS" in bad.stderr
    start_worker()
    assert "1 alive" in await shell(tmp_path, look, env)


@pytest.mark.follows("JubileeGreetingsMissing")
def test_missing_mail_settings_are_reported_where_the_runbook_looks(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    api = start_api(database_url, servers.redis_url, SMTP_URL=None).ready()
    name, value = code_of("JubileeGreetingsMissing", "mail: ").split(": ")
    checks = api.ask(code_of("JubileeGreetingsMissing", "/health")).json()
    assert checks["checks"][name] == value
    assert api.ask(code_of("JubileeDown", "GET ").removeprefix("GET ")).status_code == 200


@pytest.mark.follows("JubileeExportFails")
async def test_a_collector_answers_the_printed_call(tmp_path: Path, env: Env) -> None:
    command = code_of("JubileeExportFails", "curl ")
    with receiver() as collector:
        there = {**env, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        assert "200 OK" in await shell(tmp_path, command, there)


@pytest.mark.follows("JubileeRelaySilent")
async def test_a_worker_without_its_database_logs_the_printed_line(
    start_worker: Callable[..., Up], database_url: str, servers: Servers
) -> None:
    worker = start_worker()
    line = code_of("JubileeRelaySilent", "a dependency does not answer")
    admin = await asyncpg.connect(servers.database_url)
    name = database_url.partition("?")[0].rpartition("/")[2]
    await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
    await admin.execute(f"SELECT 1; {kill.replace('$1', repr(name))}")
    said = await asyncio.to_thread(eventually, lambda: line in worker.output, 30)
    await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await admin.close()
    assert said, worker.output
