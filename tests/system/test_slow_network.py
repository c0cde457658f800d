"""Requests over a slow network between the API and PostgreSQL."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.support.api import Api, Starter, bearer
from tests.support.outages import OwnServers
from tests.support.running import USUAL_TIMEOUTS
from tests.system.chaos.background import Background
from tests.system.chaos.proxy import Mode, Proxy
from tests.system.outage_requests import MAX_REQUEST_S, ask_all
from tests.system.test_outages import assert_recovers, fill_pool

ROUNDS = (
    3  # from the same state each: other work on the machine delays an answer, not always the same
)
WAIT = 3  # seconds that a client waits for a task
TASK = {"kind": "echo", "data": {"n": 1}, "task_id": "once", "run_at": "2027-06-01T00:00:00Z"}


@pytest.fixture
def network(own_servers: OwnServers) -> Iterator[Proxy]:
    """A proxy between the API and PostgreSQL."""
    folder = parse_qs(urlsplit(own_servers.database_url).query)["host"][0]
    background = Background()
    proxy = Proxy(background, str(Path(folder) / ".s.PGSQL.5432")).start()
    yield proxy
    proxy.close()
    background.close()


@pytest.fixture
def slow_api(network: Proxy, own_servers: OwnServers, start_api: Starter) -> Api:
    """An API behind the proxy, which does not delay yet."""
    url = f"postgresql://jubilee@127.0.0.1:{network.port}/jubilee?sslmode=disable"
    return start_api(url, own_servers.redis_url, **USUAL_TIMEOUTS).ready()


@pytest.fixture
def tokens(slow_api: Api) -> dict[str, str]:
    """The tokens of an admin."""
    return slow_api.add_admin("ada")


def slow_down(network: Proxy, delay: float) -> None:
    """Delay everything by `delay` seconds in each direction."""
    network.delay = delay
    network.turn(Mode.DELAY)


async def late_answers(api: Api, tokens: dict[str, str], network: Proxy, delay: float) -> set[str]:
    """Call every endpoint once over the slow network; return those that answered too late."""
    await fill_pool(api)
    slow_down(network, delay)
    answers = await ask_all(api, tokens)
    network.turn(Mode.PASS)
    assert {a.answer.status_code for a in answers if a.answer.status_code >= 500} == {503}
    refused = [a.answer for a in answers if a.answer.status_code == 503]
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    assert_recovers(api, tokens)
    return {a.endpoint for a in answers if a.seconds > MAX_REQUEST_S}


@pytest.mark.timing
@pytest.mark.parametrize("delay", [0.6, 2.0])
async def test_every_request_is_answered_in_time_over_a_slow_network(
    slow_api: Api, tokens: dict[str, str], network: Proxy, delay: float
) -> None:
    late: set[str] | None = None
    for _ in range(ROUNDS):
        late_now = await late_answers(slow_api, tokens, network, delay)
        late = late_now if late is None else late & late_now
        if not late:
            break
    assert late == set()


@pytest.mark.timing(waits=True)
@pytest.mark.parametrize("delay", [0.6, 2.0])
def test_a_wait_over_a_slow_network_ends_in_time(
    slow_api: Api, tokens: dict[str, str], network: Proxy, delay: float
) -> None:
    with slow_api.client(headers=bearer(tokens)) as client:
        path = client.post("/tasks", json=TASK).headers["Location"]
        slow_down(network, delay)
        began = time.monotonic()
        answer = client.get(f"{path}?wait={WAIT}")
        seconds = time.monotonic() - began
    assert answer.status_code in {200, 503}
    assert seconds < WAIT + MAX_REQUEST_S


def test_a_task_whose_reply_was_cut_at_the_deadline_is_stored_once(
    slow_api: Api, tokens: dict[str, str], network: Proxy
) -> None:
    with slow_api.client(headers=bearer(tokens)) as client:
        refused = cut_at_commit(client, network)
        network.turn(Mode.PASS)
        assert {answer.status_code for answer in refused} == {503}
        kept = stored_tasks(client)
        assert client.post("/tasks", json=TASK).status_code == 202
        again = stored_tasks(client)
    assert [task["task_id"] for task in again] == ["once"]
    assert kept in ([], again)


def stored_tasks(client: httpx2.Client) -> list[dict[str, Any]]:
    """Return the stored tasks with the id in question."""
    tasks: list[dict[str, Any]] = client.get("/tasks").json()["items"]
    return [task for task in tasks if task["task_id"] == TASK["task_id"]]


def cut_at_commit(client: httpx2.Client, network: Proxy) -> list[httpx2.Response]:
    """Post with deadlines before, at and after the COMMIT; return the refusals."""
    answers = []
    for delay in (0.18, 0.22, 0.26, 0.3, 0.34):
        slow_down(network, delay)
        answers.append(client.post("/tasks", json=TASK))
    return [answer for answer in answers if answer.status_code != 202]
