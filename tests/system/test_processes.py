"""Several processes of one API and of one worker, for real."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import asyncpg
import httpx2
import pytest

from tests.servers import Servers
from tests.support.api import COMMAND, NO_REDIS, NOWHERE, Api, Starter
from tests.support.running import Up, eventually, free_port, have_ended
from tests.support.slow_upload import SlowUpload

JOBS = 40
CLIENTS = 4
ENQUEUE = f"SELECT jubilee.enqueue('echo', key => 'job/' || i) FROM generate_series(1, {JOBS}) i"
RESULT = "SELECT status, attempts, count(*) FROM jobs GROUP BY 1, 2"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API of two processes, without a database: only its health is asked."""
    at = tmp_path_factory.mktemp("pair")
    with ExitStack() as ends:
        started = Api(at, NOWHERE, NO_REDIS, WEB_CONCURRENCY="2", LOG_FORMAT="json")
        ends.callback(started.end)
        yield started.live()
        assert started.interrupt() == 0, started.output


def has_both(metrics: str) -> bool:
    """Whether the metrics of both processes are there."""
    return all(f'process_start_time_seconds{{process="{n}"}}' in metrics for n in "12")


def events(pair: Api) -> list[dict[str, object]]:
    """Return the lines of log that have been read so far."""
    return [json.loads(line) for line in pair.lines]


def children(up: Up) -> set[int]:
    """Return the ids of the processes that serve."""
    return up.pids - {up.process.pid}


def test_a_scrape_of_any_process_has_the_metrics_of_all(pair: Api) -> None:
    assert eventually(lambda: has_both(pair.ask("/metrics").text)), pair.output
    assert "# EOF" not in pair.ask("/metrics").text


def test_each_line_has_the_number_of_its_process(pair: Api) -> None:
    assert eventually(lambda: has_both(pair.ask("/metrics").text)), pair.output
    assert eventually(lambda: {line.get("process") for line in events(pair)} == {None, 1, 2})
    assert {line["process"] for line in events(pair) if line["event"] == "request"} <= {1, 2}


def test_a_killed_process_costs_only_what_it_was_answering(pair: Api) -> None:
    assert eventually(lambda: has_both(pair.ask("/metrics").text)), pair.output
    before, enough = children(pair), Event()

    def count_failures(_: int) -> int:
        failures = 0
        while not enough.is_set():
            try:
                pair.ask("/health/live")
            except httpx2.HTTPError:
                failures += 1
        return failures

    with ThreadPoolExecutor(CLIENTS) as threads:
        failures = threads.map(count_failures, range(CLIENTS))
        os.kill(min(before), signal.SIGKILL)
        assert eventually(lambda: len(children(pair) - {min(before)}) == 2)
        enough.set()
        assert sum(failures) <= CLIENTS
    assert pair.process.poll() is None
    restarted = tuple(f'process_restarts_total{{process="{n}"}} 1.0' for n in "12")
    assert eventually(lambda: any(each in pair.ask("/metrics").text for each in restarted))


def test_all_processes_drain_together_and_free_the_port(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    given = {"WEB_CONCURRENCY": "2", "METRICS_PORT": str(free_port())}
    api = start_api(database_url, servers.redis_url, **given).ready()
    metrics = f"http://127.0.0.1:{given['METRICS_PORT']}/metrics"
    assert eventually(lambda: has_both(httpx2.get(metrics, timeout=10).text)), api.output
    pids, uploads = api.pids, [SlowUpload(api) for _ in range(CLIENTS)]
    api.process.terminate()
    assert eventually(lambda: "stopping processes" in api.output)
    assert all(upload.finish().startswith(b"HTTP/1.1 204 ") for upload in uploads)
    assert api.process.wait(30) == 0
    assert have_ended(pids)
    socket.create_server(("127.0.0.1", api.port)).close()


async def all_succeed(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Wait until all jobs have succeeded, each at its first attempt."""
    async with asyncio.timeout(60):
        while [tuple(row) for row in await connection.fetch(RESULT)] != [("succeeded", 1, JOBS)]:  # noqa: ASYNC110  # PostgreSQL has no event for it
            await asyncio.sleep(0.1)


async def test_the_processes_of_a_worker_run_each_job_once(
    tmp_path: Path, servers: Servers, database_url: str
) -> None:
    heartbeat, port = tmp_path / "heartbeat", free_port()
    given = {"WORKER_CONCURRENCY": "2", "WORKER_METRICS_PORT": str(port)}
    urls = {"DATABASE_URL": database_url, "REDIS_URL": servers.redis_url}
    env = {**given, **urls, "WORKER_HEARTBEAT_FILE": str(heartbeat)}
    worker = Up(tmp_path / "data", tmp_path, (*COMMAND, "worker"), **env)
    connection = await asyncpg.connect(database_url)
    try:
        assert eventually(heartbeat.exists), worker.output
        await connection.execute(ENQUEUE)
        await all_succeed(connection)
        assert has_both(httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text)
        assert await connection.fetchval("SELECT count(*) FROM workers") == 2
        assert worker.interrupt() == 0, worker.output
    finally:
        await connection.close()
        worker.end()
    assert not heartbeat.exists()
