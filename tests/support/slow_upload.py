"""A request in flight for as long as a test wants."""

import socket

from tests.support.api import Api

BORN = b'{"dateOfBirth": "1990-02-28"}'


class SlowUpload:
    """A request whose body is sent in two parts."""

    def __init__(self, api: Api, size: int = len(BORN)) -> None:
        """Send the head and half of the body."""
        self._socket = socket.create_connection(("127.0.0.1", api.port), timeout=60)
        head = f"PUT /hello/Zoe HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n"
        head += "Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n"
        self._socket.sendall(head.encode())
        assert self._socket.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        self._socket.sendall(BORN[:9])

    def finish(self) -> bytes:
        """Send the rest and return the answer up to the end of the connection."""
        self._socket.sendall(BORN[9:])
        return self.answer()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def answer(self) -> bytes:
        """Read up to the end of the connection."""
        parts = iter(lambda: self._socket.recv(4096), b"")
        with self._socket:
            return b"".join(parts)
