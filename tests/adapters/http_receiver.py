"""A server of the test's own, and senders to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from ssl import SSLContext

from jubilee.adapters.http_sender import PinnedHttpSender
from jubilee.domain.ip_addresses import Address
from jubilee.domain.outbound.sending import RequestTimeouts
from tests.support.certificates import Certificate

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Request-ID: 7\r\n\r\nok"

TIMEOUTS = RequestTimeouts(connect_s=20, read_s=20, total_s=30)


@dataclass(slots=True)
class Receiver:
    """A server with one answer that records the raw requests."""

    answer: bytes = OK
    delay: float = 0.0
    port: int = 0
    requests: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            _, _, length = head.lower().partition(b"content-length: ")
            body = await reader.readexactly(int(length.split(b"\r\n")[0]) if length else 0)
            self.requests.append(head + body)
            await asyncio.sleep(self.delay)
            writer.write(self.answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has disconnected
        finally:
            writer.close()


Serve = Callable[..., Awaitable[Receiver]]


def sender(
    *found: str, certificate: Certificate | None = None, timeouts: RequestTimeouts = TIMEOUTS
) -> PinnedHttpSender:
    """Return a sender that resolves every name to these lists of addresses in turn."""
    lists = [[ip_address(address) for address in text.split()] for text in found]

    async def resolve_name(_: str, __: int) -> Sequence[Address]:
        return lists.pop(0) if len(lists) > 1 else lists[0]

    context = certificate.client if certificate else None
    return PinnedHttpSender(
        "Jubilee/test", resolve=resolve_name, context=context, timeouts=timeouts
    )


def allow_all(_: Address) -> bool:
    return True


@asynccontextmanager
async def receivers() -> AsyncIterator[Serve]:
    """Start receivers by `await serve(answer=...)`; they are stopped afterwards."""
    servers: list[asyncio.Server] = []

    async def started(
        answer: bytes = OK, delay: float = 0, host: str = "127.0.0.1", ssl: SSLContext | None = None
    ) -> Receiver:
        receiver = Receiver(answer, delay)
        server = await asyncio.start_server(receiver.serve, host, 0, ssl=ssl)
        receiver.port = server.sockets[0].getsockname()[1]
        servers.append(server)
        return receiver

    yield started
    for server in servers:
        server.close()
        await server.wait_closed()
