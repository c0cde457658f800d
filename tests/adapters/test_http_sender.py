"""Outbound HTTP requests to real servers: pinned addresses, limits and timeouts."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic

import pytest

from jubilee.adapters.http_sender import MAX_BODY_BYTES
from jubilee.domain.jobs.kinds import PermanentFailure
from jubilee.domain.outbound.request import read_request
from jubilee.domain.outbound.sending import Unreachable
from tests.adapters.http_receiver import TIMEOUTS, Serve, allow_all, receivers, sender
from tests.support.certificates import Certificate, make_certificate


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with receivers() as serve:
        yield serve


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("https"), "DNS:hooks.test")


async def test_a_request_arrives_as_specified(serve: Serve) -> None:
    receiver = await serve()
    data = {
        "url": f"http://hooks.test:{receiver.port}/in?a=%20b#part",
        "headers": {"X-Token": "s3cret"},
        "body": {"a": [1, None]},
    }
    reply = await sender("127.0.0.1").send(read_request(data), allow_all)
    assert (reply.status, reply.body, reply.truncated) == (200, b"ok", False)
    assert set(reply.headers) == {"content-length", "x-request-id", "date"}
    head, _, body = receiver.requests[0].decode().partition("\r\n\r\n")
    assert head.split("\r\n") == [
        "POST /in?a=%20b HTTP/1.1",
        f"host: hooks.test:{receiver.port}",
        "user-agent: Jubilee/test",
        "accept: */*",
        "x-token: s3cret",
        "content-type: application/json",
        "accept-encoding: identity",
        "connection: close",
        "content-length: 14",
    ]
    assert body == '{"a":[1,null]}'


@pytest.mark.parametrize("header", [b"", b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"])
async def test_a_reply_without_a_date_gets_one(serve: Serve, header: bytes) -> None:
    receiver = await serve(b"HTTP/1.1 204 No Content\r\n" + header + b"\r\n")
    before = datetime.now(UTC).replace(microsecond=0)
    request = read_request({"url": f"http://hooks.test:{receiver.port}"})
    date = (await sender("127.0.0.1").send(request, allow_all)).headers["date"]
    if header:
        assert date == "Sun, 06 Nov 1994 08:49:37 GMT"
    else:
        assert before <= parsedate_to_datetime(date) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("method", "length"),
    [("POST", True), ("PUT", True), ("PATCH", True), ("GET", False), ("DELETE", False)],
)
async def test_a_request_without_a_body_has_the_right_content_length(
    serve: Serve, method: str, *, length: bool
) -> None:
    receiver = await serve()
    data = {"url": f"http://hooks.test:{receiver.port}", "method": method}
    await sender("127.0.0.1").send(read_request(data), allow_all)
    assert receiver.requests[0].startswith(method.encode() + b" / HTTP/1.1\r\n")
    assert (b"content-length: 0" in receiver.requests[0]) is length


async def test_a_reply_to_head_has_no_body(serve: Serve) -> None:
    receiver = await serve(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    data = {"url": f"http://hooks.test:{receiver.port}", "method": "HEAD"}
    reply = await sender("127.0.0.1").send(read_request(data), allow_all)
    assert (reply.status, reply.body) == (200, b"")


async def test_a_certificate_is_checked_against_the_name(
    serve: Serve, certificate: Certificate
) -> None:
    receiver = await serve(ssl=certificate.server)
    trusting = sender("127.0.0.1", certificate=certificate)
    right = read_request({"url": f"https://hooks.test:{receiver.port}"})
    assert (await trusting.send(right, allow_all)).status == 200
    wrong = read_request({"url": f"https://other.test:{receiver.port}"})
    with pytest.raises(Unreachable, match=r"[Cc]ertificate|CERTIFICATE"):
        await trusting.send(wrong, allow_all)
    assert len(receiver.requests) == 1


async def test_an_untrusted_certificate_of_a_webhook_is_refused(
    serve: Serve, certificate: Certificate
) -> None:
    receiver = await serve(ssl=certificate.server)
    request = read_request({"url": f"https://hooks.test:{receiver.port}"})
    with pytest.raises(Unreachable):
        await sender("127.0.0.1").send(request, allow_all)
    assert not receiver.requests


async def test_check_40_redirects_are_not_followed(serve: Serve) -> None:
    inner = await serve()
    location = f"http://127.0.0.1:{inner.port}/secret".encode()
    receiver = await serve(
        b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
    )
    request = read_request({"url": f"http://hooks.test:{receiver.port}"})
    reply = await sender("127.0.0.1").send(request, allow_all)
    assert reply.status == 302
    assert not inner.requests


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 3_000_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n" + b"a" * 3_000_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + (b"40\r\n" + b"a" * 64 + b"\r\n") * 50_000,
    ],
)
async def test_a_huge_reply_is_truncated(serve: Serve, answer: bytes) -> None:
    receiver = await serve(answer)
    request = read_request({"url": f"http://hooks.test:{receiver.port}"})
    reply = await sender("127.0.0.1").send(request, allow_all)
    assert (reply.body, reply.truncated) == (b"a" * MAX_BODY_BYTES, True)


async def test_a_reply_at_the_limit_is_complete(serve: Serve) -> None:
    receiver = await serve(b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * MAX_BODY_BYTES)
    request = read_request({"url": f"http://hooks.test:{receiver.port}"})
    reply = await sender("127.0.0.1").send(request, allow_all)
    assert (len(reply.body), reply.truncated) == (MAX_BODY_BYTES, False)


async def test_a_compressed_reply_is_not_decompressed(serve: Serve) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n"
    receiver = await serve(head + b"\x1f\x8b\x08\x00")
    request = read_request({"url": f"http://hooks.test:{receiver.port}"})
    reply = await sender("127.0.0.1").send(request, allow_all)
    assert reply.body == b"\x1f\x8b\x08\x00"


async def test_a_slow_server_times_out(serve: Serve) -> None:
    receiver = await serve(delay=15)
    short = replace(TIMEOUTS, read_s=0.5)
    request = read_request({"url": f"http://hooks.test:{receiver.port}"})
    began = monotonic()
    with pytest.raises(Unreachable, match="in time"):
        await sender("127.0.0.1", timeouts=short).send(request, allow_all)
    assert monotonic() - began < 12


async def test_a_server_that_sends_slowly_times_out() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"a")
            await asyncio.sleep(0.1)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    request = read_request({"url": f"http://hooks.test:{server.sockets[0].getsockname()[1]}"})
    short = replace(TIMEOUTS, total_s=1.5)
    began = monotonic()
    with pytest.raises(Unreachable, match="in time"):
        await sender("127.0.0.1", timeouts=short).send(request, allow_all)
    assert monotonic() - began < 12
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-"]
)
async def test_a_reply_that_is_not_http_is_unreachable(serve: Serve, answer: bytes) -> None:
    receiver = await serve(answer)
    request = read_request({"url": f"http://hooks.test:{receiver.port}"})
    with pytest.raises(Unreachable) as failed:
        await sender("127.0.0.1").send(request, allow_all)
    assert not isinstance(failed.value, PermanentFailure)


async def test_headers_are_not_logged(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    receiver = await serve(b"HTTP/1.1 200 OK\r\nSet-Cookie: s3cret\r\nContent-Length: 0\r\n\r\n")
    data = {"url": f"http://hooks.test:{receiver.port}?key=s3cret", "headers": {"a": "s3cret"}}
    with caplog.at_level(logging.DEBUG):
        await sender("127.0.0.1").send(read_request(data), allow_all)
    assert "s3cret" not in caplog.text


async def test_a_request_that_cannot_be_written_is_not_sent(serve: Serve) -> None:
    receiver = await serve()
    request = read_request({"url": f"http://hooks.test:{receiver.port}"})
    with pytest.raises(Unreachable, match="cannot be written"):
        await sender("127.0.0.1").send(replace(request, headers=(("x-note", "a\nb"),)), allow_all)
    assert receiver.requests == []
