"""An application served on a real socket, and a client that writes raw bytes."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from jubilee.entrypoints.http.connections.config import ConnectionRules
from jubilee.entrypoints.http.connections.ends import EndedConnections
from jubilee.entrypoints.http.connections.limits import ConnectionLimits
from jubilee.entrypoints.http.connections.refusals import Refusals
from jubilee.entrypoints.http.connections.server import DrainingServer, ListenOptions
from jubilee.entrypoints.http.framework.context import InFlightRequests
from jubilee.observation.requests import (
    ConnectionObserver,
    RequestObserver,
    RequestRecord,
)

HOST = b"Host: api.test\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /users HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"

QUICK = ConnectionLimits(head_s=0.3, body_s=0.3, read_s=0.3, refused_s=0.3, sweep_s=0.05)
"""Deadlines short enough for tests."""

TIMEOUT_S = 60.0


class RecordingObserver(RequestObserver, ConnectionObserver):
    """Records requests and connections."""

    def __init__(self) -> None:
        self.requests: list[RequestRecord] = []
        self.ended: Counter[str] = Counter()
        self.open = 0

    def request_started(self) -> None:
        """Ignored: requests are recorded when they finish."""

    def request_finished(self, record: RequestRecord) -> None:
        """Append the record."""
        self.requests.append(record)

    def connections_open(self, count: int) -> None:
        """Store the current number."""
        self.open = count

    def connection_ended(self, reason: str) -> None:
        """Count the reason."""
        self.ended[reason] += 1


class Recorder:
    """An application that records scopes and bodies, and responds once `answers` is set."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.bodies: list[bytes] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.size = 2

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the whole body, then respond."""
        self.scopes.append(scope)
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        await self.answers.wait()
        headers = [(b"content-length", b"%d" % self.size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"x" * self.size})


@dataclass
class Answer:
    """A parsed response."""

    status: int
    headers: dict[str, str]
    body: bytes

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """Check and return the problem document."""
        assert self.status == status, self
        assert self.headers["content-type"] == "application/problem+json"
        document: dict[str, Any] = json.loads(self.body)
        assert (document["status"], document["code"]) == (status, code)
        assert document["request_id"] == self.headers["x-request-id"]
        return document


@dataclass
class Socket:
    """A client connection that writes raw bytes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, *parts: bytes) -> None:
        """Write without waiting."""
        self.writer.write(b"".join(parts))

    async def answer(self, method: str = "GET") -> Answer:
        """Read the next response."""
        async with asyncio.timeout(TIMEOUT_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            pairs = [line.split(": ", 1) for line in head[1:] if line]
            headers = {name.lower(): value for name, value in pairs}
            size = 0 if method == "HEAD" else int(headers.get("content-length", 0))
            return Answer(int(head[0].split()[1]), headers, await self.reader.readexactly(size))

    async def read_until_closed(self) -> bytes:
        """Read until the server closes the connection."""
        async with asyncio.timeout(TIMEOUT_S):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


@dataclass
class Wire:
    """A listening server."""

    server: DrainingServer
    port: int
    observer: RecordingObserver
    sockets: list[Socket] = field(default_factory=list)

    async def connect(self, **options: Any) -> Socket:
        """Open a connection."""
        streams = await asyncio.open_connection("127.0.0.1", self.port, **options)
        self.sockets.append(Socket(*streams))
        return self.sockets[-1]

    async def request(self, *parts: bytes) -> Answer:
        """Send the bytes on a new connection and read the response."""
        socket = await self.connect()
        socket.send(*parts)
        return await socket.answer()

    @property
    def connections(self) -> list[Any]:
        """The server's open connections."""
        return list(self.server.server_state.connections)


@asynccontextmanager
async def serving(app: ASGIApp, limits: ConnectionLimits) -> AsyncIterator[Wire]:
    """Serve the application on a free port."""
    observer = RecordingObserver()
    rules = ConnectionRules(limits, Refusals(observer), EndedConnections(observer))
    server = DrainingServer(app, ListenOptions("127.0.0.1", 0, 1, 0), InFlightRequests(), rules)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn tells by this alone
        await asyncio.sleep(0.01)
    wire = Wire(server, server.servers[0].sockets[0].getsockname()[1], observer)
    try:
        yield wire
    finally:
        for socket in wire.sockets:
            socket.writer.transport.abort()
        server.stop()
        await task
