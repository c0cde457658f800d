"""ARQ as the courier: jobs go to Redis by their id and epoch alone; PostgreSQL has the rest."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import time

from arq.constants import job_key_prefix
from arq.jobs import serialize_job
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.kinds import JobQueueName, KindSet
from jubilee.domain.jobs.store import Dispatch, JobDispatcher, JobReference

FUNCTION = "run"
"""The one function of every worker."""

EXPIRES_MS = 86_400_000  # a day; the relay sends again what is still due then
HEAD_START_MS = 366 * 86_400_000
"""How far in the past places in the queue are: no clock that is wrong makes a job wait."""

URGENCY_MS = 600_000  # how much later than its own time a job of the next priority counts
CONNECTIONS = 4


def queue_name(queue: JobQueueName, known: KindSet) -> str:
    """Each lane has slots of its own, and workers take only what they know."""
    return f"jubilee:jobs:{queue.value}:{known.fingerprint}"


def wake_channel(queue: str) -> str:
    """Where workers of the queue hear that there is work; ARQ alone looks twice a second."""
    return f"{queue}:wake"


def pack(document: dict[str, object]) -> bytes:
    """JSON, for what ARQ stores by default runs code when it is read."""
    return json.dumps(document).encode()


def unpack(raw: bytes) -> dict[str, object]:
    """The reverse."""
    return dict(json.loads(raw))


class ArqJobDispatcher(JobDispatcher):
    """Sends without waiting: what Redis does not take within `patience` seconds, the relay repeats.

    Sending a dispatch twice changes nothing: its key and its place in the queue are its own.
    """

    def __init__(self, url: str, *, patience: float) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=patience,
            socket_timeout=patience,
            socket_connect_timeout=patience,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis: Redis = Redis.from_pool(pool)
        self._patience = patience

    async def send(self, dispatches: Sequence[Dispatch], to: KindSet) -> None:
        queues = {queue: queue_name(queue, to) for queue in {d.queue for d in dispatches}}
        async with self._bounded(), self._redis.pipeline(transaction=False) as pipe:
            for dispatch in dispatches:
                reference = dispatch.reference
                job_id, now = _name(reference), int(time() * 1000)
                arguments = (str(reference.id), reference.epoch)
                job = serialize_job(FUNCTION, arguments, {}, None, now, serializer=pack)
                pipe.psetex(job_key_prefix + job_id, EXPIRES_MS, job)
                score = now - HEAD_START_MS + dispatch.priority * URGENCY_MS
                pipe.zadd(queues[dispatch.queue], {job_id: score}, nx=True)
            for queue in queues.values():
                pipe.pexpire(queue, EXPIRES_MS)  # its last worker may be gone
                pipe.publish(wake_channel(queue), b"")
            await pipe.execute()

    async def missing(self, dispatches: Sequence[Dispatch], to: KindSet) -> Sequence[Dispatch]:
        missing: list[Dispatch] = []
        async with self._bounded():
            for queue in {d.queue for d in dispatches}:
                asked = [d for d in dispatches if d.queue is queue]
                names = [_name(d.reference) for d in asked]
                scores = await self._redis.zmscore(queue_name(queue, to), names)
                missing += [d for d, score in zip(asked, scores, strict=True) if score is None]
        return missing

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose(close_connection_pool=True)

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience):
                yield
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable from error


def _name(reference: JobReference) -> str:
    return f"{reference.id}:{reference.epoch}"
