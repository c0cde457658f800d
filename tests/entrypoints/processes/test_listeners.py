"""The sockets that the processes of an instance share."""

import socket

import pytest

from jubilee.entrypoints.processes.listeners import listen
from tests.support.running import free_port

HOST = "127.0.0.1"


def test_a_connection_is_accepted_at_the_address() -> None:
    port = free_port()
    (listener,) = listen(HOST, port)
    with listener, socket.create_connection((HOST, port), timeout=5) as client:
        accepted, address = listener.accept()
        accepted.close()
        assert address == client.getsockname()


def test_a_taken_port_is_a_sentence_for_the_operator() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} on {HOST} is taken"):
            listen(HOST, port)
