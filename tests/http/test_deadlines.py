"""Deadline of a request, extended by the time of its body and by `wait`."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from jubilee.domain.services import Services
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.framework.context import BodyLimits, InFlightRequests
from jubilee.observation.requests import NoRequestObserver, RequestRecord
from tests.conftest import SignUp

SECONDS = 2.0
PAUSE = 0.2


class Remembering(NoRequestObserver):
    """Keeps the last request."""

    last: RequestRecord

    def request_finished(self, record: RequestRecord) -> None:
        self.last = record

    @property
    def seconds(self) -> float:
        """The time allowed for the request."""
        return self.last.deadline - self.last.began


@pytest.fixture
def meter() -> Remembering:
    return Remembering()


@pytest.fixture
async def client(services: Services, meter: Remembering) -> AsyncIterator[httpx2.AsyncClient]:
    limits = BodyLimits(1 << 20, 5, request_seconds=SECONDS)
    options = HttpOptions(limits=limits, cursor_keys=(b"c" * 32,), meter=meter)
    transport = httpx2.ASGITransport(build_app(services, options, InFlightRequests()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


async def test_a_request_has_its_seconds(client: httpx2.AsyncClient, meter: Remembering) -> None:
    await client.get("/hello/Zoe")
    assert meter.seconds == pytest.approx(SECONDS)


async def test_the_time_in_which_a_body_arrives_is_the_clients(
    client: httpx2.AsyncClient, meter: Remembering
) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(PAUSE)
        yield b'"dateOfBirth": "1990-02-28"}'

    headers = {"Content-Type": "application/json"}
    assert (await client.put("/hello/Zoe", content=slow(), headers=headers)).status_code == 204
    assert SECONDS + PAUSE * 0.9 < meter.seconds < SECONDS + PAUSE + 1


async def test_a_wait_comes_on_top(
    client: httpx2.AsyncClient, meter: Remembering, sign_up: SignUp
) -> None:
    person = await sign_up("zoe")
    made = await client.post("/tasks", json={"data": {}}, headers=person.headers)
    answer = await client.get(f"{made.headers['Location']}?wait=0.3", headers=person.headers)
    assert answer.json()["status"] == "queued"
    assert meter.seconds == pytest.approx(SECONDS + 0.3)
    assert 0.25 < meter.last.seconds < SECONDS
