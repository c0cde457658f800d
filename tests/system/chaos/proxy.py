"""A TCP proxy to a unix socket that holds, delays, resets and drops traffic."""

import asyncio
import re
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from tests.system.chaos.background import Background

CHUNK = 65_536
SLOW = 0.03  # seconds added to everything
LOST = 0.05  # share of lost answers
COMMIT = b"COMMIT"
SAYS = re.compile(
    rb"(__asyncpg_stmt_[0-9a-f]+__)\0\s*"
    rb"(?:UPDATE jobs SET|SELECT \* FROM (?:end_job|succeed_jobs)\()"
)
"""A statement of attempts as the driver prepares it: their ends, a release or progress."""


class Mode(Enum):
    """The effect of the proxy on traffic."""

    PASS = "pass"
    DELAY = "delay"
    BLACK_HOLE = "black hole"  # held in both directions, delivered when the mode ends
    RESET = "reset"  # every connection is reset
    DROP_COMMIT = "drop commit"  # the server commits, the client gets no answer
    DROP_REPLY = "drop reply"  # the same for a share of all statements
    HOLD_ENDS = "hold ends"  # ends of attempts are delivered when the mode ends


@dataclass(eq=False)
class Link:
    """One connection through the proxy; `drops_next_answer` once the next answer is to be lost."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    drops_next_answer: bool = False
    says: set[bytes] = field(default_factory=set)
    """Names of the prepared statements that end or report an attempt."""

    def is_ending(self, chunk: bytes) -> bool:
        """Return whether the chunk executes such a statement; note those it prepares."""
        prepared = SAYS.findall(chunk)
        self.says.update(prepared)
        return not prepared and any(name in chunk for name in self.says)

    def abort(self) -> None:
        """Reset both sides."""
        self.client.transport.abort()
        self.server.transport.abort()


@dataclass(eq=False)
class Proxy:
    """A proxy on its own port; `dropped` and `held` count the messages."""

    background: Background
    upstream: str
    dropped: int = 0
    held: int = 0
    port: int = 0
    delay: float = SLOW
    """Seconds that Mode.DELAY adds in each direction."""
    _chance: Random = field(default_factory=lambda: Random(1))
    _mode: Mode = Mode.PASS
    _links: set[Link] = field(default_factory=set)

    def start(self) -> "Proxy":
        """Listen."""
        self.background.run(self._start())
        return self

    def turn(self, mode: Mode) -> None:
        """Switch to the mode."""
        self.background.run(self._turn(mode))

    def close(self) -> None:
        """Stop listening and reset open connections."""
        self.background.run(self._close())

    async def _start(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._released = asyncio.Event()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _turn(self, mode: Mode) -> None:
        self._mode = mode
        if mode is not Mode.HOLD_ENDS:
            self._released.set()
            self._released = asyncio.Event()
        if mode is Mode.BLACK_HOLE:
            self._open.clear()
        else:
            self._open.set()
        if mode is Mode.RESET:
            self._break_off()

    async def _close(self) -> None:
        self._server.close()
        self._break_off()
        self._open.set()

    def _break_off(self) -> None:
        for link in self._links:
            link.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._open.wait()
            if self._mode is Mode.RESET:
                raise ConnectionResetError
            from_server, to_server = await asyncio.open_unix_connection(self.upstream)
        except OSError:
            writer.transport.abort()
            return
        link = Link(writer, to_server)
        self._links.add(link)
        try:
            asks = asyncio.create_task(self._ask(reader, link))
            await self._answer(from_server, link)
            asks.cancel()
        finally:
            self._links.discard(link)
            link.abort()

    async def _ask(self, reader: asyncio.StreamReader, link: Link) -> None:
        try:
            while chunk := await reader.read(CHUNK):
                await self._pass()
                if link.is_ending(chunk) and self._mode is Mode.HOLD_ENDS:
                    self.held += 1
                    await self._released.wait()
                link.drops_next_answer = link.drops_next_answer or self._is_to_be_lost(chunk)
                link.server.write(chunk)
                await link.server.drain()
            link.server.close()
        except OSError:
            link.abort()

    async def _answer(self, reader: asyncio.StreamReader, link: Link) -> None:
        try:
            while chunk := await reader.read(CHUNK):
                await self._pass()
                if link.drops_next_answer:
                    self.dropped += 1
                    return
                link.client.write(chunk)
                await link.client.drain()
        except OSError:
            return

    async def _pass(self) -> None:
        if self._mode is Mode.DELAY:
            await asyncio.sleep(self.delay)
        await self._open.wait()

    def _is_to_be_lost(self, chunk: bytes) -> bool:
        if self._mode is Mode.DROP_COMMIT:
            return COMMIT in chunk
        return self._mode is Mode.DROP_REPLY and self._chance.random() < LOST
