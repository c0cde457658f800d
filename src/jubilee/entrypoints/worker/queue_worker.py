"""ARQ's worker for one lane: it hears when there is work, and no outage ends it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix
from arq.worker import Worker, func
from redis.asyncio.client import PubSub

from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.runner import Outcome
from jubilee.domain.jobs.store import JobReference
from jubilee.entrypoints.worker.taken_messages import TakenMessages

POLL_INTERVAL_S = 0.5  # seconds without a wake-up; ARQ's own pace
YIELD_S = 0.002  # seconds in which wake-ups gather: one look at the queue serves them all
MAX_PAUSE_S = 1.0  # seconds after Redis or PostgreSQL failed
CLEANUP_TIMEOUT_S = (
    1.0  # seconds in which Redis may hear how jobs ended; if not, their marks end anyway
)
QUIET = 10.0  # seconds without a wake-up until we ask whether anybody is there
TAKEN = 1.0  # seconds for which a message that a worker has taken is left alone by the others
MAX_TRIES = 1_000_000  # ARQ's count, of messages that came back; PostgreSQL counts the attempts
HEALTH_INTERVAL_S = 60

logger = logging.getLogger(__name__)

Run = Callable[[JobReference, Callable[[], None]], Awaitable[Outcome]]
"""Runs a job, and calls the second argument once its claim has succeeded."""

Ping = Callable[[], Awaitable[None]]
"""Asks PostgreSQL for an answer; raises Unavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOptions:
    """What the lanes of a process share: `timeout` seconds is longer than any job takes."""

    pool: ArqRedis
    ping: Ping
    unpack: Callable[[bytes], Mapping[str, object]]
    timeout: float
    read_limit: int


class ArqQueueWorker(Worker):
    """Takes jobs from one queue until it is told to stop.

    A message is taken for `TAKEN` seconds, and stays in the queue until its job is claimed: where
    the claim has no answer by then, another worker tries, and the epoch lets one of them have it.
    """

    def __init__(
        self, queue: str, channel: str, slots: int, run: Run, options: QueueOptions
    ) -> None:
        """`slots` jobs at a time; `channel` is where wake-ups are heard."""

        async def run_dispatched(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG001  # ARQ's shape
            job_id, epoch = args
            await self._run_dispatched(run, ctx["job_id"], JobReference(UUID(job_id), epoch))

        super().__init__(
            functions=[func(run_dispatched, name="run", keep_result=0, max_tries=MAX_TRIES)],
            queue_name=queue,
            redis_pool=options.pool,
            handle_signals=False,
            max_jobs=slots,
            job_timeout=options.timeout,
            keep_result=0,
            poll_delay=POLL_INTERVAL_S,
            queue_read_limit=options.read_limit,
            health_check_interval=HEALTH_INTERVAL_S,
            retry_jobs=False,
            job_deserializer=options.unpack,  # type: ignore[arg-type]  # a dict is all ARQ needs
            log_results=False,
        )
        # The claim is what keeps others away; ARQ's mark would hold up what was never claimed.
        self.in_progress_timeout_s = TAKEN
        self._channel = channel
        self._awake = asyncio.Event()
        self._runs: set[asyncio.Task[Any]] = set()
        self._messages = TakenMessages()
        self._stopping = False
        self._ping = options.ping
        self._pause_s = POLL_INTERVAL_S
        self._until_reached: asyncio.Task[None] | None = None

    async def main(self) -> None:
        """Poll, sleep until woken, and again; whatever Redis does."""
        rest = POLL_INTERVAL_S
        listening = asyncio.create_task(self._listen())
        try:
            while not self._stopping:
                try:
                    await self._poll_iteration()
                    rest = POLL_INTERVAL_S
                except Exception as error:  # Redis is away, or says what nobody expects
                    self._warn("Redis does not answer", error=_said(error), again_in=rest)
                    await asyncio.sleep(rest)
                    rest = min(rest * 2, MAX_PAUSE_S)
                await self._wait_for_wakeup()
        finally:
            listening.cancel()

    def stop(self) -> None:
        """Take no more jobs."""
        self._stopping = True
        self.allow_pick_jobs = False
        if self._until_reached is not None:
            self._until_reached.cancel()
        self._awake.set()

    async def finished(self) -> None:
        """Wait until all that it has taken has ended; Redis hears of it, where it listens."""
        while self._runs:
            await asyncio.wait(self._runs)
        if self.tasks:
            await asyncio.wait(self.tasks.values(), timeout=CLEANUP_TIMEOUT_S)

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """A running job stays in the queue: asking Redis about each of them would cost the most."""
        others = [i for i in job_ids if i.decode() not in self.tasks]
        if not others:
            return
        taken = await self.pool.mget([in_progress_key_prefix + i.decode() for i in others])
        for job_id, mark in zip(others, taken, strict=True):
            if not self._has_room():
                return
            if mark is None:
                await self._start(job_id)

    async def run_job(self, job_id: str, score: int) -> None:
        """ARQ ends its worker by what this raises."""
        try:
            await super().run_job(job_id, score)
        except Exception as error:
            self._warn("a job is left to the relay", error=_said(error), job=job_id)

    async def finish_job(self, job_id: str, finish: bool, *rest: Any) -> None:  # noqa: ANN401  # ARQ's shape
        """Take it out of Redis; if its job could not be claimed, leave it to another worker."""
        if not self._messages.ended(job_id):
            await super().finish_job(job_id, finish, *rest)
            return
        await super().finish_job(job_id, False, None, None, False, None, None)
        await self.pool.publish(self._channel, b"")

    async def _poll_iteration(self) -> None:
        claimed = self._messages.removable()
        if claimed:
            await self.pool.zrem(self.queue_name, *claimed)
            self._messages.removed(claimed)
        await super()._poll_iteration()

    def _has_room(self) -> bool:
        has_slot = self.allow_pick_jobs and self.job_counter < self.max_jobs
        return has_slot and not self._messages.is_unanswered

    def _claimed(self, name: str) -> None:
        self._messages.claimed(name)
        self._pause_s = POLL_INTERVAL_S

    async def _run_dispatched(self, run: Run, name: str, reference: JobReference) -> None:
        if self._stopping:
            self._messages.give_back(name)
            return
        self._messages.taken(name)
        outcome = await self._follow(run(reference, lambda: self._claimed(name)))
        if outcome is Outcome.UNCLAIMED:
            self._messages.give_back(name)
        if outcome in {Outcome.UNCLAIMED, Outcome.UNKNOWN}:
            self._pause()

    async def _follow(self, run: Awaitable[Outcome]) -> Outcome:
        task = asyncio.current_task()
        assert task is not None
        self._runs.add(task)
        try:
            return await run
        finally:
            self._runs.discard(task)

    def _pause(self) -> None:
        """Take nothing until PostgreSQL answers: what is taken before that is only held up."""
        if self._stopping or not self.allow_pick_jobs:
            return
        self._warn("PostgreSQL does not answer", again_in=self._pause_s)
        self.allow_pick_jobs = False
        self._until_reached = asyncio.create_task(self._reach_database())

    async def _reach_database(self) -> None:
        """Ask again and again; ever less often where it answers, and claims fail nevertheless."""
        while not self.allow_pick_jobs:
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(self._pause_s * 2, MAX_PAUSE_S)
            with suppress(Unavailable):
                await self._ping()
                self.allow_pick_jobs = True
        self._awake.set()

    async def _start(self, job_id: bytes) -> None:
        try:
            await super().start_jobs([job_id])
        except Exception:
            # ARQ takes a slot before it asks Redis, and forgets it where Redis fails.
            if job_id.decode() not in self.tasks:
                super()._release_sem_dec_counter_on_complete()
            raise

    async def _wait_for_wakeup(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_INTERVAL_S):
                await self._awake.wait()
            await asyncio.sleep(YIELD_S)
        self._awake.clear()

    async def _listen(self) -> None:
        while True:
            try:
                async with self.pool.pubsub() as subscription:
                    await subscription.subscribe(self._channel)
                    self._awake.set()
                    await self._receive(subscription)
            except Exception:  # Redis is away: polling says so already
                await asyncio.sleep(MAX_PAUSE_S)

    async def _receive(self, subscription: PubSub) -> None:
        """Until it fails; a connection that is only half there looks like one without news."""
        while True:
            if await subscription.get_message(timeout=QUIET) is None:
                await subscription.ping()
                if await subscription.get_message(timeout=QUIET) is None:
                    raise TimeoutError
            self._awake.set()

    def _release_sem_dec_counter_on_complete(self) -> None:
        super()._release_sem_dec_counter_on_complete()
        self._awake.set()

    def _warn(self, event: str, **fields: object) -> None:
        logger.warning(event, extra={"queue": self.queue_name, **fields})


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
