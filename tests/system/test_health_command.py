"""`jubilee health`, which container engines run every few seconds."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jubilee.entrypoints.processes.heartbeat_file import MAX_AGE_S, HeartbeatFile
from tests.servers import Servers
from tests.support.api import COMMAND, NO_REDIS, NOWHERE, Api, Starter, run
from tests.support.running import Up, eventually


def health(at: Path, *process: str, **env: str) -> tuple[int, str]:
    """Return the exit code and the line."""
    ended = run(at, "health", *process, **env)
    assert ended.stderr == ""
    return ended.returncode, ended.stdout


@pytest.fixture
def heartbeat(tmp_path: Path) -> HeartbeatFile:
    """The file of a worker that has just started."""
    file = HeartbeatFile(tmp_path / "worker")
    file.create()
    return file


@pytest.fixture
def worker(tmp_path: Path, heartbeat: HeartbeatFile) -> Iterator[Up]:
    """A worker without its dependencies, whose event loop runs."""
    heartbeat.remove()
    env = {"DATABASE_URL": NOWHERE, "REDIS_URL": NO_REDIS}
    env |= {"WORKER_HEARTBEAT_FILE": str(heartbeat.path)}
    started = Up(tmp_path / "data", tmp_path, (*COMMAND, "worker"), **env)
    yield started
    started.end()


def test_an_api_that_is_ready_is_healthy(api: Api, tmp_path: Path) -> None:
    assert health(tmp_path, "api", PORT=str(api.port)) == (0, "api: healthy\n")


def test_an_api_without_a_database_is_unhealthy_with_a_reason(
    start_api: Starter, servers: Servers, tmp_path: Path
) -> None:
    api = start_api(NOWHERE, servers.redis_url).live()
    line = "api: not ready: postgres unavailable, redis ok\n"
    assert health(tmp_path, "api", "--port", str(api.port)) == (1, line)


def test_an_api_that_does_not_run_is_not_healthy(tmp_path: Path) -> None:
    line = "api: no answer from 127.0.0.1 port 1: Connection refused\n"
    assert health(tmp_path, "api", PORT="1", HOST="0.0.0.0") == (1, line)


def test_a_worker_that_runs_is_healthy_and_leaves_no_heartbeat_behind(
    worker: Up, heartbeat: HeartbeatFile, tmp_path: Path
) -> None:
    env = {"WORKER_HEARTBEAT_FILE": str(heartbeat.path)}
    assert eventually(heartbeat.path.exists, within=30), worker.output
    assert health(tmp_path, "worker", **env) == (0, "worker: healthy\n")
    assert worker.interrupt() == 0
    line = f"worker: no heartbeat in {heartbeat.path} (No such file or directory)\n"
    assert health(tmp_path, "worker", **env) == (1, line)


def test_a_start_that_is_interrupted_leaves_no_heartbeat_behind(
    worker: Up, heartbeat: HeartbeatFile
) -> None:
    deadline = time.monotonic() + 30
    while not heartbeat.path.exists() and time.monotonic() < deadline:
        time.sleep(0.0005)  # the signal comes as early as one can that finds the file
    assert worker.interrupt() == 0, worker.output
    assert not heartbeat.path.exists()


def test_a_worker_whose_heartbeat_stopped_is_not_healthy(
    heartbeat: HeartbeatFile, tmp_path: Path
) -> None:
    old = time.time() - MAX_AGE_S - 5
    os.utime(heartbeat.path, (old, old))
    code, line = health(tmp_path, "worker", WORKER_HEARTBEAT_FILE=str(heartbeat.path))
    assert code == 1
    assert line.startswith("worker: the last heartbeat is 2")


def test_a_heartbeat_file_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    env = {"DATABASE_URL": NOWHERE, "REDIS_URL": NO_REDIS}
    ended = run(tmp_path, "worker", WORKER_HEARTBEAT_FILE="/proc/none/worker", **env)
    assert ended.returncode == 78
    assert "WORKER_HEARTBEAT_FILE=/proc/none/worker: No such file or directory" in ended.stderr


def test_other_commands_have_no_health_check(tmp_path: Path) -> None:
    assert health(tmp_path) == (0, "neither an API nor a worker runs here\n")


def test_the_check_loads_nothing_of_the_service() -> None:
    heavy = "{'pydantic', 'asyncpg', 'redis', 'sqlalchemy', 'starlette', 'structlog', 'asyncio'}"
    code = f"import sys, jubilee.commands.health; print(sys.modules.keys() & {heavy})"
    assert subprocess.check_output((sys.executable, "-c", code), text=True) == "set()\n"
