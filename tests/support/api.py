"""Starts `jubilee api` for real, beside servers that are given, and speaks to it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx2

from tests.support.running import Up, eventually

COMMAND = (sys.executable, "-m", "jubilee")
PASSWORD = "an engine of brass"
NOWHERE = "postgresql://jubilee@127.0.0.1:1/nowhere"
NO_REDIS = "redis://127.0.0.1:1/0"
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
NO_MAIL = "smtp://127.0.0.1:1"  # without one there is a warning at every start


def run(
    at: Path, *arguments: str, stdin: str = "", **env: str | None
) -> subprocess.CompletedProcess[str]:
    """Run `jubilee` to its end in the folder `at`; an `env` of None is left out."""
    given = {"PATH": os.environ["PATH"], "DATA_DIR": str(at / "data"), "SMTP_URL": NO_MAIL, **env}
    return subprocess.run(
        (*COMMAND, *arguments),
        cwd=at,
        env={name: value for name, value in given.items() if value is not None},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


class Api(Up):
    """One `jubilee api`."""

    def __init__(self, at: Path, database_url: str, redis_url: str, **env: str | None) -> None:
        """Run it with the working folder `at`."""
        urls = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        self.at, self.urls = at, urls
        super().__init__(at / "data", at, (*COMMAND, "api"), **{**urls, "SMTP_URL": NO_MAIL, **env})

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def lines(self) -> list[str]:
        """What it said so far."""
        return self.output.splitlines()

    def client(self, **options: Any) -> httpx2.Client:
        """A client of its own connections."""
        return httpx2.Client(base_url=self.url, **{"timeout": 10, **options})

    def ask(self, path: str) -> httpx2.Response:
        """The answer to a GET on a new connection."""
        return httpx2.get(self.url + path, timeout=10)

    def add_admin(self, name: str) -> dict[str, str]:
        """Make an admin by the command and sign them in: the token reply."""
        who = ("--email", f"{name}@example.com", "--username", name, "--password-stdin")
        made = run(self.at, "admin", "create", *who, stdin=PASSWORD + "\n", **self.urls)
        assert made.returncode == 0, made.stderr
        with self.client() as client:
            return sign_in(client, name)

    def live(self) -> "Api":
        """Wait until it answers."""
        assert eventually(lambda: self.is_live() or self.process.poll() is not None)
        assert self.process.poll() is None, self.output
        return self

    def is_ready(self) -> bool:
        """Whether it wants requests."""
        try:
            return self.ask("/health/ready").status_code == 200
        except httpx2.HTTPError:
            return False

    def ready(self) -> "Api":
        """Wait until it wants requests."""
        assert eventually(self.is_ready, within=30), self.output
        return self


class Starter:
    """Starts services, each of which is gone when the test is."""

    def __init__(self, at: Path, ends: ExitStack) -> None:
        """They run in the folder `at`."""
        self._at, self._ends = at, ends

    def __call__(self, database_url: str, redis_url: str, **env: str | None) -> Api:
        """Start one; it may not answer yet."""
        api = Api(self._at, database_url, redis_url, **env)
        self._ends.callback(api.end)
        return api


def starter(at: Path) -> Iterator[Starter]:
    """For a fixture to yield from."""
    with ExitStack() as ends:
        yield Starter(at, ends)


def sign_up(client: httpx2.Client, name: str, path: str = "/users") -> dict[str, str]:
    """Register somebody and sign them in: the token reply."""
    form = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
    assert client.post(path, json=form).status_code == 201
    return sign_in(client, name)


def sign_in(client: httpx2.Client, name: str) -> dict[str, str]:
    """The token reply."""
    answer = client.post("/auth/token", data={"username": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    reply: dict[str, str] = answer.json()
    return reply


def bearer(tokens: dict[str, str]) -> dict[str, str]:
    """The header that proves who is asking."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}


@asynccontextmanager
async def locked_name(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The row of the name Zoe, locked by somebody else, whose connection this gives."""
    other = await asyncpg.connect(database_url)
    try:
        await other.execute("BEGIN; SELECT 1 FROM birthdays WHERE name = 'Zoe' FOR UPDATE")
        yield other
    finally:
        other.terminate()


async def somebody_waits(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Return once some session of the server waits for a lock."""
    async with asyncio.timeout(10):
        while not await connection.fetchval(WAITING):  # noqa: ASYNC110  # no event tells of it
            await asyncio.sleep(0.02)
