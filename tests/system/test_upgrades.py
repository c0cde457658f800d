"""An upgrade while users work: the version before, then both on the new schema, then the new one.

The version before is the commit before the newest migration, from the history of this clone.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from alembic import command

from jubilee.adapters.postgres import schema
from tests.servers import Servers, fresh_database
from tests.support.api import NO_MAIL, Starter
from tests.support.balancer import Balancer, User, all_go_on, working
from tests.support.running import eventually
from tests.support.version_before import BEFORE, unpack_version_before
from tests.support.workers import Workers, stop

USERS = 3


class Writer(User):
    """Write through any instance, and record what was acknowledged."""

    def __init__(self, balancer: Balancer, number: int) -> None:
        super().__init__(balancer, number)
        self.items: dict[str, str] = {}
        self.tasks: list[str] = []

    def work(self) -> None:
        item = self.ask("POST", "/items", json={"title": f"at first {self.rounds}"}).json()
        title = f"in the end {self.rounds}"
        changed = self.ask("PATCH", f"/items/{item['id']}", json={"title": title})
        self.items[item["id"]] = changed.json()["title"]
        self.ask(
            "PUT", f"/hello/name{'abcdefgh'[self.rounds % 8]}", json={"dateOfBirth": "1990-05-17"}
        )
        wanted = {"kind": "echo", "task_id": f"task-{self.rounds}", "data": {"n": self.rounds}}
        self.tasks.append(self.ask("POST", "/tasks", json=wanted).json()["task_id"])

    def has_all(self) -> bool:
        """Return whether each item is stored as acknowledged, and each task has succeeded."""
        titles = {key: self.ask("GET", f"/items/{key}").json()["title"] for key in self.items}
        ends = {self.ask("GET", f"/tasks/{task}").json()["status"] for task in self.tasks}
        assert ends <= {"queued", "running", "succeeded"}
        return titles == self.items and ends == {"succeeded"}


def imported_from(path: Path) -> str:
    """Return the file of the package that a process with this PYTHONPATH runs."""
    asked = (sys.executable, "-c", "import jubilee; print(jubilee.__file__)")
    return subprocess.check_output(asked, env={"PYTHONPATH": str(path)}, text=True).strip()


@pytest.fixture(scope="module")
def version_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources of the commit before the newest migration."""
    return unpack_version_before(tmp_path_factory.mktemp("before"))


@pytest.fixture
async def database_before(servers: Servers) -> AsyncIterator[str]:
    """A database with the schema of the version before."""
    async with fresh_database(servers) as url:
        await asyncio.to_thread(command.upgrade, schema.alembic_config(url), BEFORE.revision)
        yield url


@pytest.fixture
def start_worker(tmp_path: Path, database_before: str, servers: Servers) -> Iterator[Workers]:
    urls = {"DATABASE_URL": database_before, "REDIS_URL": servers.redis_url, "SMTP_URL": NO_MAIL}
    with ExitStack() as ends:
        yield Workers(tmp_path, ends, urls)


def test_an_upgrade_refuses_no_request_and_loses_nothing(
    version_before: Path,
    database_before: str,
    servers: Servers,
    start_api: Starter,
    start_worker: Workers,
) -> None:
    old_env = {"PYTHONPATH": str(version_before / "src")}
    assert imported_from(version_before / "src") == str(version_before / "src/jubilee/__init__.py")
    old_api = start_api(database_before, servers.redis_url, **old_env).ready()
    old_worker = start_worker(**old_env)
    balancer = Balancer([old_api])
    users = [Writer(balancer, number) for number in range(USERS)]
    with working(users):
        assert all_go_on(users)
        schema.upgrade(database_before)
        assert all_go_on(users)
        balancer.add(start_api(database_before, servers.redis_url).ready())
        new_worker = start_worker()
        assert all_go_on(users)
        balancer.remove(old_api)
        stop(old_worker)
        assert all_go_on(users)
    assert eventually(lambda: all(user.has_all() for user in users))
    assert new_worker.process.poll() is None
    for user in users:
        user.close()
