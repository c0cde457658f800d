"""Idempotency-Key on real processes: parallel requests, crashes, a new SECRET_KEY."""

import asyncio
from collections import Counter
from functools import partial
from signal import SIGKILL
from typing import Any

import asyncpg
import httpx2

from tests.servers import Servers
from tests.support.api import PASSWORD, Api, Starter, bearer, sign_up, wait_for_lock_wait
from tests.support.outages import OwnServers, family, send

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
EVE = {"email": "eve@example.com", "username": "eve", "password": PASSWORD}
OLD, NEW = "old-3f0c6Jq9vX1mWb8Tz5Kd2Rs7Ly4Hn0Pa", "new-8Tz5Kd2Rs7Ly4Hn0Pa3f0c6Jq9vX1mWb"
PARALLEL = 12
FEW = httpx2.Limits(max_connections=4)  # so that the crash meets requests
CUT_OFF = 40


def post_all(client: httpx2.Client, headers: dict[str, str]) -> list[httpx2.Response]:
    """Register an account, create an item and a task, and change the item."""
    item = client.post("/items", json={"title": "Engine"}, headers=headers)
    return [
        client.post("/users", json=EVE, headers=KEY),
        item,
        client.post("/tasks", json={"data": {"n": 1}}, headers=headers),
        client.patch(item.headers["location"], json={"title": "Two"}, headers=headers),
    ]


def parts(answer: httpx2.Response) -> tuple[Any, ...]:
    """Return what a repetition has in common with the first answer."""
    headers = [answer.headers.get(name) for name in ("location", "etag", "content-type")]
    return (answer.status_code, answer.content, *headers)


def count_own(client: httpx2.Client, headers: dict[str, str]) -> list[int]:
    """Return how many items and tasks the caller can see."""
    pages = (client.get(path, headers=headers).json() for path in ("/items", "/tasks"))
    return [len(page["items"]) for page in pages]


def test_neither_a_crash_nor_a_new_secret_key_changes_an_answer(
    own_servers: OwnServers, start_api: Starter
) -> None:
    urls = own_servers.database_url, own_servers.redis_url
    api = start_api(*urls, SECRET_KEY=OLD).ready()
    with api.client() as client:
        headers = bearer(sign_up(client, "ada")) | KEY
        first = post_all(client, headers)
        send(SIGKILL, family(api.process.pid))
        own_servers.postgres.kill()
    assert [answer.status_code for answer in first] == [201, 201, 202, 200]
    own_servers.postgres.start()
    with start_api(*urls, SECRET_KEY=NEW, SECRET_KEY_PREVIOUS=OLD).ready().client() as client:
        again = post_all(client, headers)
        assert list(map(parts, again)) == list(map(parts, first))
        assert {answer.headers.get("idempotent-replayed") for answer in again} == {"true"}
        assert count_own(client, headers) == [1, 1]


async def test_check_41_parallel_posts_have_one_effect(api: Api) -> None:
    with api.client() as client:
        headers = bearer(sign_up(client, "ada")) | KEY
    async with httpx2.AsyncClient(base_url=api.url, timeout=30) as client:
        for path, body in (("/items", {"title": "Engine"}), ("/users", EVE)):
            posts = (client.post(path, json=body, headers=headers) for _ in range(PARALLEL))
            answers = await asyncio.gather(*posts)
            new = [a for a in answers if a.is_success and "idempotent-replayed" not in a.headers]
            assert len(new) == 1, Counter(a.text for a in answers)
            for answer in answers:
                if answer.is_success:
                    assert answer.content == new[0].content
                else:
                    assert answer.json()["code"] == "idempotency_key_in_use"
                    assert answer.headers["retry-after"] == "1"
            assert (await client.post(path, json=body, headers=headers)).content == new[0].content
        assert len((await client.get("/items", headers=headers)).json()["items"]) == 1


async def test_a_repetition_is_refused_while_the_first_request_waits(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    api = start_api(database_url, servers.redis_url).ready()
    with api.client() as client:
        headers = bearer(sign_up(client, "ada")) | KEY
        path = client.post("/items", json={"title": "Engine"}, headers=headers).headers["location"]
    other = await asyncpg.connect(database_url)
    async with httpx2.AsyncClient(base_url=api.url, timeout=60, headers=headers) as caller:
        await other.execute("BEGIN; SELECT FROM items FOR UPDATE")
        first = asyncio.create_task(caller.patch(path, json={"title": "Two"}))
        await wait_for_lock_wait(other)
        second = await caller.patch(path, json={"title": "Two"})
        assert (second.status_code, second.headers["retry-after"]) == (409, "1")
        assert second.json()["code"] == "idempotency_key_in_use"
        await other.close()
        assert (await first).status_code == 200
        third = await caller.patch(path, json={"title": "Two"})
        assert parts(third) == parts(await first)


async def post_item(client: httpx2.AsyncClient, key: str) -> httpx2.Response:
    """Create an item that bears the name of the idempotency key."""
    return await client.post("/items", json={"title": key}, headers={"Idempotency-Key": key})


async def test_requests_cut_off_by_a_crash_are_repeated_with_one_effect_each(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    api = start_api(database_url, servers.redis_url).ready()
    with api.client() as signing_up:
        headers = bearer(sign_up(signing_up, "ada"))
    keys = [f"key-{number}" for number in range(CUT_OFF)]
    open_client = partial(httpx2.AsyncClient, timeout=60, headers=headers)
    async with open_client(base_url=api.url, limits=FEW) as client:
        posts = [asyncio.create_task(post_item(client, key)) for key in keys]
        await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
        send(SIGKILL, family(api.process.pid))
        outcomes = await asyncio.gather(*posts, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} - {httpx2.Response}  # some got no answer
    api = start_api(database_url, servers.redis_url).ready()
    async with open_client(base_url=api.url) as client:
        for key, outcome in zip(keys, outcomes, strict=True):
            again = await post_item(client, key)
            assert again.status_code == 201, again.text
            if isinstance(outcome, httpx2.Response):
                assert parts(again) == parts(outcome)
        page = (await client.get("/items?limit=100")).json()
    assert sorted(item["title"] for item in page["items"]) == sorted(keys)
