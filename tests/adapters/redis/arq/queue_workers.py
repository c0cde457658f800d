"""Workers of one queue on a real Redis, and the jobs that they run."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from time import monotonic

import pytest
from arq.connections import ArqRedis

from jubilee.adapters.ids import new_id
from jubilee.adapters.redis import connections
from jubilee.adapters.redis.arq.dispatcher import ArqJobDispatcher
from jubilee.adapters.redis.arq.messages import queue_name
from jubilee.adapters.redis.arq.pool import arq_pool
from jubilee.adapters.redis.arq.queue_worker import ArqQueueWorker, QueueOptions
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.kinds import JobQueueName, KindSet
from jubilee.domain.jobs.runner import Outcome
from jubilee.domain.jobs.store import Dispatch, JobReference

JOB_QUEUE = JobQueueName.USER
KNOWN = KindSet(frozenset({"echo"}))
QUEUE = queue_name(JOB_QUEUE, KNOWN)


def dispatches(number: int, priority: int = 5) -> list[Dispatch]:
    return [Dispatch(JobReference(new_id(), 0), JOB_QUEUE, priority, "echo") for _ in range(number)]


def references(jobs: Sequence[Dispatch]) -> list[JobReference]:
    """Return the references of dispatched jobs."""
    return [job.reference for job in jobs]


class Runs:
    """Record the jobs that run; each waits for `gate` before it ends."""

    def __init__(self) -> None:
        self.started: list[JobReference] = []
        self.at: dict[JobReference, float] = {}
        self.ended: list[JobReference] = []
        self.max_running = 0
        self.outcome = Outcome.SUCCEEDED
        self.gate = asyncio.Event()
        self.gate.set()
        self.database = asyncio.Event()
        """Set while claims are answered."""
        self.database.set()

    async def __call__(self, reference: JobReference, on_claim: Callable[[], None]) -> Outcome:
        self.started.append(reference)
        self.at[reference] = monotonic()
        self.max_running = max(self.max_running, len(self.started) - len(self.ended))
        await self.database.wait()
        if self.outcome is not Outcome.UNCLAIMED:
            on_claim()
        await self.gate.wait()
        self.ended.append(reference)
        return self.outcome

    async def until(self, number: int, seconds: float = 10) -> None:
        """Wait until this many jobs have ended."""
        await eventually(lambda: len(self.ended) >= number, seconds)


class QueueSite:
    """Workers and a dispatcher on one Redis."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.runs = Runs()
        self.pool: ArqRedis = arq_pool(url)
        self.dispatcher = ArqJobDispatcher(url, timeout=30)
        self.database_answers = True
        """Whether PostgreSQL answers a ping."""
        self.outage: type[Exception] = Unavailable
        """What a ping raises if it does not."""
        self.pings = 0
        self.refill = asyncio.Event()
        """Set when a worker asks for more messages."""
        self.workers: list[ArqQueueWorker] = []
        self._mains: list[asyncio.Task[None]] = []

    async def ping(self) -> None:
        self.pings += 1
        if not self.database_answers:
            raise self.outage

    async def send(self, dispatches: Sequence[Dispatch]) -> None:
        """Send to the workers' queue."""
        await self.dispatcher.send(dispatches, KNOWN)

    def start(self, slots: int = 5, runs: "Runs | None" = None) -> ArqQueueWorker:
        """Start a worker that runs jobs by `runs`, by default those of the site."""
        worker = self.build(slots, runs or self.runs)
        self._mains.append(asyncio.create_task(worker.main()))
        return worker

    def build(self, slots: int, runs: "Runs") -> ArqQueueWorker:
        """Create a worker without starting it."""
        options = QueueOptions(
            pool=self.pool,
            ping_database=self.ping,
            refill=self.refill.set,
            read_limit=500,
        )
        worker = ArqQueueWorker(QUEUE, slots, runs, options)
        self.workers.append(worker)
        return worker

    async def queued(self) -> int:
        """Return the number of messages in the queue."""
        return int(await self.pool.zcard(QUEUE))

    async def until_empty(self, seconds: float = 10) -> None:
        """Wait until Redis has no key of any message; raise TimeoutError."""
        async with asyncio.timeout(seconds):
            while [key for key in await self.pool.keys() if b"health" not in key]:  # noqa: ASYNC110  # Redis has no event
                await asyncio.sleep(0.005)

    async def close(self) -> None:
        """Stop all workers, and cancel those that hang."""
        self.runs.gate.set()
        for worker in self.workers:
            worker.stop()
        _, late = await asyncio.wait(self._mains, timeout=3) if self._mains else (None, ())
        for main in late:
            main.cancel()
        for worker in self.workers:
            await worker.finished()
        await asyncio.sleep(0)
        await self.dispatcher.close()
        await self.pool.aclose(close_connection_pool=True)


@asynccontextmanager
async def open_site(url: str) -> AsyncIterator[QueueSite]:
    """An empty queue, whose workers give Redis the time that it needs on a busy machine."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(connections, "SOCKET_TIMEOUT_S", 30)
        patched.setattr(connections, "CONNECT_TIMEOUT_S", 30)
        site = QueueSite(url)
    await site.pool.flushall()
    yield site
    await site.close()


async def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Poll until the condition holds; raise TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # the condition has no event
            await asyncio.sleep(0.005)
