"""Deadline of a request, extended by the time of its body and by `wait`."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import httpx2
import pytest

from jubilee.domain.services import Services
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.framework.context import BodyLimits, InFlightRequests
from jubilee.observation.requests import NoRequestObserver, RequestRecord
from tests.conftest import SignUp

REQUEST_S = 15.0
PAUSE_S = 0.2


class LastRequest(NoRequestObserver):
    """Store the record of the last request."""

    last: RequestRecord

    def request_finished(self, record: RequestRecord) -> None:
        self.last = record

    @property
    def seconds(self) -> float:
        """The time allowed for the request."""
        return self.last.deadline - self.last.began


@pytest.fixture
def observer() -> LastRequest:
    return LastRequest()


@pytest.fixture
async def client(services: Services, observer: LastRequest) -> AsyncIterator[httpx2.AsyncClient]:
    limits = BodyLimits(1 << 20, 5, request_seconds=REQUEST_S)
    options = HttpOptions(limits=limits, cursor_keys=(b"c" * 32,), meter=observer)
    transport = httpx2.ASGITransport(build_app(services, options, InFlightRequests()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


async def test_a_request_has_the_configured_deadline(
    client: httpx2.AsyncClient, observer: LastRequest
) -> None:
    await client.get("/hello/Zoe")
    assert observer.seconds == pytest.approx(REQUEST_S)


async def test_the_time_to_receive_the_body_extends_the_deadline(
    client: httpx2.AsyncClient, observer: LastRequest
) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(PAUSE_S)
        yield b'"dateOfBirth": "1990-02-28"}'

    headers, began = {"Content-Type": "application/json"}, monotonic()
    assert (await client.put("/hello/Zoe", content=slow(), headers=headers)).status_code == 204
    assert REQUEST_S + PAUSE_S * 0.9 < observer.seconds < REQUEST_S + monotonic() - began


async def test_a_requested_wait_extends_the_deadline(
    client: httpx2.AsyncClient, observer: LastRequest, sign_up: SignUp
) -> None:
    person = await sign_up("zoe")
    created = await client.post("/tasks", json={"data": {}}, headers=person.headers)
    answer = await client.get(f"{created.headers['Location']}?wait=0.3", headers=person.headers)
    assert answer.json()["status"] == "queued"
    assert observer.seconds == pytest.approx(REQUEST_S + 0.3)
    assert 0.25 < observer.last.seconds < REQUEST_S
