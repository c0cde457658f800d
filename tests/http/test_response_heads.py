"""The head of a response as bytes."""

import pytest
from starlette.types import Receive, Scope, Send

from jubilee.entrypoints.http.connections.limits import ConnectionLimits
from tests.http.sockets import LIVE, serving


@pytest.mark.parametrize(
    "value", [b"a\r\nset-cookie: b", b"a\nset-cookie: b", b"a\rb", b"a\r\n\r\nb", b"a\0b"]
)
async def test_a_header_with_a_line_break_or_nul_is_never_sent(value: bytes) -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        headers = [(b"x-note", value), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async with serving(app, ConnectionLimits()) as wire:
        client = await wire.connect()
        client.send(LIVE)
        assert await client.read_until_closed() == b""


async def test_a_body_without_a_length_is_sent_in_chunks() -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ab", "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with serving(app, ConnectionLimits()) as wire:
        client = await wire.connect()
        client.send(LIVE[:-2], b"Connection: close\r\n\r\n")
        head, _, body = (await client.read_until_closed()).partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert body == b"2\r\nab\r\n0\r\n\r\n"


async def test_a_body_shorter_than_its_length_ends_the_connection() -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        headers = [(b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ab"})

    async with serving(app, ConnectionLimits()) as wire:
        client = await wire.connect()
        client.send(LIVE)
        assert (await client.read_until_closed()).endswith(b"\r\n\r\nab")


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
