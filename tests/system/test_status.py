"""The command `jubilee status`, as text and as JSON."""

import json
from contextlib import ExitStack
from pathlib import Path

from jubilee.adapters.embedded.run_file import DataDirLock, RunFile
from tests.servers import Servers
from tests.support.api import Starter, run
from tests.support.outages import OwnServers
from tests.support.running import eventually
from tests.support.workers import Workers, stop


def test_an_unavailable_database_is_reported_with_exit_code_1(tmp_path: Path) -> None:
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


def test_the_data_dir_option_finds_a_running_service(
    tmp_path: Path, own_servers: OwnServers
) -> None:
    elsewhere = tmp_path / "elsewhere"
    run_file = RunFile(1, "here", own_servers.database_url, own_servers.redis_url)
    claim = DataDirLock(elsewhere, run_file)
    try:
        found = run(tmp_path, "status", "--data-dir", str(elsewhere))
    finally:
        claim.release()
    assert found.returncode == 0, found.stderr
    assert "service     ready" in found.stdout


def test_a_killed_worker_is_silent_and_a_stopped_one_is_not_listed(
    tmp_path: Path, servers: Servers, database_url: str
) -> None:
    urls = {"DATABASE_URL": database_url, "REDIS_URL": servers.redis_url}

    def workers() -> str:
        said = run(tmp_path, "status", **urls).stdout
        return next(line[12:] for line in said.splitlines() if line.startswith("workers"))

    with ExitStack() as ends:
        killed, stopped = [Workers(tmp_path, ends, urls)() for _ in range(2)]
        assert eventually(lambda: workers() == "2 alive", within=90)
        killed.process.kill()
        stop(stopped)
        assert eventually(lambda: workers() == "0 alive, 1 silent", within=90, pause_s=1)


def test_running_services_are_counted_as_instances(
    tmp_path: Path, start_api: Starter, servers: Servers, session_url: str
) -> None:
    def count() -> int:
        urls = {"DATABASE_URL": session_url, "REDIS_URL": servers.redis_url}
        return int(
            json.loads(run(tmp_path, "status", "--json", **urls).stdout)["connections"]["instances"]
        )

    before = count()
    for _ in range(2):
        start_api(session_url, servers.redis_url).ready()
    assert count() == before + 2
