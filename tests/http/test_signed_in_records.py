"""The account in the record of a request, from which the access line is written."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from jubilee.domain.services import Services
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.framework.context import BodyLimits, InFlightRequests
from jubilee.observation.requests import NoRequestObserver, RequestRecord
from tests.conftest import PASSWORD, Person, SignUp


class LastRequest(NoRequestObserver):
    """Store the record of the last request."""

    record: RequestRecord

    def request_finished(self, record: RequestRecord) -> None:
        self.record = record


@pytest.fixture
def observer() -> LastRequest:
    return LastRequest()


@pytest.fixture
async def client(services: Services, observer: LastRequest) -> AsyncIterator[httpx2.AsyncClient]:
    options = HttpOptions(limits=BodyLimits(1000, 5), cursor_keys=(b"c" * 32,), meter=observer)
    transport = httpx2.ASGITransport(build_app(services, options, InFlightRequests()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.mark.parametrize("path", ["/auth/token", "/auth/login"])
async def test_a_sign_in_is_recorded_with_its_account(
    client: httpx2.AsyncClient, observer: LastRequest, zoe: Person, path: str
) -> None:
    sign_in = {"username": "zoe", "password": PASSWORD}
    assert (await client.post(path, json=sign_in)).status_code == 200
    assert observer.record.user_id == str(zoe.user.id)


async def test_a_refresh_is_recorded_with_its_account(
    client: httpx2.AsyncClient, observer: LastRequest, zoe: Person
) -> None:
    body = {"refresh_token": zoe.refresh_token}
    assert (await client.post("/auth/refresh", json=body)).status_code == 200
    assert observer.record.user_id == str(zoe.user.id)


async def test_a_refused_sign_in_is_recorded_without_an_account(
    client: httpx2.AsyncClient, observer: LastRequest, zoe: Person
) -> None:
    sign_in = {"username": "zoe", "password": "wrong"}
    assert (await client.post("/auth/token", json=sign_in)).status_code == 400
    assert observer.record.user_id is None
