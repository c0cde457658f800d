"""Limits on the memory of a connection and on the time that it may be silent."""

from dataclasses import dataclass

MAX_HEADERS = 100
MAX_HEAD_BYTES = 32 * 1024
"""For the request line and all headers; again for the framing and trailers of a body."""

MAX_TURN_BYTES = 16 * 1024
"""Bytes parsed of a connection before other connections run; small chunks are slow to parse."""

PIECE_COST_BYTES = 128
"""Fixed cost of parsing a piece, expressed in bytes."""

MAX_DISCARDED_BYTES = 4 * 1024 * 1024
"""Bytes read and dropped after a refusal, so that the client can read the response."""

MIN_READ_BYTES = 16 * 1024
"""Bytes of a response that a client must read within `read_s`, or the rest if it is less."""

RESERVED_CONNECTIONS = 50
"""Connections beyond the limit that may request health and metrics; other requests get a 503."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Number of connections, and deadlines in seconds; each is enforced up to `sweep_s` late."""

    connections: int = 900
    head_s: float = 10.0
    """From the first to the last byte of a head, and from connecting to the first byte."""
    body_s: float = 31.0
    """From the end of a head to the end of its body; longer than the application's deadline."""
    read_s: float = 20.0
    """While the client reads no more of its response."""
    refused_s: float = 2.0
    """For a client to read a refusal, and for one beyond the limit to send its request."""
    sweep_s: float = 1.0
