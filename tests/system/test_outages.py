"""Requests while PostgreSQL or Redis is down, and after it is back."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import httpx2
import pytest

from tests.servers import Servers
from tests.support.api import (
    PASSWORD,
    Api,
    Starter,
    bearer,
    lock_name_zoe,
    sign_up,
    wait_for_lock_wait,
)
from tests.support.outages import Breakable, OwnServers
from tests.support.running import USUAL_TIMEOUTS, eventually
from tests.system.outage_requests import (
    MAX_REQUEST_S,
    REFUSED_BEFORE,
    REFUSING,
    ask_all,
    assert_unavailable,
)

RECOVERY_S = 10.0  # until all requests succeed again
BORN = {"dateOfBirth": "1990-02-28"}
BOTH_WAYS = pytest.mark.parametrize(
    ("break_", "restore"),
    [(Breakable.kill, Breakable.start), (Breakable.freeze, Breakable.thaw)],
    ids=["killed", "frozen"],
)


@pytest.fixture
def own_api(own_servers: OwnServers, start_api: Starter) -> Api:
    """An API on the private servers."""
    return start_api(own_servers.database_url, own_servers.redis_url, **USUAL_TIMEOUTS).ready()


@pytest.fixture
def tokens(own_api: Api) -> dict[str, str]:
    """The tokens of an admin."""
    return own_api.add_admin("ada")


async def fill_pool(api: Api) -> None:
    """Make the API open all of its connections."""
    async with httpx2.AsyncClient(base_url=api.url, timeout=60) as client:
        answers = await asyncio.gather(*(client.get("/hello/Unknown") for _ in range(60)))
    assert {answer.status_code for answer in answers} == {404}


def assert_recovers(api: Api, tokens: dict[str, str]) -> None:
    """Check that the API becomes ready by itself and then answers all requests."""
    assert eventually(api.is_ready, within=RECOVERY_S), api.output
    with api.client() as client:
        answers = [client.get("/users/me", headers=bearer(tokens)) for _ in range(50)]
        answers += [client.put("/hello/Zoe", json=BORN) for _ in range(50)]
    assert Counter(a.status_code for a in answers) == {200: 50, 204: 50}
    assert api.process.poll() is None
    assert "Traceback" not in api.output


async def wait_until_none_is(database_url: str, *states: str) -> None:
    """Wait until no other session of the database is in any of these states."""
    async with asyncio.timeout(RECOVERY_S):
        while await activity(database_url) & Counter(states):  # noqa: ASYNC110  # PostgreSQL has no event for it
            await asyncio.sleep(0.1)


async def activity(database_url: str) -> Counter[str]:
    """Count the other sessions of the database by state."""
    connection = await asyncpg.connect(database_url)
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    question = f"SELECT state FROM pg_stat_activity WHERE {others}"
    try:
        return Counter(row["state"] for row in await connection.fetch(question))
    finally:
        await connection.close()


@pytest.mark.timing(waits=True)
@BOTH_WAYS
async def test_check_43_every_request_is_503_in_time_while_postgres_is_down(
    own_servers: OwnServers,
    own_api: Api,
    tokens: dict[str, str],
    break_: Callable[[Breakable], None],
    restore: Callable[[Breakable], None],
) -> None:
    await fill_pool(own_api)
    break_(own_servers.postgres)
    assert_unavailable(await ask_all(own_api, tokens))
    assert_unavailable(await ask_all(own_api, tokens))
    refused = await ask_all(own_api, tokens, REFUSING)
    assert {t.endpoint: t.answer.status_code for t in refused} == REFUSED_BEFORE
    assert own_api.ask("/health/live").status_code == 200
    assert own_api.ask("/health/ready").status_code == 503
    restore(own_servers.postgres)
    assert_recovers(own_api, tokens)


@pytest.mark.timing(waits=True)
async def test_postgres_frozen_in_a_transaction_is_503_in_time(
    own_servers: OwnServers, own_api: Api, tokens: dict[str, str]
) -> None:
    async with httpx2.AsyncClient(base_url=own_api.url, timeout=20) as client:
        assert (await client.put("/hello/Zoe", json=BORN)).status_code == 204
        async with lock_name_zoe(own_servers.database_url) as other:
            began = time.monotonic()
            waiting = [asyncio.create_task(client.put("/hello/Zoe", json=BORN)) for _ in range(5)]
            await wait_for_lock_wait(other)
            own_servers.postgres.freeze()
            answers = await asyncio.gather(*waiting)
            assert {answer.status_code for answer in answers} == {503}
            assert time.monotonic() - began < MAX_REQUEST_S
    own_servers.postgres.thaw()
    await asyncio.to_thread(assert_recovers, own_api, tokens)


def test_a_restart_of_postgres_breaks_no_request(
    own_servers: OwnServers, own_api: Api, tokens: dict[str, str]
) -> None:
    over = threading.Event()

    def send_requests() -> Counter[int]:
        found: Counter[int] = Counter()
        with own_api.client() as client:
            while not over.is_set():
                found[client.get("/users/me", headers=bearer(tokens)).status_code] += 1
                found[client.put("/hello/Zoe", json=BORN).status_code] += 1
        return found

    with ThreadPoolExecutor(8) as threads:
        asking = [threads.submit(send_requests) for _ in range(8)]
        for _ in range(3):
            time.sleep(0.6)
            own_servers.postgres.end()
            own_servers.postgres.start()
        over.set()
    found = sum((each.result() for each in asking), Counter())
    assert set(found) == {200, 204, 503}
    assert_recovers(own_api, tokens)


async def test_disconnected_clients_leave_no_database_connection(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    given = USUAL_TIMEOUTS | {"DATABASE_POOL_SIZE": "3"}
    api = start_api(database_url, servers.redis_url, **given)
    await asyncio.to_thread(api.ready)
    async with httpx2.AsyncClient(base_url=api.url, timeout=60) as client:
        assert (await client.put("/hello/Zoe", json=BORN)).status_code == 204
        async with lock_name_zoe(database_url):
            hurried = httpx2.Timeout(20, read=0.2)
            calls = (client.put("/hello/Zoe", json=BORN, timeout=hurried) for _ in range(9))
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {httpx2.ReadTimeout}
            await wait_until_none_is(database_url, "active")
        await wait_until_none_is(database_url, "idle in transaction", "active")
        states = await activity(database_url)
        assert set(states) <= {"idle"}
        assert states.total() <= 3
        answers = await asyncio.gather(*(client.put("/hello/Zoe", json=BORN) for _ in range(3)))
        assert {answer.status_code for answer in answers} == {204}


async def test_four_times_as_many_requests_as_connections_are_answered(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    api = start_api(database_url, servers.redis_url, DATABASE_POOL_SIZE="4")
    await asyncio.to_thread(api.ready)
    with api.client() as client:
        tokens = await asyncio.to_thread(sign_up, client, "ada")
    options: dict[str, Any] = {"base_url": api.url, "timeout": 20, "headers": bearer(tokens)}
    async with httpx2.AsyncClient(**options) as client:
        for _ in range(5):
            calls = (
                *(client.get("/auth/sessions") for _ in range(4)),
                *(client.patch("/users/me", json={"full_name": "Ada"}) for _ in range(4)),
                *(client.post("/items", json={"title": "Engine"}) for _ in range(4)),
                *(client.put("/hello/Zoe", json=BORN) for _ in range(4)),
            )
            answers = await asyncio.gather(*calls)
            assert {a.status_code for a in answers} == {200, 201, 204}


def outcomes(api: Api, tokens: dict[str, str]) -> dict[str, int]:
    """Return the statuses of everyday requests."""
    with api.client(headers=bearer(tokens)) as client:
        login = {"username": "ada", "password": PASSWORD}
        answers = (
            client.put("/hello/Zoe", json=BORN),
            client.get("/hello/Zoe"),
            client.get("/birthdays/today"),
            client.get("/birthdays/upcoming"),
            client.post("/auth/token", data=login),
            client.get("/users/me"),
            client.post("/items", json={"title": "Engine"}),
            client.get("/items?q=engine"),
            client.get("/health/ready"),
        )
    return {f"{a.request.method} {a.request.url.path}": a.status_code for a in answers}


def redis_state(api: Api) -> str:
    """Return the state of Redis in the readiness check."""
    answer = api.ask("/health/ready")
    assert answer.status_code == 200
    return str(answer.json()["checks"]["redis"])


@pytest.mark.timing
@BOTH_WAYS
def test_check_43_every_request_is_answered_while_redis_is_down(
    own_servers: OwnServers,
    own_api: Api,
    tokens: dict[str, str],
    break_: Callable[[Breakable], None],
    restore: Callable[[Breakable], None],
) -> None:
    before = outcomes(own_api, tokens)
    assert set(before.values()) == {200, 201, 204}
    assert redis_state(own_api) == "ok"
    break_(own_servers.redis)
    assert outcomes(own_api, tokens) == before
    assert redis_state(own_api) == "degraded"
    with own_api.client() as client:
        slowest = max(client.get("/hello/Zoe").elapsed.total_seconds() for _ in range(100))
    assert slowest < 0.15
    restore(own_servers.redis)
    assert eventually(lambda: redis_state(own_api) == "ok", within=RECOVERY_S)
    assert outcomes(own_api, tokens) == before
    assert "Traceback" not in own_api.output
