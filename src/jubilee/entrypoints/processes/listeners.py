"""Sockets that several processes accept connections from.

All processes share one queue of connections, which the parent keeps open: when a process dies, the
connections that it has not accepted are left to the others. With SO_REUSEPORT each process has a
queue of its own, which the kernel resets with it.
"""

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TypeAlias

from jubilee.entrypoints.local.addresses import require_free

BACKLOG = 2048  # connections that wait to be accepted, as uvicorn has it

SocketAddress: TypeAlias = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
"""As `getaddrinfo` returns it."""


def listen(host: str, port: int) -> Sequence[socket.socket]:
    """Listen on each address of the host; raises OSError with a sentence for the operator."""
    require_free(host, port)
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    with ExitStack() as opened:
        listeners = [
            opened.enter_context(_listener(family, address))
            for family, address in dict.fromkeys((each[0], each[4]) for each in found)
        ]
        opened.pop_all()
    return listeners


def _listener(family: int, address: SocketAddress) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
