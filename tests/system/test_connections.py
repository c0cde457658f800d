"""Attacks by single connections on a running service."""

import re
import socket
import time
from pathlib import Path

import httpx2
import pytest

from tests.servers import Servers
from tests.support.api import Api, Starter
from tests.support.running import eventually
from tests.support.slow_upload import SlowUpload

LIVE = b"GET /health/live HTTP/1.1\r\nHost: api.test\r\n\r\n"
MIB = 1 << 20
MOST_GROWTH_MIB = 24
"""The allowed growth of an attacked process, which is the allocator's noise."""


def memory_mib(api: Api) -> float:
    """Return the resident memory of the process in MiB."""
    status = Path(f"/proc/{api.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


def connect(api: Api) -> socket.socket:
    """Open a connection."""
    return socket.create_connection(("127.0.0.1", api.port), timeout=60)


def push(connection: socket.socket, data: bytes, seconds: float = 3.0) -> int:
    """Send without reading for at most these seconds; return the number of bytes sent."""
    connection.settimeout(0.5)
    sent, end = 0, time.monotonic() + seconds
    view = memoryview(data)
    while sent < len(data) and time.monotonic() < end:
        try:
            sent += connection.send(view[sent : sent + MIB])
        except TimeoutError:
            continue
        except ConnectionError:
            break
    return sent


def test_pipelined_requests_without_reading_use_no_memory(api: Api) -> None:
    with api.client() as client:
        assert client.get("/health/live").status_code == 200
        before = memory_mib(api)
        with connect(api) as connection:
            taken = push(connection, LIVE * (35 * MIB // len(LIVE)))
            assert client.get("/health/live", timeout=30).status_code == 200
            assert taken < 35 * MIB
            assert memory_mib(api) - before < MOST_GROWTH_MIB


@pytest.mark.parametrize(
    "headers", [b"a: b\r\n" * 50_000, b"a: " + b"b" * 64 * MIB], ids=["many", "large"]
)
def test_check_37_endless_headers_are_431_and_use_no_memory(api: Api, headers: bytes) -> None:
    assert api.is_live()
    before = memory_mib(api)
    for _ in range(5):
        began = time.monotonic()
        with connect(api) as connection:
            push(connection, LIVE[:-2] + headers + b"\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 431 ")
        assert time.monotonic() - began < 3
    assert memory_mib(api) - before < MOST_GROWTH_MIB


def test_connections_beyond_the_limit_are_refused_counted_and_logged_once(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    given = {"MAX_CONNECTIONS": "3", "BODY_TIMEOUT": "300"}
    api = start_api(database_url, servers.redis_url, **given).ready()
    held = [SlowUpload(api) for _ in range(3)]
    assert eventually(lambda: _open(api) >= 3)
    for _ in range(10):
        answer = api.ask("/hello/zoe")
        assert (answer.status_code, answer.json()["code"]) == (503, "too_many_connections")
        assert answer.headers["retry-after"] == "5"
    assert api.ask("/health/live").status_code == 200
    counted = api.ask("/metrics").text
    assert 'http_connections_ended_total{reason="limit"} 10.0\n' in counted
    assert eventually(lambda: "connections ended by the service" in api.output)
    lines = [line for line in api.lines if "connections ended by the service" in line]
    assert len(lines) == 1
    for connection in held:
        connection.close()
    assert eventually(lambda: api.ask("/hello/zoe").status_code == 404)


def _open(api: Api) -> float:
    text = httpx2.get(f"{api.url}/metrics", timeout=60).text
    found = re.search(r"^http_connections (\S+)$", text, re.MULTILINE)
    assert found
    return float(found[1])
