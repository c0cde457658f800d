"""`jubilee up` on real processes."""

import asyncio
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import pytest

from tests.servers import Servers, copy_data, fresh_database
from tests.support.outages import send
from tests.support.running import UP, Up, eventually, have_ended

Start = Callable[..., Up]
ROOT = Path(__file__).parents[2]
READER = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
NOBODY = 65534
DEEP = Path("deep " * 12) / ("deeper " * 12) / "data"
"""A data folder with spaces in its path, too long for a socket."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / DEEP


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`jubilee up` that has made its data, for tests that leave it running."""
    at = tmp_path_factory.mktemp("running")
    up = Up(at / DEEP, at)
    try:
        yield up.ready()
    finally:
        up.end()


@pytest.fixture
def prepared(data: Path, prepared_data: Path) -> None:
    """The data of an earlier run, since making them takes as long as the rest of a start."""
    data.parent.mkdir(parents=True)
    copy_data(prepared_data, data)


@pytest.fixture
def start(tmp_path: Path, data: Path) -> Iterator[Start]:
    """Start `jubilee up` on the data folder; each process ends with the test."""
    with ExitStack() as ends:

        def started(command: tuple[str, ...] = UP, **env: str | None) -> Up:
            up = Up(data, tmp_path, command, **env)
            ends.callback(up.end)
            return up

        yield started


async def ask(url: str, question: str) -> object:
    """Return the value of a query."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def sockets(up: Up) -> Path:
    """Return the folder of the sockets."""
    return Path((up.run.redis_url or "").removeprefix("unix://")).parent


@pytest.mark.usefixtures("prepared")
def test_ctrl_c_ends_all_processes_in_order(start: Start, data: Path) -> None:
    up = start().ready()
    pids, folder = up.pids, sockets(up)
    assert len(pids) > 4
    assert up.is_live()
    assert up.interrupt() == 0
    assert have_ended(pids, within=0)
    assert not folder.exists()
    assert not (data / "run.json").exists()
    assert (data / "log/postgres.log").read_text().rstrip().endswith("database system is shut down")
    assert "Traceback" not in up.output


@pytest.mark.usefixtures("prepared")
def test_sigterm_to_make_ends_all_processes(start: Start) -> None:
    make = ("make", "--no-print-directory", "-C", str(ROOT), "-o", ".venv/run", "run")
    up = start(make).ready()
    pids = up.pids
    up.process.terminate()
    up.process.wait(60)
    assert have_ended(pids)
    assert up.output.count("stopping") == 1


def test_the_output_names_the_servers_and_urls(running: Up) -> None:
    lines, data = running.output.splitlines(), running.data
    address = f"http://127.0.0.1:{running.port}"
    assert f"PostgreSQL 18: {sockets(running)} (data in {data / 'postgres-18'})" in lines
    assert f"Valkey: {sockets(running)} (data in {data / 'valkey'})" in lines
    # Lines of the children may come in between.
    assert lines.index(f"API: {address}") < lines.index(f"Docs: {address}/docs")


@pytest.mark.usefixtures("prepared")
def test_no_process_outlives_a_killed_supervisor(start: Start) -> None:
    up = start().ready()
    pids = up.pids
    up.process.kill()
    assert have_ended(pids)
    assert not up.is_live()


@pytest.mark.usefixtures("prepared")
async def test_data_survives_a_kill_of_all_processes(start: Start) -> None:
    up = start().ready()
    await ask(up.run.database_url or "", "CREATE TABLE kept AS SELECT 42 AS answer")
    up.end()
    again = start().ready()
    assert await ask(again.run.database_url or "", "SELECT answer FROM kept") == 42
    assert again.is_live()


def test_a_second_run_on_the_same_data_is_refused(running: Up, tmp_path: Path) -> None:
    second = Up(running.data, tmp_path)
    try:
        assert second.process.wait(60) == 1
    finally:
        second.process.kill()  # not `end`, which removes the sockets of the first
    (line,) = second.output.splitlines()
    assert "already running" in line
    assert str(running.process.pid) in line
    assert f"http://127.0.0.1:{running.port}" in line
    assert running.is_live()


def test_a_taken_port_is_reported_before_anything_starts(start: Start, data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = start(PORT=str(port))
        assert up.process.wait(60) == 1
    (line,) = up.output.splitlines()
    assert f"port {port} on 127.0.0.1 is taken" in line
    assert not (data / "postgres-18").exists()


def test_invalid_settings_are_reported_before_anything_starts(start: Start, data: Path) -> None:
    up = start(ENVIRONMENT="production")
    assert up.process.wait(60) == 78
    (line,) = up.output.splitlines()
    assert "SECRET_KEY" in line
    assert not data.exists()


def test_a_failed_start_leaves_no_process(start: Start, data: Path) -> None:
    data.mkdir(parents=True)
    (data / "valkey").write_text("in the way")
    up = start()
    assert eventually(lambda: len(up.pids) > 1 or up.process.poll() is not None)
    pids = up.pids
    assert up.process.wait(60) == 1
    assert have_ended(pids, within=0)
    assert up.output.splitlines()[-1].startswith("jubilee: ")
    assert "Traceback" not in up.output
    assert not (data / "postgres-18/postmaster.pid").exists()


async def test_configured_servers_replace_the_embedded_ones(
    start: Start, servers: Servers, data: Path
) -> None:
    async with fresh_database(servers) as database:
        up = start(DATABASE_URL=database, REDIS_URL=servers.redis_url)
        await asyncio.to_thread(up.ready)
        assert set(up.run.pids) == {"api", "worker"}
        assert up.is_live()
        assert not (data / "postgres-18").exists()
        assert not (data / "valkey").exists()
        assert up.interrupt() == 0


@pytest.mark.usefixtures("prepared")
def test_one_configured_server_replaces_only_its_own_kind(
    start: Start, servers: Servers, data: Path
) -> None:
    up = start(REDIS_URL=servers.redis_url).ready()
    assert set(up.run.pids) >= {"PostgreSQL 18", "api"}
    assert "Valkey" not in up.run.pids
    assert not (data / "valkey").exists()


@pytest.mark.usefixtures("prepared")
def test_a_killed_process_is_restarted(start: Start) -> None:
    up = start().ready()
    before = dict(up.run.pids)
    send(signal.SIGKILL, before.values())
    assert eventually(lambda: not set(up.run.pids.values()) & set(before.values()), within=30)
    assert eventually(up.is_live, within=30)
    assert up.interrupt() == 0


def test_an_ordinary_user_can_run_it() -> None:
    folder = Path(tempfile.mkdtemp(prefix="jubilee ordinary "))
    as_nobody = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *READER)
    command = ("setpriv", *as_nobody, "--", *UP) if os.geteuid() == 0 else UP
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    up = Up(folder / "data", folder, command)
    try:
        assert up.ready().is_live()
        assert (folder / "data/postgres-18").stat().st_uid == folder.stat().st_uid != 0
        assert up.interrupt() == 0
    finally:
        up.end()
        shutil.rmtree(folder)
