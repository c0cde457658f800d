"""Requests at a constant rate over connections that are kept: an open loop.

A request is sent when it is due, however slow those before it are; its latency counts from then.
The bytes are made beforehand and hardly parsed, for the generator shares the machine with what it
measures: a request takes less than 0.2 ms of CPU of it.
"""

import asyncio
from array import array
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

CONNECTIONS = 60
MAX_DELAY_S = 2.0  # a request that is later is not sent: machine or service do not keep up
ANSWER_TIMEOUT_S = 30.0  # for the last answers
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "
LOST = 0
"""Stands for the status of a request whose connection was closed without an answer."""


@dataclass(slots=True)
class Answers:
    """How many requests were answered how, and how late."""

    statuses: Counter[int] = field(default_factory=Counter)
    unsent: int = 0
    latencies_s: "array[float]" = field(default_factory=lambda: array("d"))

    def record(self, status: int, due: float) -> None:
        """Count an answer to a request that was due then."""
        self.statuses[status] += 1
        self.latencies_s.append(monotonic() - due)

    def percentile_ms(self, percent: float) -> float:
        """Return the latency that so many of a hundred answers did not exceed."""
        ordered = sorted(self.latencies_s)
        return 1000 * ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]


def http_request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Return the bytes of a request; `headers` names the type of the body, if there is one."""
    lines = {"Host": "127.0.0.1", **headers}
    if body:
        lines["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {text}\r\n" for name, text in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def send(
    port: int,
    requests: Iterator[bytes],
    rate: float,
    seconds: float,
    connections: int = CONNECTIONS,
) -> Answers:
    """Send `rate` requests a second to a port of this machine; return once all are answered."""
    loop = _OpenLoop(requests)
    await loop.connect(port, connections)
    began = monotonic()
    for number in range(round(rate * seconds)):
        due = began + number / rate
        if (wait := due - monotonic()) > 0:
            await asyncio.sleep(wait)
        loop.add(due)
    await loop.finish()
    return loop.answers


class _OpenLoop:
    """The requests that are due, and the connections that are free to send them."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self.answers = Answers()
        self.free: deque[_Connection] = deque()  # the longest unused first: none times out
        self._requests = requests
        self._due: deque[float] = deque()
        self._connections: list[_Connection] = []

    async def connect(self, port: int, connections: int) -> None:
        create = asyncio.get_running_loop().create_connection
        for _ in range(connections):
            transport, connection = await create(lambda: _Connection(self), "127.0.0.1", port)
            connection.transport = transport
            self._connections.append(connection)
        self.free.extend(self._connections)

    def add(self, due: float) -> None:
        self._due.append(due)
        self.send_due()

    def send_due(self) -> None:
        while self._due and self.free:
            due = self._due.popleft()
            if monotonic() - due > MAX_DELAY_S:
                self.answers.unsent += 1
            else:
                self.free.popleft().send(next(self._requests), due)

    async def finish(self) -> None:
        """Wait for the last answers; what has none by then counts as lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                while busy := [each for each in self._connections if not each.idle.is_set()]:
                    await busy[0].idle.wait()
        self.answers.unsent += len(self._due)
        for each in self._connections:
            each.close()


class _Connection(asyncio.Protocol):
    """One request at a time."""

    transport: asyncio.Transport

    def __init__(self, loop: _OpenLoop) -> None:
        self._loop = loop
        self._received = b""
        self._due: float | None = None
        self.idle = asyncio.Event()
        self.idle.set()

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self.idle.clear()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(HEAD_END)
        if end and len(body) >= int(head.lower().partition(LENGTH)[2].partition(b"\r\n")[0] or 0):
            self._received = b""
            self._answered(int(head[9:12]))
            self._loop.free.append(self)
            self._loop.send_due()

    def connection_lost(self, _: Exception | None) -> None:
        if self in self._loop.free:
            self._loop.free.remove(self)
        self._answered(LOST)

    def close(self) -> None:
        self._answered(LOST)
        self.transport.close()

    def _answered(self, status: int) -> None:
        due, self._due = self._due, None
        self.idle.set()
        if due is not None:
            self._loop.answers.record(status, due)
