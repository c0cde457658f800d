"""Collectors that do not collect, each in a way of its own."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.support.receiver import receiver
from tests.support.running import free_port


@contextmanager
def refusing() -> Iterator[str]:
    """Nobody listens there."""
    yield f"http://127.0.0.1:{free_port()}"


@contextmanager
def failing() -> Iterator[str]:
    """It answers 500 to everything."""
    with receiver() as seen:
        seen.answer = 500
        yield seen.url


@contextmanager
def silent() -> Iterator[str]:
    """It takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


DEAD: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "refusing": refusing,
    "failing": failing,
    "silent": silent,
}
