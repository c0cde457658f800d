"""What one connection may make the service hold, seen from a socket."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from jubilee.entrypoints.http.connections.limits import (
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    RESERVED_CONNECTIONS,
    ConnectionLimits,
)
from tests.http.sockets import QUICK, Socket, Wire, serving
from tests.http.test_edge import MADE, SECURITY

HOST = b"Host: api.test\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /users HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
FLOOD = LIVE * (35 * 1024 * 1024 // len(LIVE))


class Recorder:
    """An application that keeps what it was asked, and answers when it is told to."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.bodies: list[bytes] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.size = 2

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the whole body, then answer."""
        self.scopes.append(scope)
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        await self.answers.wait()
        headers = [(b"content-length", b"%d" % self.size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"x" * self.size})


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def wire(recorder: Recorder) -> AsyncIterator[Wire]:
    """Serves the recorder; a test waits for no deadline."""
    async with serving(recorder, ConnectionLimits()) as wire:
        yield wire


@pytest.fixture
async def quick(recorder: Recorder) -> AsyncIterator[Wire]:
    """Serves the recorder with short deadlines."""
    async with serving(recorder, QUICK) as wire:
        yield wire


@pytest.fixture
async def api(app: ASGIApp) -> AsyncIterator[Wire]:
    """Serves the API over the fakes."""
    async with serving(app, ConnectionLimits()) as wire:
        yield wire


async def until_stuck(connection: Socket, data: bytes) -> int:
    """Write until the other side takes no more for a while; how many bytes it took."""
    taken, transport = 0, connection.writer.transport
    for start in range(0, len(data), 1 << 16):
        connection.send(data[start : start + (1 << 16)])
        try:
            async with asyncio.timeout(0.5):
                await connection.writer.drain()
        except TimeoutError:
            break
        taken = start + (1 << 16)
    return taken - transport.get_write_buffer_size()


async def test_pipelined_requests_wait_as_bytes_while_one_is_served(
    wire: Wire, recorder: Recorder
) -> None:
    recorder.answers.clear()
    client = await wire.connect()
    assert await until_stuck(client, FLOOD) < len(FLOOD) // 2
    (connection,) = wire.connections
    assert len(recorder.scopes) == 1
    assert len(connection.pipeline) == 0
    assert len(connection._unparsed._data) <= 1 << 18


async def test_nothing_is_parsed_while_the_client_does_not_read(
    wire: Wire, recorder: Recorder
) -> None:
    recorder.size = 50_000
    client = await wire.connect(limit=1)
    await until_stuck(client, FLOOD)
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
async def test_where_the_network_cuts_makes_no_difference(
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
    answer = await wire.ask(POST, b"Transfer-Encoding: chunked\r\n\r\n", framing)
    answer.problem(431, "head_too_large")


HEADS = {
    "one header too many": b"a: b\r\n" * MAX_HEADERS,
    "many headers": b"a: b\r\n" * 50_000,
    "a large header": b"a: " + b"b" * (64 << 20),
    "a large name": b"b" * (1 << 20),
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
async def test_a_head_beyond_the_bounds_is_431_and_the_end(
    wire: Wire, recorder: Recorder, head: bytes
) -> None:
    client = await wire.connect()
    client.send(b"GET / HTTP/1.1\r\n", HOST, head, b"\r\n\r\n")
    answer = await client.answer()
    answer.problem(431, "head_too_large")
    assert (answer.headers["connection"], await client.ended()) == ("close", b"")
    assert recorder.scopes == []


async def test_a_target_beyond_the_bounds_is_414(wire: Wire) -> None:
    (await wire.ask(b"GET /", b"a" * (1 << 20))).problem(414, "uri_too_long")


async def test_a_head_within_the_bounds_is_served(wire: Wire) -> None:
    headers = b"a: b\r\n" * (MAX_HEADERS - 1)
    assert (await wire.ask(b"GET / HTTP/1.1\r\n", HOST, headers, b"\r\n")).status == 200
    start = b"GET / HTTP/1.1\r\n" + HOST + b"a: "
    rest = MAX_HEAD_BYTES - len(start) - 4
    assert (await wire.ask(start, b"b" * rest, b"\r\n\r\n")).status == 200
    (await wire.ask(start, b"b" * (rest + 1), b"\r\n\r\n")).problem(431, "head_too_large")


MALFORMED = {
    "unknown method": (b"BREW / HTTP/1.1\r\n" + HOST, 501, "unknown_method"),
    "small letters": (b"get / HTTP/1.1\r\n" + HOST, 501, "unknown_method"),
    "no version": (b"GET /\r\n" + HOST, 400, "malformed_request"),
    "other version": (b"GET / HTTP/3.0\r\n" + HOST, 400, "malformed_request"),
    "bare newlines": (b"GET / HTTP/1.1\nHost: x\n\n", 400, "malformed_request"),
    "space before colon": (b"GET / HTTP/1.1\r\nHost : x\r\n", 400, "malformed_request"),
    "NUL": (b"GET / HTTP/1.1\r\nHost: x\x00y\r\n", 400, "malformed_request"),
    "bytes in the path": (b"GET /\xc3\xa9 HTTP/1.1\r\n" + HOST, 400, "malformed_request"),
    "no host": (b"GET / HTTP/1.1\r\nA: b\r\n", 400, "malformed_request"),
    "two hosts": (b"GET / HTTP/1.1\r\n" + HOST * 2, 400, "malformed_request"),
    "two tokens": (
        b"GET / HTTP/1.1\r\n" + HOST + b"Authorization: a\r\nauthorization: a\r\n",
        400,
        "malformed_request",
    ),
    "two types": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Type: text/html\r\n" * 2,
        400,
        "malformed_request",
    ),
    "two lengths": (POST + b"Content-Length: 1\r\n" * 2, 400, "malformed_request"),
    "a length and chunks": (
        POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        400,
        "malformed_request",
    ),
    "a body behind an upgrade": (
        POST + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 9\r\n",
        400,
        "malformed_request",
    ),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 501, "unknown_method"),
}


@pytest.mark.parametrize(("head", "status", "code"), MALFORMED.values(), ids=MALFORMED)
async def test_what_is_no_request_is_a_problem_with_the_usual_headers(
    wire: Wire, recorder: Recorder, head: bytes, status: int, code: str
) -> None:
    client = await wire.connect()
    client.send(head, b"\r\n")
    answer = await client.answer()
    answer.problem(status, code)
    assert MADE.fullmatch(answer.headers["x-request-id"])
    assert SECURITY.items() <= answer.headers.items()
    assert (answer.headers["cache-control"], answer.headers["connection"]) == ("no-store", "close")
    assert "date" in answer.headers
    assert (await client.ended(), recorder.scopes) == (b"", [])
    (counted,) = wire.counted.requests
    assert (counted.status, counted.endpoint) == (status, "unmatched")


async def test_a_refusal_keeps_the_id_that_it_was_given(wire: Wire) -> None:
    answer = await wire.ask(b"GET / HTTP/1.1\r\nX-Request-ID: mine\r\n\r\n")
    assert answer.problem(400, "malformed_request")["request_id"] == "mine"


async def test_a_refused_head_request_has_no_body(wire: Wire) -> None:
    client = await wire.connect()
    client.send(b"HEAD / HTTP/1.1\r\n\r\n")
    answer = await client.answer("HEAD")
    assert (answer.status, await client.ended()) == (400, b"")


async def test_http_1_0_needs_no_host(wire: Wire) -> None:
    assert (await wire.ask(b"GET / HTTP/1.0\r\n\r\n")).status == 200


async def test_an_upgrade_is_not_taken_up_and_ends_the_connection(
    wire: Wire, recorder: Recorder
) -> None:
    client = await wire.connect()
    client.send(b"GET / HTTP/1.1\r\n", HOST, b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", LIVE)
    answer = await client.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert (await client.ended(), len(recorder.scopes)) == (b"", 1)


LIMIT = 3


@pytest.fixture
async def full(app: ASGIApp) -> AsyncIterator[Wire]:
    """Serves the API to as many clients as it takes."""
    async with serving(app, ConnectionLimits(LIMIT, refused_s=0.3, sweep_s=0.05)) as wire:
        for _ in range(LIMIT):
            await wire.connect()
        yield wire


async def test_beyond_the_limit_a_request_is_503(full: Wire) -> None:
    client = await full.connect()
    client.send(b"GET /hello/zoe HTTP/1.1\r\nX-Request-ID: mine\r\n", HOST, b"\r\n")
    answer = await client.answer()
    document = answer.problem(503, "too_many_connections")
    assert (document["instance"], document["request_id"]) == ("/hello/zoe", "mine")
    assert (answer.headers["retry-after"], answer.headers["connection"]) == ("5", "close")
    assert SECURITY.items() <= answer.headers.items()
    assert (await client.ended(), full.counted.ended) == (b"", {"limit": 1})


async def test_those_within_the_limit_are_served_meanwhile(full: Wire) -> None:
    for _ in range(RESERVED_CONNECTIONS * 2):
        await full.connect()
    client = full.sockets[0]
    client.send(LIVE)
    assert (await client.answer()).status == 200


@pytest.mark.parametrize("path", [b"/health/live", b"/api/health/ready", b"/v1/api/health/live"])
async def test_beyond_the_limit_health_is_answered_once(full: Wire, path: bytes) -> None:
    client = await full.connect()
    client.send(b"GET %b HTTP/1.1\r\n" % path, HOST, b"\r\n")
    answer = await client.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert await client.ended() == b""


async def test_beyond_the_limit_silence_has_a_short_deadline(full: Wire) -> None:
    client = await full.connect()
    assert await client.ended() == b""
    assert full.counted.ended == {"head_timeout": 1}


async def test_a_flood_is_answered_without_being_kept(full: Wire) -> None:
    for _ in range(RESERVED_CONNECTIONS):
        await full.connect()
    for _ in range(20):
        client = await full.connect()
        (await client.answer()).problem(503, "too_many_connections")
        assert await client.ended() == b""
    assert len(full.connections) <= LIMIT + RESERVED_CONNECTIONS
    assert full.counted.ended["limit"] == 20
    assert full.counted.requests == []


async def test_a_place_that_is_left_is_given_to_the_next(full: Wire) -> None:
    full.sockets[0].writer.close()
    await asyncio.sleep(0.05)
    client = await full.connect()
    for _ in range(2):
        client.send(LIVE)
        assert (await client.answer()).status == 200


async def test_a_broken_chunk_is_a_problem(api: Wire) -> None:
    chunk = b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"
    (await api.ask(POST, chunk)).problem(400, "malformed_request")


async def test_a_broken_chunk_after_the_answer_is_the_end(api: Wire) -> None:
    client = await api.connect()
    client.send(LIVE[:-2], b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
    assert (await client.answer()).status == 200
    client.send(b"zz\r\n")
    assert await client.ended() == b""


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n", b"\r\n"])
async def test_a_head_has_a_deadline(quick: Wire, recorder: Recorder, sent: bytes) -> None:
    client = await quick.connect()
    client.send(sent)
    if sent.strip():
        (await client.answer()).problem(408, "head_too_slow")
    assert (await client.ended(), recorder.scopes) == (b"", [])
    assert quick.counted.ended == {"head_timeout": 1}


async def test_a_trickle_does_not_move_the_deadline_of_a_head(quick: Wire) -> None:
    client = await quick.connect()
    for letter in LIVE * 3:
        client.send(bytes([letter]))
        await asyncio.sleep(0.02)
        if client.reader.at_eof() or client.writer.transport.is_closing():
            break
    assert quick.counted.ended == {"head_timeout": 1}


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 5\r\n\r\nab", b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"]
)
async def test_a_body_has_a_deadline(quick: Wire, framing: bytes) -> None:
    client = await quick.connect()
    client.send(POST, framing)
    (await client.answer()).problem(408, "body_too_slow")
    assert (await client.ended(), quick.counted.ended) == (b"", {"body_timeout": 1})


async def test_the_rest_of_a_body_that_was_answered_has_the_same_deadline(api: Wire) -> None:
    async with serving(api.server.config.loaded_app, QUICK) as quick:
        client = await quick.connect()
        client.send(LIVE[:-2], b"Content-Length: 5\r\n\r\nab")
        assert (await client.answer()).status == 200
        assert (await client.ended(), quick.counted.ended) == (b"", {"body_timeout": 1})


async def test_a_client_that_does_not_read_is_cut_off(quick: Wire, recorder: Recorder) -> None:
    recorder.size = 32 << 20
    client = await quick.connect(limit=1)
    client.send(LIVE)
    async with asyncio.timeout(5):
        while quick.connections:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.02)
    assert quick.counted.ended == {"read_timeout": 1}


async def test_a_client_that_reads_slowly_is_served(quick: Wire, recorder: Recorder) -> None:
    recorder.size = 8 << 20
    client = await quick.connect(limit=1 << 16)
    client.send(LIVE)
    await client.reader.readuntil(b"\r\n\r\n")
    for _ in range(8):
        await client.reader.readexactly(1 << 20)
        await asyncio.sleep(0.15)
    assert quick.counted.ended == {}


async def test_an_idle_connection_stays_for_the_next_request(quick: Wire) -> None:
    client = await quick.connect()
    for _ in range(2):
        client.send(LIVE)
        assert (await client.answer()).status == 200
        await asyncio.sleep(0.6)  # past every deadline but that of idle ones
    quick.server.config.timeout_keep_alive = 0
    (connection,) = quick.connections
    connection.timeout_keep_alive = 0.1
    assert (await client.ended(), quick.counted.ended) == (b"", {})


async def test_a_slow_answer_has_no_deadline_here(quick: Wire, recorder: Recorder) -> None:
    recorder.answers.clear()
    client = await quick.connect()
    client.send(LIVE)
    await asyncio.sleep(0.6)
    recorder.answers.set()
    assert (await client.answer()).status == 200
