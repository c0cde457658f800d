"""Hundreds of connections that send slowly (Slowloris), on a running service."""

import asyncio
import statistics
from time import monotonic

import httpx2
import pytest

from tests.servers import Servers
from tests.support.api import Starter

SLOW = 400
BYTE_INTERVAL_S = 1.0
BODY_TIMEOUT_S = 12.0
CUT_WITHIN_S = 30.0
MEASURED_S = 4.0  # the first slow connections are cut after 10 s
HEAD = b"GET /hello/zoe HTTP/1.1\r\nHost: api.test\r\nX-Slow: "
BODY = (
    b"PUT /hello/zoe HTTP/1.1\r\nHost: api.test\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000\r\n\r\n"
)


async def seconds_until_cut(port: int, start: bytes) -> float:
    """Send a byte a second after the start until the service closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = monotonic()
    writer.write(start)
    while not reader.at_eof():
        try:
            async with asyncio.timeout(BYTE_INTERVAL_S):
                await reader.read(4096)
        except TimeoutError:
            writer.write(b"x")
        except ConnectionError:
            break
    writer.close()
    return monotonic() - began


async def p95_s(client: httpx2.AsyncClient) -> float:
    """Ask for an unknown name every 20 ms; return the 95th percentile."""
    latencies, until = list[float](), monotonic() + MEASURED_S
    while (began := monotonic()) < until:
        assert (await client.get("/hello/Nemo")).status_code == 404
        latencies.append(monotonic() - began)
        await asyncio.sleep(0.02)
    return statistics.quantiles(latencies, n=20)[-1]


@pytest.mark.timing(waits=True)
async def test_slow_connections_do_not_delay_others_and_are_cut(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    api = start_api(database_url, servers.redis_url, BODY_TIMEOUT=str(BODY_TIMEOUT_S)).ready()
    async with httpx2.AsyncClient(base_url=api.url, timeout=30) as client:
        before = await p95_s(client)
        slow = asyncio.gather(
            *(seconds_until_cut(api.port, start) for start in (HEAD, BODY) * (SLOW // 2))
        )
        during = await p95_s(client)
    assert during <= 3 * before + 0.1
    cut = await slow
    assert min(cut) >= MEASURED_S
    assert max(cut) <= CUT_WITHIN_S
