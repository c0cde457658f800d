"""SECRET_KEY is replaced at two instances, one after the other, while users work through both."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx2

from tests.servers import Servers
from tests.support.api import Api, Starter, bearer, sign_up
from tests.support.running import eventually

OLD, NEW = "old-3f0c6Jq9vX1mWb8Tz5Kd2Rs7Ly4Hn0Pa", "new-8Tz5Kd2Rs7Ly4Hn0Pa3f0c6Jq9vX1mWb"
BEFORE = {"SECRET_KEY": OLD, "SECRET_KEY_PREVIOUS": NEW}
AFTER = {"SECRET_KEY": NEW, "SECRET_KEY_PREVIOUS": OLD}
USERS = 3
ROUNDS = 3  # of each user, in each state of the rotation


@dataclass
class Balancer:
    """The instances that get requests; one that is to end is taken out before."""

    apis: list[Api]
    changes: threading.Condition = field(default_factory=threading.Condition)
    in_use: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def any_one(self, chance: Random) -> Iterator[str]:
        with self.changes:
            url = chance.choice(self.apis).url
            self.in_use[url] = self.in_use.get(url, 0) + 1
        yield url
        with self.changes:
            self.in_use[url] -= 1
            self.changes.notify_all()

    def replace(self, old: Api, new: Api) -> None:
        with self.changes:
            self.apis[self.apis.index(old)] = new
            assert self.changes.wait_for(lambda: not self.in_use.get(old.url), timeout=60)
        old.process.terminate()
        assert old.process.wait(60) == 0


class SignedInUser:
    """Signed in at the start, and never again."""

    def __init__(self, balancer: Balancer, number: int) -> None:
        self._balancer, self._chance = balancer, Random(number)
        self.rounds = 0
        self.refused: list[str] = []
        self._clients: dict[str, httpx2.Client] = {}
        with self._client() as client:
            self._tokens = sign_up(client, f"user{number}")
        for title in ("first", "second"):
            assert self._ask("POST", "/items", json={"title": title}).status_code == 201

    def live(self, over: threading.Event) -> None:
        """Read, page on, and refresh twice with one token, at any instance each time."""
        while not over.is_set() and not self.refused:
            self._ask("GET", "/auth/sessions")
            page = self._ask("GET", "/items", params={"limit": 1}).json()
            self._ask("GET", "/items", params={"limit": 1, "cursor": page.get("next_cursor")})
            form = {"grant_type": "refresh_token", "refresh_token": self._tokens["refresh_token"]}
            self._ask("POST", "/auth/refresh", json=form)
            answer = self._ask("POST", "/auth/refresh", json=form)
            self._tokens = answer.json()
            self.rounds += 1

    def close(self) -> None:
        """Close the connections to all instances."""
        for client in self._clients.values():
            client.close()

    def _ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        with self._client() as client:
            answer = client.request(method, path, headers=bearer(self._tokens), **options)
        if answer.status_code >= 400:
            self.refused.append(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer

    @contextmanager
    def _client(self) -> Iterator[httpx2.Client]:
        with self._balancer.any_one(self._chance) as url:
            if url not in self._clients:
                self._clients[url] = httpx2.Client(base_url=url, timeout=30)
            yield self._clients[url]


def test_every_user_stays_signed_in_while_the_key_is_replaced(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    def started(count: int, env: dict[str, str]) -> list[Api]:
        apis = [start_api(database_url, servers.redis_url, **env) for _ in range(count)]
        return [api.ready() for api in apis]

    balancer = Balancer(started(2, BEFORE))
    users = [SignedInUser(balancer, number) for number in range(USERS)]
    over = threading.Event()

    def all_go_on() -> bool:
        before = [user.rounds for user in users]
        return eventually(
            lambda: (
                any(user.refused for user in users)
                or all(p.rounds >= n + ROUNDS for p, n in zip(users, before, strict=True))
            )
        )

    with ThreadPoolExecutor(USERS) as threads:
        lives = [threads.submit(user.live, over) for user in users]
        try:
            replacements = started(2, AFTER)
            for old, new in zip(tuple(balancer.apis), replacements, strict=True):
                assert all_go_on()
                balancer.replace(old, new)
            assert all_go_on()
        finally:
            over.set()
    for user in users:
        user.close()
    assert [user.refused for user in users] == [[]] * USERS
    assert [life.result() for life in lives] == [None] * USERS
