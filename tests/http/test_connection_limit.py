"""Limit on the number of connections."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.types import ASGIApp

from jubilee.entrypoints.http.connections.limits import (
    RESERVED_CONNECTIONS,
    ConnectionLimits,
)
from tests.http.sockets import HOST, LIVE, Wire, serving
from tests.http.test_edge import SECURITY

LIMIT = 3


@pytest.fixture
async def full(app: ASGIApp, request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    """Serve the API with a small limit of connections; the parameter is `refused_s`."""
    refused_s = getattr(request, "param", 0.3)
    async with serving(app, ConnectionLimits(LIMIT, refused_s=refused_s, sweep_s=0.05)) as wire:
        for _ in range(LIMIT):
            await wire.connect()
        yield wire


async def test_a_request_beyond_the_limit_is_503(full: Wire) -> None:
    client = await full.connect()
    client.send(b"GET /hello/zoe HTTP/1.1\r\nX-Request-ID: mine\r\n", HOST, b"\r\n")
    answer = await client.answer()
    document = answer.problem(503, "too_many_connections")
    assert (document["instance"], document["request_id"]) == ("/hello/zoe", "mine")
    assert (answer.headers["retry-after"], answer.headers["connection"]) == ("5", "close")
    assert SECURITY.items() <= answer.headers.items()
    assert (await client.read_until_closed(), full.observer.ended) == (b"", {"limit": 1})


async def test_connections_within_the_limit_are_served_while_others_are_refused(full: Wire) -> None:
    for _ in range(RESERVED_CONNECTIONS * 2):
        await full.connect()
    client = full.sockets[0]
    client.send(LIVE)
    assert (await client.answer()).status == 200


@pytest.mark.parametrize("path", [b"/health/live", b"/api/health/ready", b"/v1/api/health/live"])
async def test_health_checks_beyond_the_limit_are_answered_once(full: Wire, path: bytes) -> None:
    client = await full.connect()
    client.send(b"GET %b HTTP/1.1\r\n" % path, HOST, b"\r\n")
    answer = await client.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert await client.read_until_closed() == b""


async def test_a_silent_connection_beyond_the_limit_times_out_early(full: Wire) -> None:
    client = await full.connect()
    assert await client.read_until_closed() == b""
    assert full.observer.ended == {"head_timeout": 1}


@pytest.mark.parametrize("full", [60.0], indirect=True)  # cut, the silent ones would make room
async def test_a_flood_of_connections_is_refused_and_closed(full: Wire) -> None:
    for _ in range(RESERVED_CONNECTIONS):
        await full.connect()
    for _ in range(20):
        client = await full.connect()
        (await client.answer()).problem(503, "too_many_connections")
        assert await client.read_until_closed() == b""
    assert len(full.connections) <= LIMIT + RESERVED_CONNECTIONS
    assert full.observer.ended["limit"] == 20
    assert full.observer.requests == []


async def test_a_closed_connection_makes_room_for_the_next(full: Wire) -> None:
    full.sockets[0].writer.close()
    await asyncio.sleep(0.05)
    client = await full.connect()
    for _ in range(2):
        client.send(LIVE)
        assert (await client.answer()).status == 200


async def test_open_connections_are_counted(full: Wire) -> None:
    for expected in (LIMIT, LIMIT - 1):
        async with asyncio.timeout(30):
            while full.observer.open != expected:  # noqa: ASYNC110  # the sweeper sets no event
                await asyncio.sleep(0.01)
        full.sockets[0].writer.close()
