"""Bounds on what one connection may hold, and on how long it may be silent."""

from dataclasses import dataclass

MAX_HEADERS = 100
MAX_HEAD_BYTES = 32 * 1024
"""Of the request line and all headers; as much again for framing and trailers of a body."""

MAX_TURN_BYTES = 16 * 1024
"""Parsed of one connection before the others get their turn: small chunks are slow to parse."""

PIECE_COST_BYTES = 128
"""What parsing a piece costs beside its bytes, measured in bytes."""

MAX_DISCARDED_BYTES = 4 * 1024 * 1024
"""Read and dropped after a refusal, so that the client gets to read it."""

MIN_READ_BYTES = 16 * 1024
"""Bytes of an answer that a client has to take within `read_s`, or all that is left of it."""

RESERVED_CONNECTIONS = 50
"""Beyond the limit: these may still ask for health and metrics, and get a full 503 otherwise."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Connections at a time, and deadlines in seconds; each ends up to `sweep_s` late."""

    connections: int = 900
    head_s: float = 10.0
    """From the first byte of a head to its last, and from a new connection to its first byte."""
    body_s: float = 31.0
    """From the end of a head to the end of its body; past the application's own deadline."""
    read_s: float = 20.0
    """Without the client taking more of its answer."""
    refused_s: float = 2.0
    """For a client to take a refusal, and for one beyond the limit to say what it wants."""
    sweep_s: float = 1.0
