"""SMTP servers that stop answering: unavailable before the data, uncertain after."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from jubilee.domain.errors import Unavailable
from jubilee.domain.mail import OutcomeUnknown
from tests.adapters.mail.smtp_server import MESSAGE, mailer


@asynccontextmanager
async def server_that_stops_answering(
    greeting: bytes, replies: dict[bytes, bytes], silent_at: bytes
) -> AsyncIterator[int]:
    """Run a server that stops answering at a command, and yield its port."""
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        while line := await reader.readline():
            if line.startswith(silent_at):
                await reader.read()
                break
            known = [reply for word, reply in replies.items() if line.startswith(word)]
            writer.write(b"".join(known))
        writer.transport.abort()
        closed.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.wait_for(closed.wait(), 30)
        await asyncio.sleep(0)  # lets the closed transport end


async def send_to(greeting: bytes, replies: dict[bytes, bytes], *, silent_at: bytes) -> float:
    """Send a message and return the seconds that it took."""
    async with server_that_stops_answering(greeting, replies, silent_at) as port:
        began = monotonic()
        await mailer(f"smtp://127.0.0.1:{port}", timeout=2).send(MESSAGE)
        return monotonic() - began


REPLIES = {
    b"EHLO": b"250 test\r\n",
    b"MAIL": b"250 OK\r\n",
    b"RCPT": b"250 OK\r\n",
    b"DATA": b"354 Go on\r\n",
    b".\r\n": b"250 Taken\r\n",
}


@pytest.mark.parametrize("silent_at", [b"EHLO", b"MAIL", b"RCPT"])
async def test_a_server_silent_before_the_data_is_unavailable(silent_at: bytes) -> None:
    began = monotonic()
    with pytest.raises(Unavailable):
        await send_to(b"220 test\r\n", REPLIES, silent_at=silent_at)
    assert monotonic() - began < 10


async def test_a_server_without_a_greeting_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await send_to(b"", REPLIES, silent_at=b"EHLO")


async def test_silence_after_the_data_is_an_unknown_outcome() -> None:
    with pytest.raises(OutcomeUnknown):
        await send_to(b"220 test\r\n", REPLIES, silent_at=b".\r\n")


async def test_silence_after_the_acceptance_is_a_success() -> None:
    assert await send_to(b"220 test\r\n", REPLIES, silent_at=b"QUIT") < 10
