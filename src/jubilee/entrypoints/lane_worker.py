"""ARQ's worker for one lane: it hears when there is work, and no outage ends it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from arq.connections import ArqRedis
from arq.worker import Worker, func

from jubilee.domain.jobs.claims import Reference

POLL = 0.5  # seconds without a wake-up; ARQ's own pace
BREATH = 0.002  # seconds in which wake-ups gather: one look at the queue serves them all
LONGEST_REST = 2.0  # seconds after Redis failed
HEALTH_INTERVAL = 60

logger = logging.getLogger(__name__)

Run = Callable[[Reference], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """What the lanes of a process share: `timeout` seconds is longer than any job takes."""

    pool: ArqRedis
    unpack: Callable[[bytes], Mapping[str, object]]
    timeout: float
    read_limit: int


class LaneWorker(Worker):
    """Takes jobs from one queue until it is told to stop."""

    def __init__(self, queue: str, channel: str, slots: int, run: Run, lanes: Lanes) -> None:
        """`slots` jobs at a time; `channel` is where wake-ups are heard."""

        async def run_job(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG001  # ARQ's shape
            job_id, epoch = args
            await run(Reference(UUID(job_id), epoch))

        super().__init__(
            functions=[func(run_job, name="run", keep_result=0, max_tries=1)],
            queue_name=queue,
            redis_pool=lanes.pool,
            handle_signals=False,
            max_jobs=slots,
            job_timeout=lanes.timeout,
            keep_result=0,
            poll_delay=POLL,
            queue_read_limit=lanes.read_limit,
            health_check_interval=HEALTH_INTERVAL,
            retry_jobs=False,
            job_deserializer=lanes.unpack,  # type: ignore[arg-type]  # a dict is all ARQ needs
            log_results=False,
        )
        self._channel = channel
        self._awake = asyncio.Event()
        self._stopping = False

    async def main(self) -> None:
        """Poll, sleep until woken, and again; whatever Redis does."""
        rest = POLL
        listening = asyncio.create_task(self._listen())
        while not self._stopping:
            try:
                await self._poll_iteration()
                rest = POLL
            except Exception as error:  # a failed job's or Redis': the loop goes on
                logger.warning("%s: %s; going on in %.1f s", self.queue_name, error, rest)
                await asyncio.sleep(rest)
                rest = min(rest * 2, LONGEST_REST)
            await self._nap()
        listening.cancel()

    def stop(self) -> None:
        """Take no more jobs."""
        self._stopping = True
        self.allow_pick_jobs = False
        self._awake.set()

    async def finished(self) -> None:
        """Wait until all that it has taken has ended."""
        running = [task for task in self.tasks.values() if not task.done()]
        if running:
            await asyncio.wait(running)

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """A running job stays in the queue: asking Redis about each of ours would cost the most."""
        await super().start_jobs([i for i in job_ids if i.decode() not in self.tasks])

    async def _nap(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL):
                await self._awake.wait()
            await asyncio.sleep(BREATH)
        self._awake.clear()

    async def _listen(self) -> None:
        while True:
            try:
                async with self.pool.pubsub() as subscription:
                    await subscription.subscribe(self._channel)
                    self._awake.set()
                    async for _ in subscription.listen():
                        self._awake.set()
            except Exception:  # Redis is away: polling says so already
                await asyncio.sleep(LONGEST_REST)

    def _release_sem_dec_counter_on_complete(self) -> None:
        super()._release_sem_dec_counter_on_complete()
        self._awake.set()
