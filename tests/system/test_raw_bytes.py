"""Seeded random bytes at the socket of a running service, valid requests with faults among them.

RAW_FUZZ_S asks for more seconds than CI gives, RAW_FUZZ_SEED for the bytes of an earlier run.
"""

import json
import os
import re
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

import httpx2

from tests.servers import Servers
from tests.support.api import Api, Starter
from tests.support.running import eventually
from tests.system.test_connections import memory_mib

SECONDS = float(os.environ.get("RAW_FUZZ_S", "5"))
SEED = int(os.environ.get("RAW_FUZZ_SEED", "11"))
WARM_UP = 200
MOST_GROWTH_MIB = 24
ANSWER_S = 60.0  # beyond the 10 s that the service waits for the rest of a head
UNKNOWN_METHOD = 501
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
HEAD = b"Host: api.test\r\n"
BODY = b'{"title": "Fairy lights", "description": null}'
VALID = [
    b"GET /hello/zoe HTTP/1.1\r\n" + HEAD + b"\r\n",
    b"PUT /hello/zoe HTTP/1.1\r\n" + HEAD + b"Content-Type: application/json\r\n"
    b'Content-Length: 29\r\n\r\n{"dateOfBirth": "1990-02-28"}',
    b"POST /items HTTP/1.1\r\n" + HEAD + b"Content-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY,
    b"POST /auth/token HTTP/1.1\r\n" + HEAD + b"Content-Type: application/x-www-form-urlencoded\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n16\r\nusername=zoe&password=\r\n1\r\nx\r\n0\r\n\r\n",
    b"GET /items?limit=3&q=a%20b HTTP/1.1\r\n" + HEAD + b"Authorization: Bearer a.b.c\r\n\r\n",
    b"OPTIONS /users HTTP/1.1\r\n" + HEAD + b"Origin: http://localhost:3000\r\n\r\n",
]
PIECES = [
    b"\r\n", b"\n", b"\r", b"\x00", b"\xff\xfe", b": ", b",", b"%00", b"%ff", b"../", b" ", b"\t",
    b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n",
    b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"Upgrade: h2c\r\n", b"HTTP/1.0",
    b"Accept: ;q=\r\n", b"If-Match: \"\r\n", b"Idempotency-Key: \"\r\n", b"[" * 99, b"\\ud800",
    b"X-Forwarded-For: ::ffff:999\r\n", b"9" * 30, b"A" * 5000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]  # fmt: skip


def insert(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(PIECES) + data[at:]


def delete(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + data[at + random.randrange(1, 9) :]


def flip(random: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randrange(1, 5)):
        if changed:
            changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def cut(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def repeat(random: Random, data: bytes) -> bytes:
    return data + random.choice(VALID)


CHANGES: list[Callable[[Random, bytes], bytes]] = [insert, insert, delete, flip, flip, cut, repeat]


def streams(random: Random) -> Iterator[bytes]:
    """Yield what is sent on one connection after another, without end."""
    while True:
        if random.random() < 0.1:
            yield random.randbytes(random.randrange(1, 3000))
            continue
        data = random.choice(VALID)
        for _ in range(random.randrange(1, 5)):
            data = random.choice(CHANGES)(random, data)
        yield data


def exchange(api: Api, random: Random, data: bytes) -> bytes:
    """Send the bytes in pieces and no more, and read until the service closes the connection."""
    received = bytearray()
    with socket.create_connection(("127.0.0.1", api.port), timeout=ANSWER_S) as connection:
        try:
            for piece in pieces(random, data):
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionError:
            pass  # closed by the service while bytes were under way
    return bytes(received)


def pieces(random: Random, data: bytes) -> list[bytes]:
    at = random.randrange(len(data) + 1) if random.random() < 0.5 else len(data)
    return [piece for piece in (data[:at], data[at:]) if piece]


def open_connections(api: Api) -> float:
    text = httpx2.get(f"{api.url}/metrics", timeout=60).text
    found = re.search(r"^http_connections (\S+)$", text, re.MULTILINE)
    assert found
    return float(found[1])


def test_random_bytes_cause_no_failure_and_leave_nothing_behind(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    api = start_api(database_url, servers.redis_url, RATE_LIMITS="off", LOG_FORMAT="json").ready()
    random = Random(SEED)
    statuses: Counter[int] = Counter()
    before, sent, end = 0.0, 0, time.monotonic() + SECONDS
    for data in streams(random):
        if sent == WARM_UP:
            before = memory_mib(api)
        answers = [int(status) for status in STATUS.findall(exchange(api, random, data))]
        assert all(status < 500 or status == UNKNOWN_METHOD for status in answers), (data, answers)
        statuses.update(answers)
        sent += 1
        if sent > WARM_UP and time.monotonic() > end:
            break
    sys.stdout.write(f"{sent} connections, answers {dict(statuses)}")  # for `pytest -rP`
    assert {200, 400, 422} <= statuses.keys()
    assert memory_mib(api) - before < MOST_GROWTH_MIB
    assert eventually(lambda: open_connections(api) <= 1, within=30)
    assert "Traceback" not in api.output
    assert {json.loads(line)["level"] for line in api.lines} <= {"info", "warning"}
