"""Checks of the address that the API listens on: whether it is free, and whether it answers."""

import errno
import http.client
import socket

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - only translated


def require_free(host: str, port: int) -> None:
    """Raise OSError, with a sentence for the operator, if the address cannot be listened on."""
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror as error:
        raise OSError(f"HOST {host!r} is not an address of this machine") from error
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                probe.bind(address)
            except OSError as error:
                raise OSError(_why(host, port, error)) from error


def answers(host: str, port: int, path: str) -> bool:
    """Return whether a GET of the path is answered with 200 within a second."""
    connection = http.client.HTTPConnection(WILDCARDS.get(host, host), port, timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken: choose another, such as PORT={port % 65535 + 1}"
    if error.errno == errno.EACCES:
        return f"port {port} on {host} needs more rights: choose PORT=8000 or so"
    return f"HOST {host!r} is not an address of this machine"
