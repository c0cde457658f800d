"""Run `jubilee api` as a process on given servers, and call it."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx2

from jubilee.adapters.postgres.statement import Driver
from tests.support import forked
from tests.support.running import PATIENT, QUICK_HASH, Up, eventually

COMMAND = forked.COMMAND
PASSWORD = "an engine of brass"
NOWHERE = "postgresql://jubilee@127.0.0.1:1/nowhere"
NO_REDIS = "redis://127.0.0.1:1/0"
LOCK_WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted"
RUN_TIMEOUT_S = 90.0
NO_MAIL = "smtp://127.0.0.1:1"  # a service without one logs a warning at every start
ALWAYS: dict[str, str | None] = {"SMTP_URL": NO_MAIL, **QUICK_HASH, **PATIENT}


def run(
    at: Path, *arguments: str, stdin: str = "", **env: str | None
) -> subprocess.CompletedProcess[str]:
    """Run `jubilee` to its end in the folder `at`; an `env` of None is left out."""
    given = {"PATH": os.environ["PATH"], "DATA_DIR": str(at / "data"), **ALWAYS, **env}
    values = {name: value for name, value in given.items() if value is not None}
    command = (*COMMAND, *arguments)
    if forked.can_fork(command, values, at):
        return forked.run(command, values, at, stdin=stdin, timeout=RUN_TIMEOUT_S)
    return subprocess.run(
        command,
        cwd=at,
        env=values,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )


class Api(Up):
    """A process of `jubilee api`."""

    def __init__(self, at: Path, database_url: str, redis_url: str, **env: str | None) -> None:
        """Run it with the working folder `at`."""
        urls = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        self.at, self.urls = at, urls
        super().__init__(at / "data", at, (*COMMAND, "api"), **{**urls, **ALWAYS, **env})

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def lines(self) -> list[str]:
        """The lines of output so far."""
        return self.output.splitlines()

    def client(self, **options: Any) -> httpx2.Client:
        """Return a client with its own connections."""
        return httpx2.Client(base_url=self.url, **{"timeout": 60, **options})

    def ask(self, path: str) -> httpx2.Response:
        """Send a GET on a new connection and return the response."""
        return httpx2.get(self.url + path, timeout=60)

    def add_admin(self, name: str) -> dict[str, str]:
        """Create an admin by the command, sign in, and return the token reply."""
        arguments = ("--email", f"{name}@example.com", "--username", name, "--password-stdin")
        created = run(self.at, "admin", "create", *arguments, stdin=PASSWORD + "\n", **self.urls)
        assert created.returncode == 0, created.stderr
        with self.client() as client:
            return sign_in(client, name)

    def live(self) -> "Api":
        """Wait until the API answers."""
        assert eventually(lambda: self.is_live() or self.process.poll() is not None)
        assert self.process.poll() is None, self.output
        return self

    def is_ready(self) -> bool:
        """Return whether the API is ready for requests."""
        try:
            return self.ask("/health/ready").status_code == 200
        except httpx2.HTTPError:
            return False

    def ready(self) -> "Api":
        """Wait until the API is ready for requests."""
        assert eventually(self.is_ready), self.output
        return self


class Starter:
    """Start services that end with the test."""

    def __init__(self, at: Path, ends: ExitStack) -> None:
        """Run the services in the folder `at`."""
        self._at, self._ends = at, ends

    def __call__(self, database_url: str, redis_url: str, **env: str | None) -> Api:
        """Start an API without waiting until it answers."""
        api = Api(self._at, database_url, redis_url, **env)
        self._ends.callback(api.end)
        return api


def starter(at: Path) -> Iterator[Starter]:
    """Yield a Starter; a fixture yields from this."""
    with ExitStack() as ends:
        yield Starter(at, ends)


def sign_up(client: httpx2.Client, name: str, path: str = "/users") -> dict[str, str]:
    """Register an account, sign in, and return the token reply."""
    form = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
    assert client.post(path, json=form).status_code == 201
    return sign_in(client, name)


def sign_in(client: httpx2.Client, name: str) -> dict[str, str]:
    """Sign in and return the token reply."""
    answer = client.post("/auth/token", data={"username": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    reply: dict[str, str] = answer.json()
    return reply


def bearer(tokens: dict[str, str]) -> dict[str, str]:
    """Return the Authorization header of a token reply."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}


@asynccontextmanager
async def held_open(database_url: str, statement: str) -> AsyncIterator[Driver]:
    """Run the statement in a transaction that stays open, and yield its connection."""
    other = await asyncpg.connect(database_url)
    try:
        await other.execute(f"BEGIN; {statement}")
        yield other
    finally:
        other.terminate()


@asynccontextmanager
async def lock_name_zoe(database_url: str) -> AsyncIterator[Driver]:
    """Lock the row of the name Zoe by another connection, and yield that connection."""
    lock = "SELECT 1 FROM birthdays WHERE name = 'Zoe' FOR UPDATE"
    async with held_open(database_url, lock) as other:
        yield other


async def wait_for_lock_wait(connection: Driver) -> None:
    """Wait until a session of the server waits for a lock."""
    async with asyncio.timeout(60):
        while not await connection.fetchval(LOCK_WAITS):  # noqa: ASYNC110  # PostgreSQL has no event for it
            await asyncio.sleep(0.02)
