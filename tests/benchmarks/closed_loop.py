"""Requests over connections that each wait for their answer: a closed loop.

The bytes are made beforehand and hardly parsed: a request takes about 20 us of the generator.
"""

import asyncio
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "
TIMEOUT_S = 60.0


@dataclass(slots=True)
class Shot:
    """The answers to a number of requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies_s: "array[float]" = field(default_factory=lambda: array("d"))
    seconds: float = 0.0

    def percentile_ms(self, percent: float) -> float:
        """Return the latency that so many of a hundred answers did not exceed."""
        ordered = sorted(self.latencies_s)
        return 1000 * ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]


class ClosedLoop:
    """Connections to a port of this machine, which are kept from shot to shot."""

    def __init__(self) -> None:
        self._free: list[_Connection] = []

    async def connect(self, port: int, connections: int) -> None:
        """Open the connections."""
        create = asyncio.get_running_loop().create_connection
        for _ in range(connections):
            _, connection = await create(_Connection, "127.0.0.1", port)
            self._free.append(connection)

    async def shoot(self, requests: Iterator[bytes], count: int) -> Shot:
        """Send so many requests, and return once all are answered."""
        shot = Shot()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left = _Left(requests, count, shot, done)
        began = perf_counter()
        for connection in self._free:
            connection.start(left)
        async with asyncio.timeout(TIMEOUT_S):
            await done
        shot.seconds = perf_counter() - began
        return shot

    def close(self) -> None:
        """Close the connections."""
        for connection in self._free:
            connection.transport.close()


@dataclass(slots=True)
class _Left:
    """What is left to send of a shot."""

    requests: Iterator[bytes]
    unsent: int
    shot: Shot
    done: "asyncio.Future[None]"
    running: int = 0


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self) -> None:
        self._received = b""
        self._sent_at = 0.0
        self._left: _Left | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def start(self, left: _Left) -> None:
        self._left = left
        if left.unsent:
            left.running += 1
            self._send(left)

    def _send(self, left: _Left) -> None:
        left.unsent -= 1
        self._sent_at = perf_counter()
        self.transport.write(next(left.requests))

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data if self._received else data
        end = received.find(HEAD_END)
        if end < 0:
            return
        at = received.find(LENGTH, 0, end)
        at = at if at >= 0 else received[:end].lower().find(LENGTH)
        length = int(received[at + len(LENGTH) : received.find(b"\r", at)]) if at >= 0 else 0
        if len(received) < end + len(HEAD_END) + length:
            return
        self._received = b""
        self._answered(int(received[9:12]))

    def _answered(self, status: int) -> None:
        left = self._left
        assert left is not None, "an answer follows a request"
        left.shot.statuses[status] += 1
        left.shot.latencies_s.append(perf_counter() - self._sent_at)
        if left.unsent:
            self._send(left)
            return
        left.running -= 1
        if not left.running and not left.done.done():
            left.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        left = self._left
        if left is not None and not left.done.done():
            left.done.set_exception(error or ConnectionResetError("closed by the server"))
