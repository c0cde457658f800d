"""Names of queues, channels and messages in Redis, and the format of a message."""

import json

from jubilee.domain.jobs.kinds import JobQueueName, KindSet
from jubilee.domain.jobs.store import JobReference

FUNCTION = "run"
"""The only ARQ function: the kind of a job is in PostgreSQL, not in the message."""


def queue_name(queue: JobQueueName, known: KindSet) -> str:
    """Name the sorted set of one queue, read only by workers that know exactly these kinds."""
    return f"jubilee:jobs:{queue.value}:{known.fingerprint}"


def wake_channel(queue: str) -> str:
    """Name the channel that wakes a queue's workers; ARQ by itself only polls twice a second."""
    return f"{queue}:wake"


def behind_key(queue: str) -> str:
    """Name the key that exists while more jobs are due than the queue has room for."""
    return f"{queue}:behind"


def message_id(reference: JobReference) -> str:
    """ARQ's id for the dispatch of one epoch of a job: sending it twice adds no second message."""
    return f"{reference.id}:{reference.epoch}"


def pack(document: dict[str, object]) -> bytes:
    """Serialise as JSON; ARQ's default, pickle, would run code from Redis when it is read."""
    return json.dumps(document).encode()


def unpack(raw: bytes) -> dict[str, object]:
    """Read what `pack` wrote; raises ValueError."""
    return dict(json.loads(raw))
