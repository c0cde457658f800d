"""Runbooks of the queue, the relay and events, followed on real workers."""

import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from jubilee.adapters.postgres.statement import Driver
from tests.support.api import held_open
from tests.support.forked import PYTHON
from tests.support.running import Up, eventually, free_port
from tests.system.alert_metrics import total
from tests.system.following import STATUS, Env, reaches_status, reads, shell
from tests.system.runbooks import code_of, others_of
from tests.system.watching import StartWorker, alerted, scrape, shown, watched

OVERDUE, SILENT, STUCK = "JubileeTasksOverdue", "JubileeRelaySilent", "JubileeEventsStuck"
HANGS = "SELECT jubilee.enqueue('http.request', jsonb_build_object('url', $1::text))"
LATE = "UPDATE jobs SET run_at = run_at - interval '2 minutes'"
DURATION = 'job_duration_seconds_bucket{kind="http.request",le="%s"}'
ERROR = "SELECT error ->> 'code' FROM jobs WHERE id = $1"
EVENT = """
    INSERT INTO events (id, kind, data, occurred_at)
    VALUES (gen_random_uuid(), 'ItemCreated', '{}', now() - interval '5 minutes') RETURNING id
"""
OF_EVENT = "SELECT status FROM jobs WHERE data ->> 'event_id' = $1::text"


@pytest.fixture
async def late(driver: Driver, silent_server: socket.socket) -> tuple[object, object]:
    """A job that hangs, and the one behind it; both have been due for two minutes."""
    url = f"http://127.0.0.1:{silent_server.getsockname()[1]}/"
    jobs = (
        await driver.fetchval(HANGS, url),
        await driver.fetchval("SELECT jubilee.enqueue('echo')"),
    )
    await driver.execute(LATE)
    return jobs


@pytest.fixture
def one_slot() -> dict[str, str | None]:
    """Settings of a worker that runs one job of the system queue at a time."""
    slots = code_of(OVERDUE, "WORKER_SYSTEM_SLOTS")
    return {slots: "1", "OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8"}


def seconds(start_worker: StartWorker, alert: str) -> float:
    """Return the seconds that the alert reads from a worker which starts now."""
    return max(alerted(watched(start_worker).metrics, alert).values())


@pytest.mark.follows("JubileeTasksOverdue")
async def test_another_worker_runs_what_waits_while_all_slots_are_busy(
    driver: Driver,
    start_worker: StartWorker,
    late: tuple[object, object],
    one_slot: dict[str, str | None],
) -> None:
    busy = watched(start_worker, **one_slot)
    assert max(alerted(busy.metrics, OVERDUE).values()) > 60
    assert eventually(lambda: shown(busy.metrics, OVERDUE, "Running by worker") == 1)
    assert shown(busy.metrics, OVERDUE, "Enqueued") == 0
    assert time.time() - shown(busy.metrics, OVERDUE, "Relay's last round") < 60
    assert await driver.fetchval(STATUS, late[1]) == "queued"
    start_worker(WORKER_METRICS_PORT=str(free_port()))
    assert await reaches_status(driver, late[1], "succeeded")
    assert await driver.fetchval(STATUS, late[0]) == "running"
    assert seconds(start_worker, OVERDUE) == 0


@pytest.mark.follows("JubileeTasksOverdue")
async def test_a_kind_that_hangs_leaves_its_slot_and_fails_once_its_system_is_off(
    driver: Driver,
    start_worker: StartWorker,
    late: tuple[object, object],
    one_slot: dict[str, str | None],
    silent_server: socket.socket,
) -> None:
    busy = watched(start_worker, JOB_TIMEOUT="1", **one_slot)
    assert max(alerted(busy.metrics, OVERDUE).values()) > 60
    assert await reaches_status(driver, late[1], "succeeded")
    assert shown(busy.metrics, OVERDUE, "Duration of an attempt") > 0
    assert total(busy.metrics, DURATION % "0.5") == 0
    assert total(busy.metrics, DURATION % "5.0") >= 1
    silent_server.close()
    assert await reads(driver, ERROR, "unreachable", late[0])
    assert eventually(lambda: total(busy.metrics, DURATION % "0.5") >= 1)
    assert seconds(start_worker, OVERDUE) == 0


@pytest.fixture
async def migration(database_url: str) -> AsyncIterator[int]:
    """The id of a session that holds a lock on the table of jobs."""
    async with held_open(database_url, "LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE") as session:
        yield session.get_server_pid()


@pytest.mark.follows("JubileeRelaySilent")
async def test_the_session_that_locks_the_jobs_is_found_and_ended(
    driver: Driver, start_worker: StartWorker, migration: int, tmp_path: Path, env: Env
) -> None:
    quick: Env = {**env, "DATABASE_TIMEOUT": "1.5", "WORKER_METRICS_PORT": str(free_port())}
    worker, status = start_worker(**quick), code_of(SILENT, "jubilee ")

    def silent_s() -> float:
        metrics = scrape(int(quick["WORKER_METRICS_PORT"] or 0))
        return time.time() - max(alerted(metrics, SILENT).values())

    assert eventually(lambda: code_of(SILENT, "a dependency") in worker.output), worker.output
    assert silent_s() > 60
    assert "workers" not in await shell(tmp_path, status, quick)
    holders = await driver.fetch(code_of(SILENT, "SELECT "))
    assert [(row["pid"], row["mode"]) for row in holders] == [(migration, "AccessExclusiveLock")]
    assert await driver.fetchval(f"SELECT {code_of(SILENT, 'pg_terminate')}($1)", migration)
    assert eventually(lambda: silent_s() < 60), worker.output
    assert "1 alive" in await shell(tmp_path, status, quick)


@pytest.fixture
def start_next_release(tmp_path: Path, env: Env) -> Iterator[Callable[..., Up]]:
    """Start a worker of a release that subscribes to events."""
    started: list[Up] = []

    def start(**given: str) -> Up:
        command = (*PYTHON, "tests.system.next_release", "worker")
        started.append(Up(tmp_path / "data", tmp_path, command, **{**env, **given}))
        return started[-1]

    yield start
    for worker in started:
        worker.end()


@pytest.mark.follows("JubileeEventsStuck")
async def test_a_worker_of_the_next_release_turns_its_events_into_jobs(
    driver: Driver, start_worker: StartWorker, start_next_release: Callable[..., Up]
) -> None:
    event = await driver.fetchval(EVENT)
    before = watched(start_worker)
    assert max(alerted(before.metrics, STUCK).values()) > 60
    assert others_of(STUCK) == {SILENT}
    assert code_of(STUCK, "a dependency") not in before.process.output
    start_next_release()
    assert await reads(driver, OF_EVENT, "succeeded", str(event))
    assert seconds(start_worker, STUCK) == 0


@pytest.mark.follows("JubileeEventsStuck")
async def test_events_that_cannot_be_published_are_found_by_the_task_in_the_log(
    driver: Driver, start_next_release: Callable[..., Up], database_url: str
) -> None:
    event = await driver.fetchval(EVENT)
    line, task = code_of(STUCK, "a dependency"), f'"task":"{code_of(STUCK, "events")}"'
    async with held_open(database_url, "LOCK TABLE events IN ACCESS EXCLUSIVE MODE"):
        worker = start_next_release(DATABASE_TIMEOUT="1.5", LOG_FORMAT="json")
        assert eventually(
            lambda: any(line in each and task in each for each in worker.output.splitlines())
        )
    assert await reads(driver, OF_EVENT, "succeeded", str(event))


@pytest.mark.follows("JubileeEventsStuck")
async def test_events_that_no_release_reads_are_ended(
    driver: Driver, start_worker: StartWorker
) -> None:
    await driver.execute(EVENT)
    assert seconds(start_worker, STUCK) > 60
    await driver.execute(code_of(STUCK, "UPDATE "))
    assert seconds(start_worker, STUCK) == 0
