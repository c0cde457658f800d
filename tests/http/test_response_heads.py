"""The head of a response as bytes."""

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from jubilee.entrypoints.http.connections.limits import ConnectionLimits
from tests.http.sockets import LIVE, Recorder, Wire, serving

Header = tuple[bytes, bytes]


def responding(headers: list[Header], *bodies: bytes) -> ASGIApp:
    """Return an application whose every response has these headers and parts of a body."""

    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in bodies:
            more = part is not bodies[-1]
            await send({"type": "http.response.body", "body": part, "more_body": more})

    return app


@pytest.mark.parametrize(
    "value", [b"a\r\nset-cookie: b", b"a\nset-cookie: b", b"a\rb", b"a\r\n\r\nb", b"a\0b"]
)
async def test_a_header_with_a_line_break_or_nul_is_never_sent(value: bytes) -> None:
    app = responding([(b"x-note", value), (b"content-length", b"0")], b"")
    async with serving(app, ConnectionLimits()) as wire:
        client = await wire.connect()
        client.send(LIVE)
        assert await client.read_until_closed() == b""


async def test_a_body_without_a_length_is_sent_in_chunks() -> None:
    async with serving(responding([], b"ab", b""), ConnectionLimits()) as wire:
        client = await wire.connect()
        client.send(LIVE[:-2], b"Connection: close\r\n\r\n")
        head, _, body = (await client.read_until_closed()).partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert body == b"2\r\nab\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("length", "sent"),
    [(b"5", b"\r\n\r\nab"), (b"1", b"")],
    ids=["a shorter one ends it", "a longer one is not sent"],
)
async def test_a_body_of_another_length_than_said_ends_the_connection(
    length: bytes, sent: bytes
) -> None:
    app = responding([(b"content-length", length)], b"ab")
    async with serving(app, ConnectionLimits()) as wire:
        client = await wire.connect()
        client.send(LIVE)
        answer = await client.read_until_closed()
    assert answer.endswith(sent)
    assert bool(answer) == bool(sent)


async def test_the_answer_of_a_head_has_the_length_and_no_body(wire: Wire) -> None:
    client = await wire.connect()
    client.send(b"HEAD", LIVE.removeprefix(b"GET"), LIVE)
    answer = await client.answer("HEAD")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "2", b"")
    assert (await client.answer()).body == b"xx"


@pytest.mark.parametrize("query", [b"", b"x=1&y=%20"])
async def test_a_target_may_be_a_whole_url(wire: Wire, recorder: Recorder, query: bytes) -> None:
    mark = b"?" if query else b""
    target = b"http://api.test/a%20b" + mark + query
    await wire.request(LIVE.replace(b"/health/live", target))
    (scope,) = recorder.scopes
    assert (scope["path"], scope["raw_path"]) == ("/a b", b"/a%20b")
    assert scope["query_string"] == query


async def test_a_message_after_the_end_of_the_response_is_an_error() -> None:
    errors: list[str] = []

    async def app(_: Scope, __: Receive, send: Send) -> None:
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ab"})
        try:
            await send({"type": "http.response.body", "body": b"c"})
        except RuntimeError as error:
            errors.append(str(error))

    async with serving(app, ConnectionLimits()) as wire:
        assert (await wire.request(LIVE)).body == b"ab"
    assert errors == ["a message after the end of the response"]


async def test_reading_after_the_begin_of_the_response_sends_no_100() -> None:
    async def app(_: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"2"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await receive()
        await send({"type": "http.response.body", "body": b"ab"})

    async with serving(app, ConnectionLimits()) as wire:
        client = await wire.connect()
        client.send(LIVE)
        assert (await client.read_until_closed()).startswith(b"HTTP/1.1 200 ")
