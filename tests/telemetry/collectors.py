"""Collectors that refuse, fail or never answer."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.support.receiver import receiver
from tests.support.running import free_port


@contextmanager
def refusing() -> Iterator[str]:
    """Yield a URL where no server listens."""
    yield f"http://127.0.0.1:{free_port()}"


@contextmanager
def failing() -> Iterator[str]:
    """Run a collector that answers 500."""
    with receiver() as received:
        received.answer = 500
        yield received.url


@contextmanager
def silent() -> Iterator[str]:
    """Run a collector that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


UNUSABLE_COLLECTORS: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "refusing": refusing,
    "failing": failing,
    "silent": silent,
}
