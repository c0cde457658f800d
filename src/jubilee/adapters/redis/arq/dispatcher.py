"""Dispatch of jobs by ARQ messages that hold only a job's id and epoch."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import time

from arq.constants import expires_extra_ms, job_key_prefix
from arq.jobs import serialize_job
from redis.asyncio import Redis
from redis.exceptions import RedisError

from jubilee.adapters.redis.arq.messages import FUNCTION, message_id, pack, queue_name, wake_channel
from jubilee.adapters.redis.connections import request_pool
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.kinds import KindSet
from jubilee.domain.jobs.store import Dispatch, JobDispatcher

EXPIRES_MS = expires_extra_ms  # a day; the relay sends again what is still due then
SCORE_OFFSET_MS = 366 * 86_400_000
"""How far in the past scores lie: ARQ takes no message whose score is later than its own clock,
and clocks of different machines may differ.
"""

PRIORITY_STEP_MS = 600_000
"""How much later a job of the next lower priority is scored: ten minutes of waiting make up for
one step of priority.
"""

MAX_CONNECTIONS = 4


class ArqJobDispatcher(JobDispatcher):
    """Sends without retries: the relay repeats what Redis did not accept within `timeout` seconds.

    Sending a dispatch again has no effect: its message and its score are kept as they are.
    """

    def __init__(self, url: str, *, timeout: float) -> None:
        """Connections are opened when they are needed."""
        self._redis: Redis = Redis.from_pool(
            request_pool(url, size=MAX_CONNECTIONS, timeout=timeout)
        )
        self._timeout = timeout

    async def send(self, dispatches: Sequence[Dispatch], to: KindSet) -> None:
        queues = {queue: queue_name(queue, to) for queue in {d.queue for d in dispatches}}
        async with self._time_limit(), self._redis.pipeline(transaction=False) as pipe:
            for dispatch in dispatches:
                reference = dispatch.reference
                message, now = message_id(reference), int(time() * 1000)
                arguments = (str(reference.id), reference.epoch)
                job = serialize_job(FUNCTION, arguments, {}, None, now, serializer=pack)
                pipe.psetex(job_key_prefix + message, EXPIRES_MS, job)
                score = now - SCORE_OFFSET_MS + dispatch.priority * PRIORITY_STEP_MS
                pipe.zadd(queues[dispatch.queue], {message: score}, nx=True)
            for queue in queues.values():
                pipe.pexpire(queue, EXPIRES_MS)  # all workers with these kinds may have left
                pipe.publish(wake_channel(queue), b"")
            await pipe.execute()

    async def missing(self, dispatches: Sequence[Dispatch], to: KindSet) -> Sequence[Dispatch]:
        missing: list[Dispatch] = []
        async with self._time_limit():
            for queue in {d.queue for d in dispatches}:
                expected = [d for d in dispatches if d.queue is queue]
                messages = [message_id(d.reference) for d in expected]
                scores = await self._redis.zmscore(queue_name(queue, to), messages)
                missing += [d for d, score in zip(expected, scores, strict=True) if score is None]
        return missing

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose(close_connection_pool=True)

    @asynccontextmanager
    async def _time_limit(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable from error
