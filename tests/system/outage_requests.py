"""Requests to every endpoint during an outage, and what is expected of their answers."""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx2

from jubilee.entrypoints.http.framework.endpoint import FORM, AnyEndpoint
from jubilee.entrypoints.http.framework.problems import MEDIA
from jubilee.entrypoints.http.pages.page import TAG as PAGES
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.support.api import PASSWORD, Api, bearer

MAX_REQUEST_S = 3.0  # of a request while PostgreSQL is unavailable
BETWEEN_S = 0.03  # else the time that this client takes to send 50 requests at once would count
ID = "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f"
PLACE = re.compile(r"\{\w+\}")
FIELDS = {
    "token": "k3Vd0bR1mB0f8nqvN2hJk3Vd0bR1mB0f8nqvN2hJabc",
    "email": "zoe@example.com",
    "code": "",
    "username": "zoe",
    "remove": "",
    "password": PASSWORD,
}
"""Fields of the forms of pages, which have no example."""
FIELDS_OF = {"sign_in_methodsForm": {"token": ""}}
"""Where the token is that of a session, which the password of the form opens."""
REFUSED_BEFORE = {
    "endProviderSessions": 404,  # no provider is set up
    "exchangeSignInCode": 400,  # the code is not one that the service has sealed
    "finishProviderSignIn": 404,  # no provider is set up
    "unsubscribeForm": 400,  # the token is not one that the service has signed
}
"""Answers of those that refuse their request without asking PostgreSQL."""
NEEDING = [
    e for e in ENDPOINTS if e.needs_database and e.tag != "meta" and e.name not in REFUSED_BEFORE
]
FORMS = {endpoint.name for endpoint in NEEDING if endpoint.tag == PAGES}
HTML = "text/html; charset=utf-8"
REFUSING = [e for e in ENDPOINTS if e.name in REFUSED_BEFORE]


@dataclass(frozen=True, slots=True)
class TimedAnswer:
    """An answer and the seconds until it arrived."""

    endpoint: str
    answer: httpx2.Response
    seconds: float


def request(endpoint: AnyEndpoint, tokens: dict[str, str]) -> httpx2.Request:
    """Return a valid request of a signed-in user to the endpoint."""
    body = endpoint.example
    if "refresh_token" in (body or {}):
        body = {"refresh_token": tokens["refresh_token"]}
    form = endpoint.media[0] == FORM
    if endpoint.tag == PAGES and endpoint.body is not None:
        fields = FIELDS | FIELDS_OF.get(endpoint.name, {})
        body = {name: fields[name] for name in endpoint.body.model_fields}
    return httpx2.Request(
        endpoint.method,
        "http://api" + PLACE.sub(ID, endpoint.path.replace("{username}", "Zoe")),
        headers=bearer(tokens),
        data=body if form else None,
        json=None if form or endpoint.body is None else body,
    )


async def ask_all(
    api: Api, tokens: dict[str, str], endpoints: Sequence[AnyEndpoint] = NEEDING
) -> list[TimedAnswer]:
    """Call these endpoints, one after another and at most 50 at a time.

    By default these are all that need PostgreSQL.
    """
    free = asyncio.Semaphore(50)

    async def ask(client: httpx2.AsyncClient, endpoint: AnyEndpoint) -> TimedAnswer:
        async with free:
            return await timed(client, endpoint)

    async def timed(client: httpx2.AsyncClient, endpoint: AnyEndpoint) -> TimedAnswer:
        call = request(endpoint, tokens)
        began = time.monotonic()
        url = api.url + call.url.path
        answer = await client.request(call.method, url, headers=call.headers, content=call.read())
        return TimedAnswer(endpoint.name, answer, time.monotonic() - began)

    async with httpx2.AsyncClient(timeout=20) as client:
        calls = []
        for endpoint in endpoints:
            calls.append(asyncio.create_task(ask(client, endpoint)))
            await asyncio.sleep(BETWEEN_S)
        return await asyncio.gather(*calls)


def assert_unavailable(answers: list[TimedAnswer]) -> None:
    """Check that each answer is a 503 in time with Retry-After: a problem, or a form's page."""
    assert len(answers) > 20
    assert {t.endpoint: t.answer.status_code for t in answers if t.answer.status_code != 503} == {}
    media = {t.endpoint: t.answer.headers["Content-Type"] for t in answers}
    assert media == {t.endpoint: HTML if t.endpoint in FORMS else MEDIA for t in answers}
    assert all(int(t.answer.headers["Retry-After"]) > 0 for t in answers)
    assert {t.endpoint: t.seconds for t in answers if t.seconds > MAX_REQUEST_S} == {}
