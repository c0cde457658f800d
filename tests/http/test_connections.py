"""Limits on the memory that a single connection can use, tested over sockets."""

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from jubilee.entrypoints.http.connections.limits import MAX_TURN_BYTES, ConnectionLimits
from tests.http.sockets import HOST, LIVE, POST, Recorder, Socket, Wire, serving

MAX_HEADERS, MAX_HEAD_BYTES = 100, 32 * 1024
FLOOD = LIVE * (35 * 1024 * 1024 // len(LIVE))


async def write_until_blocked(connection: Socket, data: bytes) -> int:
    """Write until the server stops reading; returns the number of bytes that it read."""
    taken, transport = 0, connection.writer.transport
    for start in range(0, len(data), 1 << 16):
        connection.send(data[start : start + (1 << 16)])
        try:
            async with asyncio.timeout(2):
                await connection.writer.drain()
        except TimeoutError:
            break
        taken = start + (1 << 16)
    return taken - transport.get_write_buffer_size()


async def test_pipelined_requests_stay_unparsed_while_one_is_served(
    wire: Wire, recorder: Recorder
) -> None:
    recorder.answers.clear()
    client = await wire.connect()
    assert await write_until_blocked(client, FLOOD) < len(FLOOD) // 2
    (connection,) = wire.connections
    assert len(recorder.scopes) == 1
    assert len(connection.pipeline) == 0
    assert len(connection._unparsed._data) <= 1 << 18


async def test_nothing_is_parsed_while_the_client_does_not_read(
    wire: Wire, recorder: Recorder
) -> None:
    recorder.size = 50_000
    client = await wire.connect(limit=1)
    await write_until_blocked(client, FLOOD)
    (connection,) = wire.connections
    served = len(recorder.scopes)
    assert connection.flow.write_paused
    assert connection.transport.get_write_buffer_size() < 200_000
    await asyncio.sleep(0.2)
    assert len(recorder.scopes) == served


async def test_pipelined_requests_are_answered_in_order(wire: Wire, recorder: Recorder) -> None:
    client = await wire.connect()
    paths = [f"/{number}" for number in range(2000)]
    client.send(*(b"GET %b HTTP/1.1\r\n%b\r\n" % (path.encode(), HOST) for path in paths))
    assert {(await client.answer()).status for _ in paths} == {200}
    assert [scope["path"] for scope in recorder.scopes] == paths


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
async def test_requests_may_arrive_in_pieces_of_any_size(
    wire: Wire, recorder: Recorder, size: int
) -> None:
    chunked = (
        POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\n\r\n\r\r\n4;a=b\r\n\n\r\n\r\r\n0\r\n\r\n"
    )
    sized = POST + b"Content-Length: 12\r\n\r\n" + LIVE[:8] + b"\r\n\r\n"
    sent = b"\r\n" + LIVE + chunked + sized + LIVE + chunked + LIVE
    client = await wire.connect()
    for start in range(0, len(sent), size):
        client.send(sent[start : start + size])
        await asyncio.sleep(0)
    assert {(await client.answer()).status for _ in range(6)} == {200}
    assert recorder.bodies == [
        b"",
        b"\r\n\r\n\r\n\r",
        LIVE[:8] + b"\r\n\r\n",
        b"",
        b"\r\n\r\n\r\n\r",
        b"",
    ]


async def test_trailers_are_dropped(wire: Wire, recorder: Recorder) -> None:
    client = await wire.connect()
    body = b"1\r\nx\r\n0\r\nAuthorization: Bearer x\r\nHost: evil\r\n\r\n"
    client.send(POST, b"Transfer-Encoding: chunked\r\n\r\n", body, LIVE)
    assert [(await client.answer()).status, (await client.answer()).status] == [200, 200]
    names = [name for name, _ in recorder.scopes[0]["headers"]]
    assert names == [b"host", b"content-type", b"transfer-encoding"]


@pytest.mark.parametrize(
    "framing", [b"0\r\n" + b"a: b\r\n" * 10_000, b"0\r\na: " + b"b" * 40_000, b"1;" + b"b" * 40_000]
)
async def test_trailers_and_extensions_are_bounded(wire: Wire, framing: bytes) -> None:
    answer = await wire.request(POST, b"Transfer-Encoding: chunked\r\n\r\n", framing)
    answer.problem(431, "head_too_large")


START = b"GET / HTTP/1.1\r\n" + HOST
LARGEST = b"a: " + b"b" * (MAX_HEAD_BYTES - len(START) - len(b"a: \r\n\r\n"))
HEADS = {
    "one header too many": b"a: b\r\n" * MAX_HEADERS,
    "one byte too many": LARGEST + b"b",
    "many headers": b"a: b\r\n" * 50_000,
    "a large header": b"a: " + b"b" * (64 << 20),
    "a large name": b"b" * (1 << 20),
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
async def test_a_head_beyond_the_limits_is_431_and_closes_the_connection(
    wire: Wire, recorder: Recorder, head: bytes
) -> None:
    client = await wire.connect()
    client.send(START, head, b"\r\n\r\n")
    answer = await client.answer()
    answer.problem(431, "head_too_large")
    assert (answer.headers["connection"], await client.read_until_closed()) == ("close", b"")
    assert recorder.scopes == []


async def test_a_target_beyond_the_limit_is_414(wire: Wire) -> None:
    (await wire.request(b"GET /", b"a" * (1 << 20))).problem(414, "uri_too_long")


async def test_a_head_at_the_limits_is_served(wire: Wire) -> None:
    headers = b"a: b\r\n" * (MAX_HEADERS - 1)
    assert (await wire.request(START, headers, b"\r\n")).status == 200
    assert (await wire.request(START, LARGEST, b"\r\n\r\n")).status == 200


SLOW_TO_PARSE = {
    "small chunks": b"1\r\nx\r\n",
    "line ends": b"4\r\n\r\n\r\n\r\n",
    "many line ends": b"1000\r\n" + b"\r\n" * 0x800 + b"\r\n",
}


@pytest.mark.parametrize("unit", SLOW_TO_PARSE.values(), ids=SLOW_TO_PARSE)
async def test_parsing_a_body_yields_to_other_connections(
    wire: Wire, recorder: Recorder, unit: bytes
) -> None:
    client = await wire.connect()
    client.send(POST, b"Transfer-Encoding: chunked\r\n\r\n", unit * (1_000_000 // len(unit)))
    client.send(b"0\r\n\r\n")
    await client.writer.drain()
    turns = 0
    while not recorder.bodies:
        turns += 1
        await asyncio.sleep(0)
    assert turns > 1_000_000 / MAX_TURN_BYTES / 2  # a turn may end where a read ended
    assert (await client.answer()).status == 200


async def test_expect_continue_is_answered_before_the_body(wire: Wire, recorder: Recorder) -> None:
    client = await wire.connect()
    client.send(POST, b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert (await client.answer()).status == 100
    client.send(b"abcde", LIVE)
    assert [(await client.answer()).status for _ in range(2)] == [200, 200]
    assert recorder.bodies == [b"abcde", b""]


async def test_an_answer_without_reading_an_expected_body_closes_the_connection(api: Wire) -> None:
    client = await api.connect()
    client.send(LIVE[:-2], b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert (await client.answer()).status == 200
    client.send(LIVE)  # it could be meant as the body
    assert await client.read_until_closed() == b""


async def test_a_request_waits_until_the_client_has_read_the_answer_before(
    wire: Wire, recorder: Recorder
) -> None:
    recorder.size = 10_000_000
    client = await wire.connect(limit=1000)
    client.send(LIVE)
    await asyncio.sleep(0.2)
    (connection,) = wire.connections
    assert connection.flow.write_paused
    client.send(LIVE)
    await asyncio.sleep(0.2)
    assert len(recorder.scopes) == 1
    assert [(await client.answer()).status for _ in range(2)] == [200, 200]


async def test_a_body_is_read_on_once_the_application_reads_it(recorder: Recorder) -> None:
    begun = asyncio.Event()

    async def wait_first(scope: Scope, receive: Receive, send: Send) -> None:
        await begun.wait()
        await recorder(scope, receive, send)

    async with serving(wait_first, ConnectionLimits()) as wire:
        client = await wire.connect()
        client.send(POST, b"Content-Length: 1000000\r\n\r\n", b"a" * 1_000_000)
        await asyncio.sleep(0.2)
        (connection,) = wire.connections
        assert connection.flow.read_paused
        begun.set()
        assert (await client.answer()).status == 200
    assert recorder.bodies == [b"a" * 1_000_000]
