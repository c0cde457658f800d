"""Idempotency-Key on real processes: parallel requests, crashes, a new SECRET_KEY."""

import asyncio
from collections import Counter
from signal import SIGKILL
from typing import Any

import httpx2

from jubilee.adapters.postgres.schema import upgrade
from tests.servers import Servers
from tests.support.api import PASSWORD, Api, Starter, bearer, sign_up
from tests.support.outages import OwnServers, family, send

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
EVE = {"email": "eve@example.com", "username": "eve", "password": PASSWORD}
OLD, NEW = "old-3f0c6Jq9vX1mWb8Tz5Kd2Rs7Ly4Hn0Pa", "new-8Tz5Kd2Rs7Ly4Hn0Pa3f0c6Jq9vX1mWb"
PARALLEL = 12


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


def test_a_crash_of_api_and_database_after_the_answers_changes_nothing(
    own_servers: OwnServers, start_api: Starter
) -> None:
    upgrade(own_servers.database_url)
    urls = own_servers.database_url, own_servers.redis_url
    api = start_api(*urls).ready()
    with api.client() as client:
        headers = bearer(sign_up(client, "ada")) | KEY
        first = post_all(client, headers)
        send(SIGKILL, family(api.process.pid))
        own_servers.postgres.kill()
    assert [answer.status_code for answer in first] == [201, 201, 202, 200]
    own_servers.postgres.start()
    with start_api(*urls).ready().client() as client:
        again = post_all(client, headers)
        assert list(map(parts, again)) == list(map(parts, first))
        assert {answer.headers.get("idempotent-replayed") for answer in again} == {"true"}
        assert count_own(client, headers) == [1, 1]


async def test_parallel_posts_have_one_effect(api: Api) -> None:
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


def test_answers_outlive_the_replacement_of_the_key(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    urls = database_url, servers.redis_url
    with start_api(*urls, SECRET_KEY=OLD).ready().client() as client:
        headers = bearer(sign_up(client, "ada")) | KEY
        first = post_all(client, headers)
    with start_api(*urls, SECRET_KEY=NEW, SECRET_KEY_PREVIOUS=OLD).ready().client() as client:
        assert list(map(parts, post_all(client, headers))) == list(map(parts, first))
