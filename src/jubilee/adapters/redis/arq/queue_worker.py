"""ARQ's worker for one queue, changed so that wake-ups start it and no outage ends it.

Overrides private methods of `arq.worker.Worker`: tests/adapters/redis/arq/test_arq.py fails when
they change.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix
from arq.jobs import deserialize_job_raw
from arq.worker import Worker, func

from jubilee.adapters.redis.arq.messages import FUNCTION, unpack, wake_channel
from jubilee.adapters.redis.arq.taken_messages import TakenMessages
from jubilee.adapters.redis.arq.wakeups import Wakeups
from jubilee.adapters.redis.failures import redis_failure
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.runner import Outcome
from jubilee.domain.jobs.store import JobReference

POLL_INTERVAL_S = 0.5  # without a wake-up; ARQ's own interval
MAX_PAUSE_S = 1.0  # between two tries while Redis or PostgreSQL is away
CLEANUP_TIMEOUT_S = 1.0  # for Redis to accept the ends of jobs; its keys expire in any case
IN_PROGRESS_TTL_S = 1.0  # other workers leave a message alone for so long after it was taken
TAKE_BATCH = 10  # messages in one round trip; between two, unanswered claims are looked for
REFILL_BELOW = 2  # messages for each slot: more are dispatched before the last one is taken
HEALTH_INTERVAL_S = 60  # between two writes of ARQ's health-check key

logger = logging.getLogger(__name__)

RunJob = Callable[[JobReference, Callable[[], None]], Awaitable[Outcome]]
"""Runs a job, and calls the second argument once its claim has succeeded."""

PingDatabase = Callable[[], Awaitable[None]]
"""Returns if PostgreSQL answers; raises an error if it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOptions:
    """What the queue workers of a process share.

    `read_limit` is the number of messages that one poll reads at most; `refill` is called when few
    are left.
    """

    pool: ArqRedis
    ping_database: PingDatabase
    refill: Callable[[], None]
    read_limit: int


class ArqQueueWorker(Worker):
    """Takes jobs from one queue until it is stopped.

    A message is marked as in progress for `IN_PROGRESS_TTL_S` and stays in the queue until its job
    is claimed. If the claim has no answer by then, another worker tries; the epoch in the message
    ensures that only one of them gets the job.
    """

    def __init__(self, queue: str, slots: int, run_job: RunJob, options: QueueOptions) -> None:
        """`slots` is the number of jobs that run at the same time."""

        async def run_dispatched(ctx: dict[Any, Any], job_id: str, epoch: int) -> None:
            await self._run_dispatched(run_job, ctx["job_id"], JobReference(UUID(job_id), epoch))

        super().__init__(
            functions=[func(run_dispatched, name=FUNCTION)],
            queue_name=queue,
            redis_pool=options.pool,
            handle_signals=False,
            max_jobs=slots,
            poll_delay=POLL_INTERVAL_S,
            queue_read_limit=options.read_limit,
            health_check_interval=HEALTH_INTERVAL_S,
        )
        # Claims in PostgreSQL exclude other workers; a long mark would only delay unclaimed jobs.
        self.in_progress_timeout_s = IN_PROGRESS_TTL_S
        self._wakeups = Wakeups(options.pool, wake_channel(queue))
        self._messages = TakenMessages()
        self._stopping = False
        self._ping_database = options.ping_database
        self._refill = options.refill
        self._pause_s = POLL_INTERVAL_S
        self._reconnecting: asyncio.Task[None] | None = None

    async def main(self) -> None:
        """Poll when woken, and at intervals, until stopped; errors of Redis are logged."""
        pause = POLL_INTERVAL_S
        listening = asyncio.create_task(self._wakeups.listen())
        try:
            while not self._stopping:
                try:
                    await self._poll_iteration()
                    pause = POLL_INTERVAL_S
                except Exception as error:  # Redis is away, or answers with an error
                    self._warn("Redis does not answer", cause=redis_failure(error), again_in=pause)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, MAX_PAUSE_S)
                await self._wakeups.wait(POLL_INTERVAL_S)
        finally:
            listening.cancel()

    def stop(self) -> None:
        """Take no more jobs."""
        self._stopping = True
        self.allow_pick_jobs = False
        if self._reconnecting is not None:
            self._reconnecting.cancel()
        self._wakeups.wake()

    async def finished(self) -> None:
        """Wait until all taken jobs have ended, and shortly for Redis to accept that."""
        while running := [task for task in self.tasks.values() if not task.done()]:
            await asyncio.wait(running)
        with suppress(Exception):  # its keys expire in any case
            async with asyncio.timeout(CLEANUP_TIMEOUT_S):
                await self._report_messages()

    @property
    def running_jobs(self) -> int:
        """The number of messages whose jobs are being claimed or run."""
        return len(self.tasks)

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Start those that no worker has taken.

        Messages of jobs that run here are still in the queue; ARQ would ask about each of them, and
        take each by three round trips of its own. Of many, one command finds those that are free;
        of a few, they are found by being taken, which saves an idle worker the round trip.
        """
        if len(job_ids) < REFILL_BELOW * self.max_jobs:
            self._refill()
        free = [message for i in job_ids if (message := i.decode()) not in self.tasks]
        if len(free) > TAKE_BATCH:
            marks = await self.pool.mget([in_progress_key_prefix + message for message in free])
            free = [message for message, mark in zip(free, marks, strict=True) if mark is None]
        while free and self._has_room():
            taken = free[: min(TAKE_BATCH, self.max_jobs - self.job_counter)]
            await self._take(taken)
            del free[: len(taken)]

    async def _poll_iteration(self) -> None:
        await self._report_messages()
        await super()._poll_iteration()

    async def _report_messages(self) -> None:
        """Remove the messages of claimed jobs, and offer those of unclaimed ones to all workers.

        One round trip for all of them.
        """
        removable, returned = self._messages.removable, self._messages.returned
        if not removable and not returned:
            return
        async with self.pool.pipeline(transaction=False) as pipe:
            if removable:
                pipe.zrem(self.queue_name, *removable)
                pipe.delete(*(job_key_prefix + message for message in removable))
            pipe.delete(*(in_progress_key_prefix + m for m in (*removable, *returned)))
            if returned:
                pipe.publish(self._wakeups.channel, b"")
            await pipe.execute()
        self._messages.reported([*removable, *returned])

    def _has_room(self) -> bool:
        has_slot = self.allow_pick_jobs and self.job_counter < self.max_jobs
        return has_slot and not self._messages.claims_are_stuck

    async def _run(self, message: str, body: bytes) -> None:
        """Run the job of a message; log what cannot be run.

        In place of ARQ's `run_job`, which has a transaction at the start of each job and another at
        its end: to count its tries, to limit its time and to keep its result. PostgreSQL and the
        runner do that.
        """
        self._messages.taken(message)
        try:
            function, arguments, *_ = deserialize_job_raw(body, deserializer=unpack)
            await self.functions[function].coroutine({"job_id": message}, *arguments)
        except Exception as error:
            self._warn("a job is left to the relay", cause=redis_failure(error), job=message)
        self._messages.unneeded(message)

    async def _run_dispatched(self, run_job: RunJob, message: str, reference: JobReference) -> None:
        if self._stopping:
            self._messages.give_back(message)
            return
        outcome = await run_job(reference, lambda: self._claimed(message))
        if outcome is Outcome.UNCLAIMED:
            self._messages.give_back(message)
        if outcome in {Outcome.UNCLAIMED, Outcome.UNKNOWN}:
            self._pause()

    def _claimed(self, message: str) -> None:
        self._messages.unneeded(message)
        self._pause_s = POLL_INTERVAL_S

    def _pause(self) -> None:
        """Take no messages until PostgreSQL answers: they would only be delayed here."""
        if self._stopping or not self.allow_pick_jobs:
            return
        self._warn("PostgreSQL does not answer", again_in=self._pause_s)
        self.allow_pick_jobs = False
        self._reconnecting = asyncio.create_task(self._reach_database())

    async def _reach_database(self) -> None:
        """Ping until PostgreSQL answers.

        The pause is reset only by a claim: it grows even if pings succeed and claims fail.
        """
        while not self.allow_pick_jobs:
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(self._pause_s * 2, MAX_PAUSE_S)
            self.allow_pick_jobs = await self._database_answers()
        self._wakeups.wake()

    async def _database_answers(self) -> bool:
        try:
            await self._ping_database()
        except Unavailable:
            return False
        except Exception:  # else no ping would follow, and no job be taken again
            logger.exception("PostgreSQL cannot be asked", extra={"queue": self.queue_name})
            return False
        return True

    async def _take(self, messages: list[str]) -> None:
        """Mark messages as in progress and read them in one round trip; run those that were free.

        A message that another worker has removed in the meantime has no score any more.
        """
        marks = [in_progress_key_prefix + message for message in messages]
        async with self.pool.pipeline(transaction=False) as pipe:
            for mark in marks:
                pipe.set(mark, b"1", px=int(self.in_progress_timeout_s * 1000), nx=True)
            pipe.mget([job_key_prefix + message for message in messages])
            pipe.zmscore(self.queue_name, messages)
            *marked, bodies, scores = await pipe.execute()
        removed = []
        for index, message in enumerate(messages):
            if marked[index] and scores[index] is None:
                removed.append(marks[index])
            elif marked[index]:
                await self._start(message, bodies[index])
        if removed:
            await self.pool.delete(*removed)

    async def _start(self, message: str, body: bytes) -> None:
        await self.sem.acquire()  # at once: there is a free slot
        self.job_counter += 1
        self.tasks[message] = task = asyncio.create_task(self._run(message, body))
        task.add_done_callback(lambda _: self._release_sem_dec_counter_on_complete())

    def _release_sem_dec_counter_on_complete(self) -> None:
        super()._release_sem_dec_counter_on_complete()
        self._wakeups.wake()

    def _warn(self, event: str, **fields: object) -> None:
        logger.warning(event, extra={"queue": self.queue_name, **fields})
