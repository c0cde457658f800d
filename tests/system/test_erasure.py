"""The erasure of an account on real processes: nothing of it remains but a pseudonym."""

import io
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import choice
from string import ascii_lowercase
from typing import Any
from zipfile import ZipFile

import asyncpg
import httpx2
import pytest
from redis.asyncio import Redis

from tests.servers import Servers
from tests.support.api import PASSWORD, Api, Starter, bearer
from tests.support.running import Up, eventually
from tests.support.workers import Workers

KEEP_THE_ID = {"audit_entries", "jobs"}
"""Tables that name the deleted account's id: the audit log, and the job that erased it."""
TABLES = (
    "SELECT tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
)


@dataclass(frozen=True, slots=True)
class Service:
    """An API and a worker on a database of their own."""

    api: Api
    worker: Up
    database: "asyncpg.Connection[asyncpg.Record]"
    redis: Redis


@pytest.fixture
def worker_ends() -> Iterator[ExitStack]:
    with ExitStack() as ends:
        yield ends


@pytest.fixture
async def service(
    start_api: Starter, servers: Servers, database_url: str, tmp_path: Path, worker_ends: ExitStack
) -> AsyncIterator[Service]:
    mail = {"SMTP_URL": None, "MAIL_DIR": str(tmp_path / "mail")}
    api = start_api(
        database_url, servers.redis_url, ACCOUNT_DELETION_GRACE_DAYS="1", LOG_LEVEL="DEBUG", **mail
    ).ready()
    env = {"MAIL_DIR": mail["MAIL_DIR"] or "", **api.urls, "LOG_LEVEL": "DEBUG"}
    worker = Workers(tmp_path, worker_ends, env)()
    connection, redis = await asyncpg.connect(database_url), Redis.from_url(servers.redis_url)
    yield Service(api, worker, connection, redis)
    await connection.close()
    await redis.aclose()


async def tables_with(service: Service, text: str) -> set[str]:
    """Names of all tables that have the text in a column, also as bytes or as their hex digits."""
    found = set()
    for (table,) in await service.database.fetch(TABLES):
        rows = f'SELECT count(*) FROM "{table}" AS row WHERE row::text ILIKE ANY($1)'
        patterns = [f"%{text}%", f"%{text.encode().hex()}%"]
        if await service.database.fetchval(rows, patterns):
            found.add(table)
    return found


async def keys_with(service: Service, text: str) -> list[bytes]:
    """All keys of Redis that have the text in their name or value."""
    found = []
    async for key in service.redis.scan_iter(count=1000):
        value = await service.redis.dump(key) or b""
        if text.encode() in key.lower() or text.encode() in value.lower():
            found.append(key)
    return found


def use_everything(service: Service, client: httpx2.Client, name: str) -> str:
    """Leave the name wherever the API takes text; return the id of the account."""
    born = datetime.now(UTC).date().replace(year=1992)
    form = {
        "email": f"{name}@{name}.example", "username": name, "full_name": f"{name} quill",
        "password": PASSWORD, "date_of_birth": str(born), "time_zone": "UTC",
    }  # fmt: skip
    key = {"Idempotency-Key": name}
    account = client.post("/users", json=form, headers=key).json()
    credentials = {"username": name, "password": PASSWORD}
    client.post("/auth/login", json={**credentials, "password": "wrong"})
    tokens = client.post("/auth/login", json=credentials).json()
    client.headers.update(bearer(tokens))
    for path, body in {
        "/items": {"title": name, "description": name},
        "/tasks": {"task_id": name, "data": {name: name}},
    }.items():
        assert client.post(path, json=body, headers=key).is_success
    later = {"task_id": f"{name}.later", "data": {name: name}, "run_at": "2027-01-01T00:00:00Z"}
    assert client.post("/tasks", json=later).is_success
    assert client.patch("/users/me", json={"full_name": name}, headers=key).is_success
    done = client.get(f"/tasks/{name}", params={"wait": 60}).json()
    assert done["status"] == "succeeded"
    return str(account["id"])


def read_lists(client: httpx2.Client, name: str, admin: Mapping[str, str]) -> None:
    """Read what shows the name to others; a change by another test empties the cache again."""
    for path in ("/users", f"/hello/{name}", "/birthdays/today"):
        assert name in client.get(path, headers=admin).text


def exported(client: httpx2.Client) -> Mapping[str, str]:
    """The files of one's own export."""
    task = client.post("/users/me/export").json()
    done = client.get(f"/tasks/{task['id']}", params={"wait": 60}).json()
    assert done["status"] == "succeeded", done
    with ZipFile(io.BytesIO(client.get("/users/me/export").content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


async def test_check_45_nothing_of_an_erased_account_remains_but_a_pseudonym(
    service: Service,
) -> None:
    name = "".join(choice(ascii_lowercase) for _ in range(20))
    with service.api.client(timeout=90) as client:
        user_id = use_everything(service, client, name)
        archive = exported(client)
        with_name = {file for file, text in archive.items() if name in text}
        assert with_name >= {"account.json", "birthday.json", "items.csv", "tasks.json"}
        assert await tables_with(service, name) >= {"users", "birthdays", "items", "jobs"}
        read_lists(client, name, bearer(service.api.add_admin("root")))
        assert await keys_with(service, name)
        answer: Any = client.delete("/users/me")
        assert answer.status_code == 202
    erase = "UPDATE jobs SET run_at = now() WHERE kind = 'account.erase' RETURNING id"
    assert len(await service.database.fetch(erase)) == 1
    assert eventually(lambda: "account.erase" in service.worker.output)
    assert await tables_with(service, name) == set()
    assert await tables_with(service, user_id) <= KEEP_THE_ID
    assert await keys_with(service, name) == []
    assert name not in service.api.output + service.worker.output
