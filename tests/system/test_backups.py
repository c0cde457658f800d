"""The scripts of deploy/backup/ on real servers: a server is lost, and restored to a moment."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx2
import pytest

from jubilee.adapters.embedded.servers import EmbeddedServers
from jubilee.adapters.embedded.wheels import POSTGRES_MAJOR, postgres_program
from jubilee.adapters.postgres import schema
from tests.support.api import Starter, bearer, run, sign_up
from tests.support.running import Up, eventually
from tests.support.workers import Workers, stop

SCRIPTS = Path(__file__).parents[2] / "deploy/backup"
TODAY = datetime.now(UTC).date().replace(year=1992).isoformat()
SENT = "SELECT count(*) FROM greetings WHERE state = 'sent'"
PLANNED_UNTIL = "SELECT value FROM counters WHERE name = 'greetings_planned_until'"
AN_HOUR_LATER = "UPDATE counters SET value = value - 3600 WHERE name = 'greetings_planned_until'"


def query(url: str, sql: str) -> Any:
    """The first value of the first row."""

    async def ask() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    with asyncio.Runner() as runner:
        return runner.run(ask())


def script(url: str, name: str, *arguments: str | Path, **env: str | Path) -> str:
    """The last line that a script prints, run with libpq's variables for this server."""
    parts = urlsplit(url)
    given = {
        "PATH": f"{postgres_program('postgres').parent}:{os.environ['PATH']}",
        "PGHOST": parse_qs(parts.query)["host"][0],
        "PGUSER": str(parts.username),
        "PGDATABASE": parts.path[1:],
        "VERIFY": "0",  # the embedded pg_verifybackup crashes; tests/deploy/test_backup.py has one
        **{key: str(value) for key, value in env.items()},
    }
    command = (SCRIPTS / name, *arguments)
    ended = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip().rpartition("\n")[2]


@dataclass(frozen=True, slots=True)
class Service:
    """An API and workers, whose mail is written into a folder."""

    at: Path
    ends: ExitStack
    start_api: Starter
    redis_url: str

    def client(self, url: str) -> httpx2.Client:
        """Start an API; returns a client of it."""
        api = self.start_api(url, self.redis_url, SMTP_URL=None).ready()
        return self.ends.enter_context(api.client())

    def start_worker(self, url: str) -> Up:
        """Start a worker that greets at midnight."""
        return Workers(self.at, self.ends, self.env(url))()

    def env(self, url: str) -> dict[str, str]:
        """The settings of a worker."""
        mail = {"MAIL_DIR": str(self.at / "mail"), "GREETING_HOUR": "0"}
        return {"DATABASE_URL": url, "REDIS_URL": self.redis_url, **mail}

    @property
    def greetings(self) -> int:
        """How many were sent."""
        mails = (self.at / "mail").glob("*.eml")
        return sum("Message-ID: <greeting." in mail.read_text() for mail in mails)


@dataclass(frozen=True, slots=True)
class Loss:
    """A server that is gone, and what is left of it."""

    base: Path
    moment: datetime
    headers: dict[str, str]


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backup")


@pytest.fixture(scope="module")
def pair(at: Path) -> Iterator[EmbeddedServers]:
    """A PostgreSQL that archives its log, and a Redis that outlives it."""
    pair = EmbeddedServers(at / "first", durable=False)
    pair.start()
    (at / "wal").mkdir()
    url = pair.database_url or ""
    query(url, "ALTER SYSTEM SET archive_mode = on")
    command = f"{SCRIPTS}/archive-wal.sh %p %f {at}/wal"
    query(url, f"ALTER SYSTEM SET archive_command = '{command}'")
    assert pair.postgres is not None
    pair.postgres.stop()
    pair.postgres.start()
    schema.upgrade(url)
    yield pair
    pair.stop()


@pytest.fixture(scope="module")
def service(at: Path, pair: EmbeddedServers) -> Iterator[Service]:
    with ExitStack() as ends:
        yield Service(at, ends, Starter(at, ends), pair.redis_url or "")


@pytest.fixture(scope="module")
def loss(at: Path, pair: EmbeddedServers, service: Service) -> Loss:
    """After the moment an item is written, a task runs and a user is greeted; then all is lost."""
    url = pair.database_url or ""
    client = service.client(url)
    headers = bearer(sign_up(client, "ada"))
    client.headers.update(headers)
    assert client.patch("/users/me", json={"date_of_birth": TODAY}).status_code == 200
    client.post("/tasks", json={"kind": "echo", "task_id": "due", "data": {}})
    client.post("/items", json={"title": "before the backup"})
    base = script(url, "base.sh", BACKUP_DIR=at / "backups")
    client.post("/items", json={"title": "before the moment"})
    moment = query(url, "SELECT clock_timestamp()")
    client.post("/items", json={"title": "after the moment"})
    worker = service.start_worker(url)
    assert eventually(lambda: service.greetings == 1 and query(url, SENT) == 1)
    assert eventually(lambda: client.get("/tasks/due").json()["status"] == "succeeded")
    stop(worker)
    lose(pair)
    return Loss(Path(base), moment, headers)


def lose(pair: EmbeddedServers) -> None:
    """Wait until the log is archived, then remove the server and its data."""
    url = pair.database_url or ""
    last = query(url, "SELECT pg_walfile_name(pg_switch_wal())")
    archived = "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver"
    assert eventually(lambda: query(url, archived) >= last)
    folder = Path(query(url, "SHOW data_directory"))
    assert pair.postgres is not None
    pair.postgres.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def restored(at: Path, loss: Loss) -> Iterator[str]:
    """The URL of another server with the data of the moment."""
    second = EmbeddedServers(at / "second", want_redis=False, durable=False)
    url = second.database_url or ""
    data = at / "second" / f"postgres-{POSTGRES_MAJOR}"
    script(url, "restore-pitr.sh", loss.base, at / "wal", data, loss.moment.isoformat(" "))
    second.start()
    assert eventually(lambda: query(url, "SELECT NOT pg_is_in_recovery()"))
    yield url
    second.stop()


@pytest.fixture(scope="module")
def client(at: Path, restored: str, service: Service, loss: Loss) -> httpx2.Client:
    """Of the service on the restored server, once its worker has planned and run what was due."""
    ended = run(at, "restored", **service.env(restored))
    assert ended.stdout.strip().endswith(": 1"), ended.stderr
    query(restored, AN_HOUR_LATER)  # so that the worker plans at once
    before = query(restored, PLANNED_UNTIL)
    client = service.client(restored)
    client.headers.update(loss.headers)
    service.start_worker(restored)
    assert eventually(lambda: client.get("/tasks/due").json()["status"] == "succeeded")
    assert eventually(lambda: query(restored, PLANNED_UNTIL) > before)
    return client


def test_the_data_are_those_of_the_moment(client: httpx2.Client) -> None:
    items = client.get("/items").json()["items"]
    assert {item["title"] for item in items} >= {"before the backup", "before the moment"}
    assert "after the moment" not in {item["title"] for item in items}


def test_a_job_that_was_due_has_run_once(client: httpx2.Client) -> None:
    assert client.get("/tasks/due").json()["attempts"] == 1


def test_no_user_is_greeted_twice(client: httpx2.Client, restored: str, service: Service) -> None:
    assert query(restored, "SELECT state FROM greetings") == "uncertain"
    assert query(restored, "SELECT count(*) FROM jobs WHERE kind = 'email.greeting'") == 0
    assert service.greetings == 1


def test_the_service_goes_on(client: httpx2.Client) -> None:
    assert client.post("/items", json={"title": "after the restore"}).status_code == 201
    task = client.post("/tasks", json={"kind": "echo", "task_id": "next", "data": {}})
    assert task.status_code == 202
    assert eventually(lambda: client.get("/tasks/next").json()["status"] == "succeeded")


def test_a_dump_is_restored_into_another_database(restored: str, tmp_path: Path) -> None:
    dump = script(restored, "dump.sh", BACKUP_DIR=tmp_path)
    script(restored, "restore-dump.sh", dump, PGDATABASE="copy")
    copy = restored.replace("/jubilee?", "/copy?")
    schema.check(copy)
    assert query(copy, "SELECT username FROM users") == "ada"


def test_only_the_newest_dumps_are_kept(restored: str, tmp_path: Path) -> None:
    for day in ("20261101", "20261102", "20261103"):
        (tmp_path / f"jubilee-{day}T000000Z.dump").touch()
    (tmp_path / "other.dump").touch()
    newest = script(restored, "dump.sh", BACKUP_DIR=tmp_path, KEEP="2")
    kept = {Path(newest).name, "jubilee-20261103T000000Z.dump", "other.dump"}
    assert {path.name for path in tmp_path.glob("*.dump")} == kept


def test_a_segment_is_not_overwritten_by_another(restored: str, tmp_path: Path) -> None:
    for name, content in (("one", "1"), ("two", "2")):
        (tmp_path / name).write_text(content)
    (tmp_path / "wal").mkdir()
    for _ in range(2):
        script(restored, "archive-wal.sh", tmp_path / "one", "0001", tmp_path / "wal")
    with pytest.raises(AssertionError, match="exists, and is another segment"):
        script(restored, "archive-wal.sh", tmp_path / "two", "0001", tmp_path / "wal")
    assert (tmp_path / "wal/0001").read_text() == "1"


def test_a_folder_with_data_is_not_restored_into(
    restored: str, loss: Loss, at: Path, tmp_path: Path
) -> None:
    (tmp_path / "PG_VERSION").touch()
    with pytest.raises(AssertionError, match="is not empty"):
        script(restored, "restore-pitr.sh", loss.base, at / "wal", tmp_path, "2026-11-21 09:30+00")
