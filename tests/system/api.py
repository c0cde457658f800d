"""Starts `jubilee api` for real, beside servers that are given, and speaks to it."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx2

from tests.system.running import Up, eventually

COMMAND = (sys.executable, "-m", "jubilee")
PASSWORD = "an engine of brass"
NOWHERE = "postgresql://jubilee@127.0.0.1:1/nowhere"
NO_REDIS = "redis://127.0.0.1:1/0"


class Api(Up):
    """One `jubilee api`."""

    def __init__(self, at: Path, database_url: str, redis_url: str, **env: str | None) -> None:
        """Run it with the working folder `at`."""
        urls = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        super().__init__(at / "data", at, (*COMMAND, "api"), **{**urls, **env})

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
async def locked_name(database_url: str) -> AsyncIterator[None]:
    """The row of the name Zoe, locked by somebody else."""
    other = await asyncpg.connect(database_url)
    try:
        await other.execute("BEGIN; SELECT 1 FROM birthdays WHERE name = 'Zoe' FOR UPDATE")
        yield
    finally:
        other.terminate()
