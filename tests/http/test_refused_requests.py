"""Requests refused before they reach the application."""

import pytest

from tests.http.sockets import HOST, LIVE, POST, Recorder, Wire
from tests.http.test_edge import REQUEST_ID, SECURITY

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
    "a compressed body": (
        POST + b"Transfer-Encoding: gzip, chunked\r\n",
        400,
        "malformed_request",
    ),
    "a compressed body in two headers": (
        POST + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        400,
        "malformed_request",
    ),
    "chunks by an old version": (
        b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n",
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
async def test_a_malformed_request_is_a_problem_with_the_usual_headers(
    wire: Wire, recorder: Recorder, head: bytes, status: int, code: str
) -> None:
    client = await wire.connect()
    client.send(head, b"\r\n")
    answer = await client.answer()
    answer.problem(status, code)
    assert REQUEST_ID.fullmatch(answer.headers["x-request-id"])
    assert SECURITY.items() <= answer.headers.items()
    assert (answer.headers["cache-control"], answer.headers["connection"]) == ("no-store", "close")
    assert "date" in answer.headers
    assert (await client.read_until_closed(), recorder.scopes) == (b"", [])
    (refused,) = wire.observer.requests
    assert (refused.status, refused.endpoint) == (status, "unmatched")


async def test_a_refusal_keeps_the_request_id(wire: Wire) -> None:
    answer = await wire.request(b"GET / HTTP/1.1\r\nX-Request-ID: mine\r\n\r\n")
    assert answer.problem(400, "malformed_request")["request_id"] == "mine"


async def test_a_refused_head_request_has_no_body(wire: Wire) -> None:
    client = await wire.connect()
    client.send(b"HEAD / HTTP/1.1\r\n\r\n")
    answer = await client.answer("HEAD")
    assert (answer.status, await client.read_until_closed()) == (400, b"")


async def test_http_1_0_needs_no_host(wire: Wire) -> None:
    assert (await wire.request(b"GET / HTTP/1.0\r\n\r\n")).status == 200


async def test_an_upgrade_is_ignored_and_the_connection_closed(
    wire: Wire, recorder: Recorder
) -> None:
    client = await wire.connect()
    client.send(b"GET / HTTP/1.1\r\n", HOST, b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", LIVE)
    answer = await client.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert (await client.read_until_closed(), len(recorder.scopes)) == (b"", 1)


async def test_a_malformed_chunk_is_a_problem(api: Wire) -> None:
    chunk = b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"
    (await api.request(POST, chunk)).problem(400, "malformed_request")


async def test_a_malformed_chunk_after_the_answer_closes_the_connection(api: Wire) -> None:
    client = await api.connect()
    client.send(LIVE[:-2], b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
    assert (await client.answer()).status == 200
    client.send(b"zz\r\n")
    assert await client.read_until_closed() == b""
