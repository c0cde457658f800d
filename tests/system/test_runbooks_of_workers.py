"""Runbooks of the queue, the relay and events, followed on real workers."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.support.forked import PYTHON
from tests.support.running import Up, eventually, free_port
from tests.system.alert_metrics import total
from tests.system.following import STATUS, Driver, Env, reaches_status, shell
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
def silent_server() -> Iterator[socket.socket]:
    """A server that accepts connections and answers no request, until it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


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
    """Settings of a worker that runs one of them at a time."""
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
    assert [total(busy.metrics, DURATION % bound) for bound in ("0.5", "5.0")] == [0, 1]
    silent_server.close()
    async with asyncio.timeout(20):
        while await driver.fetchval(ERROR, late[0]) != "unreachable":  # noqa: ASYNC110  # PostgreSQL has no event for it
            await asyncio.sleep(0.1)
    assert total(busy.metrics, DURATION % "0.5") == 1
    assert seconds(start_worker, OVERDUE) == 0


@pytest.fixture
async def migration(database_url: str) -> AsyncIterator[int]:
    """The id of a session that holds a lock on the table of jobs."""
    session = await asyncpg.connect(database_url)
    await session.execute("BEGIN; LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
    yield await session.fetchval("SELECT pg_backend_pid()")
    session.terminate()


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
def start_next_release(tmp_path: Path, env: Env) -> Iterator[Callable[[], Up]]:
    """Start a worker of a release that subscribes to events."""
    started: list[Up] = []

    def start() -> Up:
        command = (*PYTHON, "tests.system.next_release", "worker")
        started.append(Up(tmp_path / "data", tmp_path, command, **env))
        return started[-1]

    yield start
    for worker in started:
        worker.end()


async def becomes_job(driver: Driver, event: object) -> bool:
    """Return whether the subscriber's job for the event succeeds within 20 seconds."""
    for _ in range(200):
        if await driver.fetchval(OF_EVENT, str(event)) == "succeeded":
            return True
        await asyncio.sleep(0.1)
    return False


@pytest.mark.follows("JubileeEventsStuck")
async def test_the_rest_of_a_release_turns_the_events_that_it_knows_into_jobs(
    driver: Driver, start_worker: StartWorker, start_next_release: Callable[[], Up]
) -> None:
    event = await driver.fetchval(EVENT)
    before = watched(start_worker)
    assert max(alerted(before.metrics, STUCK).values()) > 60
    assert others_of(STUCK) == {SILENT}
    assert code_of(STUCK, "a dependency") not in before.process.output
    start_next_release()
    assert await becomes_job(driver, event)
    assert seconds(start_worker, STUCK) == 0


@pytest.mark.follows("JubileeEventsStuck")
async def test_events_that_cannot_be_published_are_found_by_the_task_in_the_log(
    driver: Driver, start_next_release: Callable[[], Up], database_url: str, env: Env
) -> None:
    event = await driver.fetchval(EVENT)
    session = await asyncpg.connect(database_url)
    await session.execute("BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
    env |= {"DATABASE_TIMEOUT": "1.5", "LOG_FORMAT": "json"}
    worker, line = start_next_release(), code_of(STUCK, "a dependency")
    task = f'"task":"{code_of(STUCK, "events")}"'
    assert eventually(
        lambda: any(line in each and task in each for each in worker.output.splitlines())
    )
    session.terminate()
    assert await becomes_job(driver, event)


@pytest.mark.follows("JubileeEventsStuck")
async def test_events_that_no_release_reads_are_ended(
    driver: Driver, start_worker: StartWorker
) -> None:
    await driver.execute(EVENT)
    assert seconds(start_worker, STUCK) > 60
    await driver.execute(code_of(STUCK, "UPDATE "))
    assert seconds(start_worker, STUCK) == 0
