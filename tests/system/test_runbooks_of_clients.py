"""Runbooks of what clients do: too many connections, and guesses at passwords."""

import json
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.servers import Servers
from tests.support.api import PASSWORD, Api, Starter, bearer, run, sign_up
from tests.support.running import eventually
from tests.system.alert_metrics import total
from tests.system.following import Env, shell
from tests.system.runbooks import code_of
from tests.system.watching import alerted, scrape

REFUSED, GUESSED = "JubileeConnectionsRefused", "JubileePasswordsGuessed"
LIMIT = 3
GUESSES, OF_ZOE = 80, 15
UPLOAD = b"PUT /hello/zoe HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"
HOME, ELSEWHERE, ATTACKER = "127.0.0.1", "127.0.0.2", "127.0.0.3"


@pytest.fixture
def crowded(
    start_api: Starter, servers: Servers, database_url: str
) -> Iterator[tuple[Api, ExitStack]]:
    """An API, and the connections of a client that sends no more: all that it may have."""
    given = {code_of(REFUSED, "MAX_CONNECTIONS"): str(LIMIT), "BODY_TIMEOUT": "300"}
    api = start_api(database_url, servers.redis_url, **given).ready()
    with ExitStack() as held:
        for _ in range(LIMIT):
            connection = socket.create_connection((HOME, api.port), source_address=(ATTACKER, 0))
            held.enter_context(connection)
            connection.sendall(UPLOAD)
        assert eventually(lambda: count(api, "http_connections") > LIMIT)
        yield api, held


def count(api: Api, beginning: str, reason: str = "") -> float:
    """Return what the metric that the entry names shows."""
    name = code_of(REFUSED, beginning)
    chosen = f'{name}{{{code_of(REFUSED, "reason")}="{reason}"}}' if reason else name
    return total(scrape(api.port), chosen)


def refused(api: Api) -> float:
    """Return the number of refused connections that the alert reads."""
    return sum(alerted(scrape(api.port), REFUSED).values())


@pytest.mark.follows("JubileeConnectionsRefused")
def test_connections_are_refused_until_another_instance_or_a_larger_limit_takes_them(
    crowded: tuple[Api, ExitStack], start_api: Starter, servers: Servers, database_url: str
) -> None:
    api, held = crowded
    answer = api.ask("/hello/zoe")
    assert (answer.status_code, refused(api)) == (503, 1)
    assert count(api, "http_connections_ended", code_of(REFUSED, "head_timeout")) == 0
    assert int(answer.headers[code_of(REFUSED, "Retry-After")]) > 0
    command = (*code_of(REFUSED, "ss -tn").split(), f"sport = :{api.port}")
    sockets = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert sockets.count(f"{ATTACKER}:") == LIMIT
    other = start_api(database_url, servers.redis_url, MAX_CONNECTIONS=str(3 * LIMIT)).ready()
    for _ in range(LIMIT):
        assert other.ask("/hello/zoe").status_code == 404
    assert refused(other) == 0
    held.close()
    assert eventually(lambda: api.ask("/hello/zoe").status_code == 404)
    assert refused(other) == 0


def sign_in_from(api: Api, address: str, password: str = PASSWORD, name: str = "zoe") -> int:
    """Sign in from an address of the loopback network; return the status."""
    transport = httpx2.HTTPTransport(local_address=address, verify=False)
    form = {"username": name, "password": password}
    with api.client(transport=transport) as client:
        return client.post("/auth/token", data=form).status_code


def guesses(api: Api) -> float:
    """Return the number of wrong and refused passwords that the alert reads."""
    return sum(alerted(scrape(api.port), GUESSED).values())


@pytest.fixture
def guessed(start_api: Starter, servers: Servers, database_url: str) -> tuple[Api, dict[str, str]]:
    """An API while the password of Zoe, who is signed in, is guessed, and her tokens."""
    api = start_api(database_url, servers.redis_url, RATE_LIMITS="off", LOG_FORMAT="json").ready()
    with api.client() as client:
        tokens = sign_up(client, "zoe")
    names = ["zoe" if number < OF_ZOE else f"user{number}" for number in range(GUESSES)]
    began = time.monotonic()
    with ThreadPoolExecutor(2) as threads:  # fewer than one client may have wait for a hash
        statuses = threads.map(lambda name: sign_in_from(api, ATTACKER, "wrong", name), names)
        assert set(statuses) == {400, 429}
    assert guesses(api) / (time.monotonic() - began) > 1
    return api, tokens


@pytest.mark.follows("JubileePasswordsGuessed")
async def test_the_address_that_guesses_is_found_and_the_account_unlocked(
    guessed: tuple[Api, dict[str, str]], tmp_path: Path
) -> None:
    api, tokens = guessed
    env: Env = {**api.urls}
    locks = {f'"event":"{code_of(GUESSED, f"{what} locked")}"' for what in ("account", "address")}
    assert eventually(lambda: all(lock in api.output for lock in locks))
    method, path = code_of(GUESSED, "POST /auth").split(" ")
    sign_ins = [
        json.loads(one) for one in api.lines if f'"method":"{method}","route":"{path}"' in one
    ]
    clients = Counter(one[code_of(GUESSED, "client")] for one in sign_ins)
    assert clients.most_common(1) == [(ATTACKER, GUESSES)]
    with api.client(headers=bearer(tokens)) as zoe:
        assert zoe.get("/users/me").status_code == 200
        assert sign_in_from(api, HOME) == 200
        assert sign_in_from(api, ELSEWHERE) == 429
        await shell(tmp_path, code_of(GUESSED, "jubilee user unlock").replace("WHO", "zoe"), env)
        assert sign_in_from(api, ELSEWHERE) == 200
        changed = code_of(GUESSED, "jubilee user password").replace("WHO", "zoe")
        ended = run(
            tmp_path, *changed.split()[1:], "--password-stdin", stdin="a new engine\n", **env
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        assert zoe.get("/users/me").status_code == 401


@pytest.mark.follows("JubileePasswordsGuessed")
def test_an_admin_ends_the_lock_of_an_account(guessed: tuple[Api, dict[str, str]]) -> None:
    api, tokens = guessed
    assert sign_in_from(api, ELSEWHERE) == 429
    admin = bearer(api.add_admin("ada"))
    with api.client() as client:
        me = client.get("/users/me", headers=bearer(tokens)).json()["id"]
        method, path = code_of(GUESSED, "POST /api/users").replace("{id}", me).split(" ")
        assert client.request(method, path, headers=admin).is_success
    assert sign_in_from(api, ELSEWHERE) == 200
