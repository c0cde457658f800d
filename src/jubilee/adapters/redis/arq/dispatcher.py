"""Dispatch of jobs by ARQ messages that hold only a job's id and epoch."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from time import monotonic, time

from arq.constants import expires_extra_ms, job_key_prefix
from arq.jobs import serialize_job
from redis.asyncio import Redis
from redis.exceptions import RedisError

from jubilee.adapters.redis.arq.messages import (
    FUNCTION,
    behind_key,
    message_id,
    pack,
    queue_name,
    wake_channel,
)
from jubilee.adapters.redis.connections import request_pool
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.kinds import JobQueueName, KindSet
from jubilee.domain.jobs.queue import MAX_PRIORITY
from jubilee.domain.jobs.store import Dispatch, JobDispatcher, JobReference, QueueLevel

EXPIRES_MS = expires_extra_ms  # a day; the relay sends again what is still due then
SCORE_OFFSET_MS = 366 * 86_400_000
"""How far in the past scores lie: ARQ takes no message whose score is later than its own clock,
and clocks of different machines may differ.
"""

PRIORITY_STEP_MS = 600_000
"""How much later a job of the next lower priority is scored: ten minutes of waiting make up for
one step of priority.
"""

HOLD_S = 2  # longer than the interval in which relays dispatch, which repeat it
HELD_CHECK_S = 0.25  # between two looks whether a queue is still held back
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
        self._held_at: dict[str, float] = {}
        """When a queue was last seen to be held back, by its name."""

    async def send(self, dispatches: Sequence[Dispatch], to: KindSet) -> None:
        now = int(time() * 1000)
        queues = {queue: queue_name(queue, to) for queue in {d.queue for d in dispatches}}
        scores: dict[JobQueueName, dict[str, int]] = {queue: {} for queue in queues}
        async with self._time_limit(), self._redis.pipeline(transaction=False) as pipe:
            for dispatch in dispatches:
                message = message_id(dispatch.reference)
                pipe.psetex(job_key_prefix + message, EXPIRES_MS, _body(dispatch.reference, now))
                scores[dispatch.queue][message] = _score(now, dispatch.priority)
            for name, queue in queues.items():
                pipe.zadd(queue, scores[name], nx=True)
            for queue in queues.values():
                pipe.pexpire(queue, EXPIRES_MS)  # all workers with these kinds may have left
                pipe.publish(wake_channel(queue), b"")
                pipe.exists(behind_key(queue))
            answers = await pipe.execute()
        held = zip(reversed(queues.values()), answers[::-3], strict=False)
        self._held_at.update({queue: monotonic() for queue, is_held in held if is_held})

    async def offer(self, dispatches: Sequence[Dispatch], to: KindSet) -> None:
        queues = {dispatch.queue for dispatch in dispatches}
        held = {queue for queue in queues if await self._is_held(queue_name(queue, to))}
        if sent := [dispatch for dispatch in dispatches if dispatch.queue not in held]:
            await self.send(sent, to)

    async def hold_back(self, queues: Collection[JobQueueName], to: KindSet) -> None:
        async with self._time_limit(), self._redis.pipeline(transaction=False) as pipe:
            for queue in queues:
                pipe.setex(behind_key(queue_name(queue, to)), HOLD_S, b"")
            await pipe.execute()

    async def full_levels(
        self, to: KindSet, limits: Mapping[JobQueueName, int]
    ) -> Collection[QueueLevel]:
        levels = [(queue, priority) for queue in limits for priority in range(MAX_PRIORITY + 1)]
        now = int(time() * 1000)
        async with self._time_limit(), self._redis.pipeline(transaction=False) as pipe:
            for queue, priority in levels:
                pipe.zcount(queue_name(queue, to), "-inf", _score(now, priority))
            counts = await pipe.execute()
        ahead = zip(levels, counts, strict=True)
        return [level for level, count in ahead if count >= limits[level[0]]]

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

    async def _is_held(self, queue: str) -> bool:
        """Return whether older jobs wait; asks Redis only if they did when it last answered."""
        if queue not in self._held_at:
            return False
        if monotonic() - self._held_at[queue] >= HELD_CHECK_S:
            async with self._time_limit():
                is_held = await self._redis.exists(behind_key(queue))
            if not is_held:
                del self._held_at[queue]
                return False
            self._held_at[queue] = monotonic()
        return True

    @asynccontextmanager
    async def _time_limit(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable from error


def _body(reference: JobReference, now_ms: int) -> bytes:
    arguments = (str(reference.id), reference.epoch)
    return serialize_job(FUNCTION, arguments, {}, None, now_ms, serializer=pack)


def _score(now_ms: int, priority: int) -> int:
    return now_ms - SCORE_OFFSET_MS + priority * PRIORITY_STEP_MS
