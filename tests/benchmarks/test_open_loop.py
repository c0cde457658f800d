"""The load generator of the benchmarks, and what they call flat."""

import asyncio
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count, repeat

import pytest

from tests.benchmarks import open_loop
from tests.benchmarks.open_loop import CONNECTIONS, LOST, Answers, http_request, send
from tests.benchmarks.processes import Phase, Sample

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def server(answer_from: int) -> AsyncIterator[int]:
    """The port of a server that answers nothing before it has received so many requests."""
    received, enough = count(1), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(len(REQUEST)):
            if next(received) == answer_from:
                enough.set()
            await enough.wait()
            writer.write(ANSWER)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
        enough.set()


def phase(*rss_mib: float, cpu_s: float = 1.0) -> Phase:
    samples = [Sample(at, at * cpu_s, memory) for at, memory in enumerate(rss_mib)]
    return Phase(samples)


async def test_requests_are_sent_although_none_before_is_answered() -> None:
    async with server(answer_from=CONNECTIONS) as port:
        answers = await send(port, repeat(REQUEST), rate=1000, seconds=CONNECTIONS / 1000)
    assert answers.statuses == {200: CONNECTIONS}
    assert len(answers.latencies_s) == CONNECTIONS


async def test_requests_without_an_answer_and_those_that_wait_for_them_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(open_loop, "ANSWER_TIMEOUT_S", 0.1)
    async with server(answer_from=2 * CONNECTIONS) as port:
        answers = await send(port, repeat(REQUEST), rate=10_000, seconds=(CONNECTIONS + 1) / 10_000)
    assert answers.statuses == {LOST: CONNECTIONS}
    assert answers.unsent == 1


def test_a_request_has_its_headers_and_the_length_of_its_body() -> None:
    assert http_request("GET", "/", {"Host": "here"}) == REQUEST
    assert b"\r\nContent-Length: 2\r\n\r\nok" in http_request("PUT", "/", {}, b"ok")


def test_percentiles_of_latencies_are_in_milliseconds() -> None:
    answers = Answers(latencies_s=array("d", (number / 1000 for number in range(100, 0, -1))))
    assert [answers.percentile_ms(at) for at in (50, 99, 100)] == [51.0, 100.0, 100.0]


def test_memory_that_grows_is_not_flat() -> None:
    assert phase(*[100.0] * 40).is_flat
    assert phase(*[90.0] * 10, *[100.0] * 30).is_flat  # before the second quarter
    assert not phase(*[100.0 + 0.2 * at for at in range(40)]).is_flat


def test_cpu_that_grows_is_not_flat() -> None:
    growing = [Sample(at, at**1.5, 100.0) for at in range(40)]
    assert not Phase(growing).is_flat
