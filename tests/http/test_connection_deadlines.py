"""Deadlines of silent connections."""

import asyncio
from contextlib import suppress

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from jubilee.entrypoints.http.connections.limits import ConnectionLimits
from jubilee.entrypoints.http.connections.phases import Phase
from jubilee.entrypoints.http.framework.context import InFlightRequests
from jubilee.entrypoints.http.framework.edge import EdgeMiddleware
from jubilee.observation.requests import RequestRecord
from tests.http.sockets import LIVE, POST, QUICK, Recorder, RecordingObserver, Wire, serving


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n", b"\r\n"])
async def test_an_incomplete_head_times_out(quick: Wire, recorder: Recorder, sent: bytes) -> None:
    client = await quick.connect()
    client.send(sent)
    if sent.strip():
        (await client.answer()).problem(408, "head_too_slow")
    assert (await client.read_until_closed(), recorder.scopes) == (b"", [])
    assert quick.observer.ended == {"head_timeout": 1}


async def test_slowly_arriving_bytes_do_not_extend_the_deadline_of_a_head(quick: Wire) -> None:
    client = await quick.connect()
    for letter in LIVE * 3:
        client.send(bytes([letter]))
        await asyncio.sleep(0.02)
        if client.reader.at_eof() or client.writer.transport.is_closing():
            break
    assert quick.observer.ended == {"head_timeout": 1}


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 5\r\n\r\nab", b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"]
)
async def test_check_37_an_incomplete_body_times_out(quick: Wire, framing: bytes) -> None:
    client = await quick.connect()
    client.send(POST, framing)
    (await client.answer()).problem(408, "body_too_slow")
    assert (await client.read_until_closed(), quick.observer.ended) == (b"", {"body_timeout": 1})


async def read(request: Request, _: RequestRecord) -> Response:
    """Read the body, as far as it comes."""
    with suppress(ClientDisconnect):
        await request.body()
    return Response()


async def test_a_request_with_a_late_body_is_recorded_once_with_its_id() -> None:
    observer = RecordingObserver()
    async with serving(EdgeMiddleware(read, InFlightRequests(), observer), QUICK) as quick:
        answer = await quick.request(POST, b"Content-Length: 5\r\n\r\nab")
        (request,) = observer.requests
        assert answer.problem(408, "body_too_slow")["request_id"] == request.request_id
        assert quick.observer.requests == []


async def test_the_rest_of_an_answered_body_times_out(api: Wire) -> None:
    async with serving(api.server.config.loaded_app, QUICK) as quick:
        client = await quick.connect()
        client.send(LIVE[:-2], b"Content-Length: 5\r\n\r\nab")
        assert (await client.answer()).status == 200
        assert (await client.read_until_closed(), quick.observer.ended) == (
            b"",
            {"body_timeout": 1},
        )


async def test_a_client_that_does_not_read_is_disconnected(quick: Wire, recorder: Recorder) -> None:
    recorder.size = 32 << 20
    client = await quick.connect(limit=1)
    client.send(LIVE)
    async with asyncio.timeout(5):
        while quick.connections:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.02)
    assert quick.observer.ended == {"read_timeout": 1}


@pytest.mark.timing
async def test_a_client_that_reads_slowly_is_served(quick: Wire, recorder: Recorder) -> None:
    recorder.size = 8 << 20
    client = await quick.connect(limit=1 << 16)
    client.send(LIVE)
    await client.reader.readuntil(b"\r\n\r\n")
    for _ in range(8):
        await client.reader.readexactly(1 << 20)
        await asyncio.sleep(0.15)
    assert quick.observer.ended == {}


async def test_an_idle_connection_is_kept_alive(quick: Wire) -> None:
    client = await quick.connect()
    for _ in range(2):
        client.send(LIVE)
        assert (await client.answer()).status == 200
        await asyncio.sleep(0.6)  # past every deadline but that of idle ones
    quick.server.config.timeout_keep_alive = 0
    (connection,) = quick.connections
    connection.timeout_keep_alive = 0.1
    assert (await client.read_until_closed(), quick.observer.ended) == (b"", {})


async def test_a_slow_application_is_not_timed_out_by_the_connection(
    quick: Wire, recorder: Recorder
) -> None:
    recorder.answers.clear()
    client = await quick.connect()
    client.send(LIVE)
    await asyncio.sleep(0.6)
    recorder.answers.set()
    assert (await client.answer()).status == 200


def test_a_silent_client_has_10_seconds_for_a_head_and_20_to_read() -> None:
    limits = ConnectionLimits()
    assert (limits.head_s, limits.read_s, limits.sweep_s) == (10, 20, 1)


SWEPT_BY_HAND = ConnectionLimits(head_s=7200, body_s=7200, refused_s=7200, sweep_s=3600)
"""A connection may be silent for two sweeps, which only the test calls."""


@pytest.mark.parametrize(
    ("phase", "sent"),
    [
        (Phase.NEW, b""),
        (Phase.IDLE, LIVE),
        (Phase.HEAD, b"GET / HTTP/1.1\r\n"),
        (Phase.HEAD, LIVE + b"GET"),
        (Phase.BODY, POST + b"Content-Length: 5\r\n\r\nab"),
        (Phase.REFUSED, b"no HTTP\r\n\r\n"),
    ],
)
async def test_the_deadline_of_a_phase_counts_from_its_begin(
    recorder: Recorder, phase: Phase, sent: bytes
) -> None:
    async with serving(recorder, SWEPT_BY_HAND) as wire:
        client = await wire.connect()
        async with asyncio.timeout(10):
            while not wire.connections:  # noqa: ASYNC110  # uvicorn has no event for it
                await asyncio.sleep(0.01)
            (connection,) = wire.connections
            connection.timeout_keep_alive = 7200
            connection.sweep()
            client.send(sent)
            while connection._phase is not phase:  # noqa: ASYNC110  # likewise
                await asyncio.sleep(0.01)
        for _ in range(1 if phase is Phase.NEW else 2):
            connection.sweep()
            assert (connection._phase, connection.transport.is_closing()) == (phase, False)
        connection.sweep()
        assert connection._phase is not phase or connection.transport.is_closing()
