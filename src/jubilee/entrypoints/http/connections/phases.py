"""Phases of a connection, and their deadlines."""

from enum import IntEnum
from math import inf

from jubilee.entrypoints.http.connections.limits import ConnectionLimits


class Phase(IntEnum):
    """What a connection waits for; up to BODY, it is bytes from the client."""

    NEW = 0
    IDLE = 1
    HEAD = 2
    BODY = 3
    ANSWER = 4
    REFUSED = 5


def deadline_s(phase: Phase, limits: ConnectionLimits, *, keep_alive: float, excess: bool) -> float:
    """Return how many seconds a phase may last; `excess` marks a connection beyond the limit."""
    match phase:
        case Phase.ANSWER:
            return inf  # the application has its own deadline
        case Phase.IDLE:
            return keep_alive
        case Phase.BODY:
            return limits.body_s
        case Phase.REFUSED:
            return limits.refused_s
        case _:
            return limits.refused_s if excess else limits.head_s
