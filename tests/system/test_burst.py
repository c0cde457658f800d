"""Bursts of requests over real HTTP."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.servers import Servers
from tests.support.api import PASSWORD, Api, Starter, bearer, sign_up
from tests.support.running import USUAL_HASH

STALL = 0.25  # seconds; hashing on the event loop would block it for longer
BURST = 50


@pytest.fixture
def api(start_api: Starter, servers: Servers, database_url: str) -> Api:
    """An API with long request deadlines, since passwords are hashed at a low priority."""
    env = USUAL_HASH | {"REQUEST_TIMEOUT": "120", "DATABASE_TIMEOUT": "120"}
    return start_api(database_url, servers.redis_url, **env).ready()


@pytest.fixture
async def client(api: Api) -> AsyncIterator[httpx2.AsyncClient]:
    """A client with any number of connections."""
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=api.url, timeout=150, limits=limits) as client:
        yield client


@pytest.fixture
def tokens(api: Api) -> dict[str, str]:
    """The tokens of Ada."""
    with api.client() as client:
        return sign_up(client, "ada")


@pytest.mark.timing
async def test_a_burst_of_sign_ins_does_not_stall_the_rest(
    api: Api, client: httpx2.AsyncClient, tokens: dict[str, str]
) -> None:
    login = {"username": "ada", "password": PASSWORD}
    waits = []
    async with httpx2.AsyncClient(base_url=api.url, timeout=150) as other:
        assert (await other.get("/health/live")).status_code == 200
        began = time.monotonic()
        burst = [asyncio.create_task(client.post("/auth/token", data=login)) for _ in range(BURST)]
        while not all(task.done() for task in burst):
            asked = time.monotonic()
            assert (await other.get("/health/live")).status_code == 200
            waits.append(time.monotonic() - asked)
            await asyncio.sleep(0.01)
    assert {task.result().status_code for task in burst} == {200}
    assert time.monotonic() - began > STALL
    assert len(waits) > 30
    # A loaded machine may delay one of them; hashing on the event loop would delay each.
    assert sorted(waits)[int(len(waits) * 0.9)] < STALL / 2
    assert max(waits) < 4 * STALL


async def test_check_41_one_of_two_writers_with_the_same_etag_is_refused(
    client: httpx2.AsyncClient, tokens: dict[str, str]
) -> None:
    client.headers.update(bearer(tokens))
    made = await client.post("/items", json={"title": "Engine"})
    path, condition = made.headers["Location"], {"If-Match": made.headers["ETag"]}
    for number in range(5):
        titles = (f"one {number}", f"two {number}")
        answers = await asyncio.gather(
            *(client.patch(path, json={"title": title}, headers=condition) for title in titles)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412]
        (won,) = (answer for answer in answers if answer.status_code == 200)
        assert (await client.get(path)).json() == won.json()
        condition = {"If-Match": won.headers["ETag"]}


async def test_one_of_parallel_registrations_of_an_address_succeeds(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    quick = start_api(database_url, servers.redis_url)
    await asyncio.to_thread(quick.ready)
    spelt = ("zoe@example.com", "Zoe@example.com", "ZOE@EXAMPLE.COM", "zoe@Example.com") * 3
    forms = ({"email": email, "password": PASSWORD} for email in spelt)
    async with httpx2.AsyncClient(base_url=quick.url, timeout=60) as client:
        answers = await asyncio.gather(*(client.post("/users", json=form) for form in forms))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 11}
    refused = [answer for answer in answers if answer.status_code == 409]
    assert {answer.json()["code"] for answer in refused} == {"email_taken"}
