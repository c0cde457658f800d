"""Outgoing HTTP requests: to the checked IP address only, bounded in time and size."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from email.utils import format_datetime
from ipaddress import ip_address
from time import monotonic
from typing import TypeAlias

import httpcore2

from jubilee.domain.ip_addresses import Address
from jubilee.domain.outbound.address_policy import AddressFilter
from jubilee.domain.outbound.request import HttpRequest
from jubilee.domain.outbound.sending import (
    DEFAULT_TIMEOUTS,
    AddressNotAllowed,
    HttpReply,
    HttpSender,
    RequestTimeouts,
    Unreachable,
)
from jubilee.domain.text import as_line, printable

MAX_BODY_BYTES = 65_536  # of a response
MAX_ADDRESSES = 4  # tried for one request
MAX_REASON_CHARS = 200
LOOKUP_THREADS = 16
METHODS_WITH_LENGTH = frozenset({"POST", "PUT", "PATCH"})

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[Address]]]
"""The addresses of a host, best first; raises OSError."""


def system_resolver() -> Resolve:
    """Resolve names as the system does, on threads of its own.

    A lookup keeps its thread for as long as the name server is silent, also after the timeout of
    the request. On the threads of the event loop, connections to the database would wait for it.
    """
    threads = ThreadPoolExecutor(LOOKUP_THREADS, "host-lookup")

    def look_up(host: str, port: int) -> list[Address]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(ip_address(address[0]) for *_, address in found))

    async def resolve(host: str, port: int) -> Sequence[Address]:
        return await asyncio.get_running_loop().run_in_executor(threads, look_up, host, port)

    return resolve


class PinnedHttpSender(HttpSender):
    """Sends each request over a new HTTP/1.1 connection, without proxy, redirects or cookies."""

    def __init__(
        self,
        user_agent: str,
        *,
        resolve: Resolve | None = None,
        context: ssl.SSLContext | None = None,
        timeouts: RequestTimeouts = DEFAULT_TIMEOUTS,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        """`resolve` is the system's by default; `context` has the trusted certificates.

        `max_body_bytes` bounds a response.
        """
        self._user_agent = user_agent
        self._resolve = resolve or system_resolver()
        self._context = context or ssl.create_default_context()
        self._timeouts = timeouts
        self._max_body_bytes = max_body_bytes
        # At DEBUG the library logs headers.
        logging.getLogger("httpcore2").setLevel(logging.INFO)

    async def send(self, request: HttpRequest, allows: AddressFilter) -> HttpReply:
        try:
            async with asyncio.timeout(self._timeouts.total_s):
                return await self._exchange(request, await self._pinned(request, allows))
        except httpcore2.LocalProtocolError as error:
            raise Unreachable(f"the request cannot be written: {_short(error)}") from None
        except (TimeoutError, httpcore2.TimeoutException):
            raise Unreachable("no answer in time") from None
        except socket.gaierror:
            raise Unreachable("the host has no address") from None
        except (httpcore2.ProtocolError, httpcore2.NetworkError, OSError) as error:
            raise Unreachable(f"no answer: {_short(error)}") from None

    async def _pinned(self, request: HttpRequest, allows: AddressFilter) -> "PinnedBackend":
        """Resolve the name once, so that the address cannot change between check and use."""
        deadline = monotonic() + self._timeouts.connect_s
        async with asyncio.timeout(self._timeouts.connect_s):
            found = await self._resolve(request.host, request.port)
        allowed = [address for address in found if allows(address)]
        if not allowed:
            raise AddressNotAllowed("no address of this host is allowed")
        return PinnedBackend(allowed[:MAX_ADDRESSES], deadline)

    async def _exchange(self, request: HttpRequest, backend: "PinnedBackend") -> HttpReply:
        scheme, host = request.scheme.encode(), request.host.encode()
        connection = httpcore2.AsyncHTTPConnection(
            httpcore2.Origin(scheme, host, request.port),
            ssl_context=self._context,
            network_backend=backend,
        )
        async with AsyncExitStack() as ends:
            ends.push_async_callback(connection.aclose)
            target = request.target.encode()
            url = httpcore2.URL(scheme=scheme, host=host, port=request.port, target=target)
            response = await connection.handle_async_request(self._written(request, url))
            ends.push_async_callback(response.aclose)
            return await _read(response, self._max_body_bytes)

    def _written(self, request: HttpRequest, url: httpcore2.URL) -> httpcore2.Request:
        timeouts = self._timeouts
        headers = {
            "host": request.authority,
            "user-agent": self._user_agent,
            "accept": "*/*",
            **dict(request.headers),
            "accept-encoding": "identity",
            "connection": "close",
        }
        if request.body is not None or request.method in METHODS_WITH_LENGTH:
            headers["content-length"] = str(len(request.body or b""))
        timeout = {"connect": timeouts.connect_s, "read": timeouts.read_s, "write": timeouts.read_s}
        return httpcore2.Request(
            request.method,
            url,
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            content=request.body,
            extensions={"timeout": timeout},
        )


class PinnedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to the given addresses in turn, and ignores the host name."""

    def __init__(self, addresses: Sequence[Address], deadline: float) -> None:
        """`deadline` is by `time.monotonic`."""
        self._addresses = addresses
        self._deadline = deadline
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the base class has it
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address that answers before the deadline, which all share."""
        del host, timeout  # replaced by the addresses and the deadline
        left = len(self._addresses)
        for address in self._addresses:
            share = max(self._deadline - monotonic(), 0) / left
            left -= 1
            try:
                return await self._network.connect_tcp(
                    str(address),
                    port,
                    timeout=share,
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if not left:
                    raise
        raise httpcore2.ConnectError("there is no address")


async def _read(response: httpcore2.Response, limit: int) -> HttpReply:
    """Read at most `limit` bytes of the body, then close the connection."""
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) > limit:
            break
    headers = {name.decode("latin-1").lower(): _text(value) for name, value in response.headers}
    # RFC 9110, 6.6.1: a recipient with a clock adds the date that Retry-After may need.
    headers.setdefault("date", format_datetime(datetime.now(UTC), usegmt=True))
    return HttpReply(response.status, headers, bytes(body[:limit]), len(body) > limit)


def _text(value: bytes) -> str:
    return printable(value.decode("latin-1"))


def _short(error: Exception) -> str:
    return as_line(str(error), MAX_REASON_CHARS) or type(error).__name__
