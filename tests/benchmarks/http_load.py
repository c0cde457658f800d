"""The requests that the HTTP benchmarks send: many names, users, tokens and items."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from json import dumps
from urllib.parse import urlencode

import httpx2

from tests.benchmarks.open_loop import http_request
from tests.support.api import PASSWORD, bearer, sign_in, sign_up

NAMES = 2_000
USERS = 24
ITEMS = 400
BORN = {"dateOfBirth": "1990-02-28"}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def name(number: int) -> str:
    """Return a name of letters alone, another one for each number."""
    letters = [chr(ord("a") + number // 26**place % 26) for place in range(4)]
    return "".join(letters).title()


@dataclass(frozen=True, slots=True)
class Load:
    """What was stored before the measurement."""

    headers: list[dict[str, str]]
    """One for each user's token."""
    items: list[str]

    @classmethod
    def prepare(cls, url: str) -> "Load":
        """Store names, users and items through a running API."""
        with httpx2.Client(base_url=url, timeout=60) as client:
            for number in range(NAMES):
                client.put(f"/hello/{name(number)}", json=BORN).raise_for_status()
            users = [bearer(sign_up(client, f"bench{number}")) for number in range(USERS)]
            for number in range(USERS):
                sign_up(client, f"visitor{number}")
            items = []
            for number in range(ITEMS):
                body = {"title": f"Item {number}", "description": "Twenty metres, warm white"}
                created = client.post("/items", json=body, headers=users[number % USERS])
                items.append(str(created.raise_for_status().json()["id"]))
        return cls(users, items)

    def at(self, url: str) -> "Load":
        """Sign the users in at another server, which may sign tokens in another way."""
        with httpx2.Client(base_url=url, timeout=60) as client:
            users = [bearer(sign_in(client, f"bench{number}")) for number in range(USERS)]
        return Load(users, self.items)

    def requests(self, kind: str) -> Iterator[bytes]:
        """Return requests of a kind without end."""
        made = REQUESTS[kind](self)
        return cycle(made)


def _hello(_: Load) -> list[bytes]:
    return [http_request("GET", f"/hello/{name(n)}", {}) for n in range(NAMES)]


def _save(_: Load) -> list[bytes]:
    body = dumps(BORN).encode()
    return [http_request("PUT", f"/hello/{name(n)}", JSON, body) for n in range(NAMES)]


def _live(_: Load) -> list[bytes]:
    return [http_request("GET", "/health/live", {})]


def _me(load: Load) -> list[bytes]:
    return [http_request("GET", "/users/me", headers) for headers in load.headers]


def _sign_in(_: Load) -> list[bytes]:
    # Users of their own: each sign-in beyond a number ends the oldest session of the user.
    forms = [urlencode({"username": f"visitor{n}", "password": PASSWORD}) for n in range(USERS)]
    return [http_request("POST", "/auth/token", FORM, form.encode()) for form in forms]


def _item(load: Load) -> list[bytes]:
    users = cycle(load.headers)
    return [http_request("GET", f"/items/{item}", next(users)) for item in load.items]


def _list(load: Load) -> list[bytes]:
    return [http_request("GET", "/items?limit=20", headers) for headers in load.headers]


def _create(load: Load) -> list[bytes]:
    body = dumps({"title": "Fairy lights", "description": "Twenty metres, warm white"}).encode()
    return [http_request("POST", "/items", {**JSON, **headers}, body) for headers in load.headers]


def _task(load: Load) -> list[bytes]:
    body = dumps({"kind": "echo", "data": {"n": 1}}).encode()
    return [http_request("POST", "/tasks", {**JSON, **headers}, body) for headers in load.headers]


REQUESTS = {
    "hello": _hello,
    "live": _live,
    "me": _me,
    "sign-in": _sign_in,
    "item": _item,
    "list": _list,
    "save": _save,
    "create": _create,
    "task": _task,
}
"""The kinds of requests: what each measures is in `deploy/performance.md`."""
FEW_CONNECTIONS = {"sign-in": 4}
"""Of kinds that hash a password: further ones of a client are refused."""
