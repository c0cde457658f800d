"""Users that keep working through several instances while these are replaced."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx2

from tests.support.api import Api, bearer, sign_up
from tests.support.running import eventually

ROUNDS = 3  # that each user does before `all_go_on` is satisfied


@dataclass
class Balancer:
    """The instances that get requests; one that is to end is taken out before."""

    apis: list[Api]
    changes: threading.Condition = field(default_factory=threading.Condition)
    in_use: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def any_one(self, chance: Random) -> Iterator[str]:
        """Yield the URL of one of them, which is not ended meanwhile."""
        with self.changes:
            url = chance.choice(self.apis).url
            self.in_use[url] = self.in_use.get(url, 0) + 1
        yield url
        with self.changes:
            self.in_use[url] -= 1
            self.changes.notify_all()

    def add(self, api: Api) -> None:
        """Give it its share of the requests."""
        with self.changes:
            self.apis.append(api)

    def remove(self, api: Api) -> None:
        """End it in good order, once it has answered."""
        with self.changes:
            self.apis.remove(api)
            assert self.changes.wait_for(lambda: not self.in_use.get(api.url), timeout=60)
        api.process.terminate()
        assert api.process.wait(60) == 0


class User(ABC):
    """Signed in at the start and never again; works in rounds until a request is refused."""

    def __init__(self, balancer: Balancer, number: int) -> None:
        self._balancer, self._chance = balancer, Random(number)
        self.rounds = 0
        self.refused: list[str] = []
        self._clients: dict[str, httpx2.Client] = {}
        with self._client() as client:
            self.tokens = sign_up(client, f"user{number}")

    @abstractmethod
    def work(self) -> None:
        """Do one round."""

    def live(self, over: threading.Event) -> None:
        """Work until all is over."""
        while not over.is_set() and not self.refused:
            self.work()
            self.rounds += 1

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Return the answer of any instance; one that refuses is noted."""
        with self._client() as client:
            headers = {**bearer(self.tokens), **options.pop("headers", {})}
            answer = client.request(method, path, headers=headers, **options)
        if answer.status_code >= 400:
            self.refused.append(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer

    def close(self) -> None:
        """Close the connections to all instances."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    @contextmanager
    def _client(self) -> Iterator[httpx2.Client]:
        with self._balancer.any_one(self._chance) as url:
            if url not in self._clients:
                self._clients[url] = httpx2.Client(base_url=url, timeout=60)
            yield self._clients[url]


@contextmanager
def working(users: Sequence[User]) -> Iterator[None]:
    """Let all of them work at the same time; at the end, no request of any has been refused."""
    over = threading.Event()
    with ThreadPoolExecutor(len(users)) as threads:
        lives = [threads.submit(user.live, over) for user in users]
        try:
            yield
        finally:
            over.set()
    for user in users:
        user.close()
    assert [user.refused for user in users] == [[] for _ in users]
    assert [life.result() for life in lives] == [None for _ in users]


def all_go_on(users: Sequence[User]) -> bool:
    """Whether each does some more rounds, or has been refused, which `working` tells."""
    before = [user.rounds for user in users]
    return eventually(
        lambda: (
            any(user.refused for user in users)
            or all(u.rounds >= n + ROUNDS for u, n in zip(users, before, strict=True))
        )
    )
