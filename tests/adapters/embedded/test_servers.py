"""The embedded servers, as tests and `jubilee up` use them."""

import asyncio
import importlib.util
import os
import platform
import signal
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from jubilee.adapters.embedded import unprivileged, valkey
from jubilee.adapters.embedded.errors import ServerFailed
from jubilee.adapters.embedded.postgres import EmbeddedPostgres
from jubilee.adapters.embedded.process import LOG_BYTES, Program, end, spawn
from jubilee.adapters.embedded.servers import EmbeddedServers
from jubilee.adapters.embedded.sockets import make_private, socket_folder
from jubilee.adapters.embedded.valkey import EmbeddedValkey
from jubilee.adapters.embedded.wheels import postgres_program, valkey_program
from tests.servers import Servers, fresh_database
from tests.support.outages import OwnServers
from tests.support.running import eventually


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that is not started yet."""
    server = EmbeddedServers(tmp_path, want_redis=False, durable=False).postgres
    assert server is not None
    yield server
    server.stop()


async def fetch_value(url: str, query: str) -> object:
    """Return the value of a query."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_fresh_databases_are_empty_and_separate(servers: Servers) -> None:
    async with fresh_database(servers) as first, fresh_database(servers) as second:
        await fetch_value(first, "CREATE TABLE t ()")
        assert await fetch_value(second, "SELECT to_regclass('t')") is None


async def test_text_is_folded_and_searched_by_unicode(servers: Servers) -> None:
    async with fresh_database(servers) as database:
        assert await fetch_value(database, "SELECT lower('ÄÇΣ')") == "äçσ"
        assert await fetch_value(
            database, "SELECT to_tsvector('simple', 'ÄPFEL') @@ 'äpfel'::tsquery"
        )


async def test_redis_keeps_its_data_over_a_crash(own_servers: OwnServers) -> None:
    async with Redis.from_url(own_servers.redis_url) as redis:
        assert await redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        await redis.set("name", "Ada")
    own_servers.redis.kill()
    own_servers.redis.start()
    async with Redis.from_url(own_servers.redis_url) as redis:
        assert await redis.get("name") == b"Ada"


async def test_the_files_of_redis_are_private(tmp_path: Path) -> None:
    old = tmp_path / "valkey" / "old.rdb"
    old.parent.mkdir()
    old.touch(0o644)
    server = EmbeddedServers(tmp_path, want_postgres=False).redis
    assert server is not None
    server.start()
    try:
        async with Redis.from_url(server.url) as redis:
            await redis.set("name", "Ada")
            await redis.bgrewriteaof()
    finally:
        server.stop()
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in old.parent.rglob("*")}
    assert len(modes) >= 3
    assert [path for path, mode in modes.items() if mode & 0o077] == []


def test_a_redis_that_does_not_answer_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "PING_TIMEOUT_S", 0.05)
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{folder}/redis.sock")
        silent.listen()
        server, found = EmbeddedValkey(tmp_path, Path(folder)), list[bool]()
        asking = threading.Thread(target=lambda: found.append(server._is_ready()), daemon=True)
        asking.start()
        asking.join(10)
        assert found == [False]


async def test_a_killed_postgres_keeps_its_data(own_servers: OwnServers) -> None:
    await fetch_value(own_servers.database_url, "CREATE TABLE stored AS SELECT 42 AS answer")
    own_servers.postgres.kill()
    with pytest.raises(FileNotFoundError):
        await fetch_value(own_servers.database_url, "SELECT 1")
    own_servers.postgres.start()
    assert await fetch_value(own_servers.database_url, "SELECT answer FROM stored") == 42


async def test_a_frozen_postgres_answers_after_it_thaws(own_servers: OwnServers) -> None:
    own_servers.postgres.freeze()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await fetch_value(own_servers.database_url, "SELECT 1")
    own_servers.postgres.thaw()
    assert await fetch_value(own_servers.database_url, "SELECT 1") == 1


async def test_a_half_initialized_database_is_initialized_again(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    partial = tmp_path / "postgres-18.new-killed"
    partial.mkdir()
    (partial / "PG_VERSION").write_text("18\n")
    (tmp_path / "postgres-18.new-link").symlink_to(tmp_path)  # rmtree does not remove links
    postgres.start()
    assert await fetch_value(postgres.url, "SELECT current_database()") == "jubilee"
    assert not partial.exists()


async def test_a_stale_lock_file_is_ignored(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    postgres.start()
    postgres.stop()
    (tmp_path / "postgres-18/postmaster.pid").write_text(f"{os.getppid()}\n{tmp_path}\n")
    postgres.start()
    assert await fetch_value(postgres.url, "SELECT 1") == 1


def test_a_failed_start_names_the_log_of_postgres(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    postgres.start()
    postgres.stop()
    (tmp_path / "postgres-18/postgresql.conf").write_text("nonsense = 1\n")
    with pytest.raises(ServerFailed, match=r"did not start: .*postgres\.log"):
        postgres.start()


def test_an_interrupted_start_leaves_no_server(postgres: EmbeddedPostgres) -> None:
    def interrupt(_: float) -> None:
        if postgres.pid is not None:
            raise KeyboardInterrupt
        time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt):
        postgres.start(interrupt)
    assert postgres.exit_code() is not None


def test_a_program_that_ignored_the_signal_is_signalled_again(tmp_path: Path) -> None:
    trapped = tmp_path / "trapped"
    late = f"trap '' TERM; : > '{trapped}'; sleep 0.5; trap - TERM; while :; do sleep 0.1; done"
    process = spawn(Program(("/bin/sh", "-c", late), env={"PATH": os.environ["PATH"]}))
    assert eventually(trapped.exists)
    end(process, signal.SIGTERM, within=10)
    assert process.returncode == -signal.SIGTERM


def test_the_socket_folders_are_private(own_servers: OwnServers) -> None:
    folder = Path(own_servers.redis_url.removeprefix("unix://")).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("planted", ["symlink", "open"])
def test_a_planted_socket_folder_is_refused(tmp_path: Path, planted: str) -> None:
    folder = tmp_path / "sockets"
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    if planted == "symlink":
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        folder.mkdir()
        folder.chmod(0o777)
    with pytest.raises(ServerFailed, match="not a private folder"):
        make_private(folder / "private")


def test_socket_paths_are_short_for_deep_data_folders(tmp_path: Path) -> None:
    folder = socket_folder(tmp_path / ("deep/" * 60) / "with spaces")
    assert len(str(folder / ".s.PGSQL.5432.lock")) < 100
    assert " " not in str(folder)


def test_the_users_runtime_folder_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        assert socket_folder(Path("data")).parent == Path(runtime) / "jubilee"
    assert socket_folder(Path("data")).parent != Path(runtime) / "jubilee"


async def test_postgres_runs_without_user_namespaces(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unprivileged, "OTHER_USER", ("false",))
    postgres.start()
    assert await fetch_value(postgres.url, "SELECT 1") == 1


def test_a_machine_without_wheels_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(ServerFailed, match=r"riscv64 is installed: set REDIS_URL"):
        valkey_program()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ServerFailed, match=r"set DATABASE_URL"):
        postgres_program("postgres")


def test_a_long_log_is_rotated_at_the_start(tmp_path: Path) -> None:
    log = tmp_path / "log/server.log"
    log.parent.mkdir()
    log.write_bytes(b"old\n" * LOG_BYTES)
    spawn(Program(("/bin/echo", "new"), output=log)).wait()
    assert log.read_text() == "new\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert log.with_suffix(".log.1").stat().st_size == 4 * LOG_BYTES


def test_a_failed_start_stops_the_other_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = EmbeddedServers(tmp_path / "data", durable=False)
    assert servers.postgres is not None
    assert servers.redis is not None

    def fail(_: object) -> None:
        raise ServerFailed("no room")

    monkeypatch.setattr(servers.redis, "start", fail)
    with pytest.raises(ServerFailed, match="no room"):
        servers.start()
    assert servers.postgres.exit_code() is not None
