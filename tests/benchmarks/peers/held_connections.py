"""B*: raw ASGI on held asyncpg connections with a prepared statement: the floor of a read."""

import asyncio
import sys
from collections import deque
from datetime import UTC, datetime
from urllib.parse import unquote

import asyncpg
from starlette.types import Receive, Scope, Send

from tests.benchmarks.peers.serving import DATABASE_URL, serve

CONNECTIONS = 10
FIND = "SELECT date_of_birth FROM birthdays WHERE name_key = $1"


class Lane:
    """Connections that are handed from request to request."""

    def __init__(self) -> None:
        self._free: list[asyncpg.prepared_stmt.PreparedStatement[asyncpg.Record]] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._opened: list[asyncpg.Connection[asyncpg.Record]] = []

    async def open(self) -> None:
        """Open all connections."""
        for _ in range(CONNECTIONS):
            connection = await asyncpg.connect(sys.argv[DATABASE_URL])
            self._opened.append(connection)
            self._free.append(await connection.prepare(FIND))

    async def find(self, name: str) -> object:
        """Return the date of birth, or None."""
        while not self._free:
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            await place
        statement = self._free.pop()
        try:
            return await statement.fetchval(name)
        finally:
            self._free.append(statement)
            if self._waiting:
                self._waiting.popleft().set_result(None)


lane = Lane()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Greet the name of the path."""
    if scope["type"] == "lifespan":
        await receive()
        await lane.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    name = unquote(scope["path"].rpartition("/")[2])
    born = await lane.find(name.lower())
    days = (datetime.now(UTC).date() - born).days % 365 if born else 0  # type: ignore[operator]  # a date
    body = b'{"message":"Hello, %b! Your birthday is in %d day(s)"}' % (name.encode(), days)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    serve(app)
