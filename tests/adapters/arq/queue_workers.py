"""A lane's worker on a real Redis, and what it was given to run."""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

from arq.connections import ArqRedis

from jubilee.adapters.ids import new_id
from jubilee.adapters.redis.arq.dispatcher import ArqJobDispatcher
from jubilee.adapters.redis.arq.messages import queue_name
from jubilee.adapters.redis.arq.pool import arq_pool
from jubilee.adapters.redis.arq.queue_worker import ArqQueueWorker, QueueOptions
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.kinds import JobQueueName, KindSet
from jubilee.domain.jobs.runner import Outcome
from jubilee.domain.jobs.store import Dispatch, JobReference

LANE = JobQueueName.USER
KNOWN = KindSet(frozenset({"echo"}))
QUEUE = queue_name(LANE, KNOWN)


def dispatches(number: int, priority: int = 5) -> list[Dispatch]:
    return [Dispatch(JobReference(new_id(), 0), LANE, priority, "echo") for _ in range(number)]


class Runs:
    """What was started, when, and how many ran at a time; each holds on until it may go on."""

    def __init__(self) -> None:
        self.started: list[JobReference] = []
        self.at: dict[JobReference, float] = {}
        self.ended: list[JobReference] = []
        self.most = 0
        self.outcome = Outcome.SUCCEEDED
        self.gate = asyncio.Event()
        self.gate.set()
        self.database = asyncio.Event()
        """Whether claims are answered."""
        self.database.set()

    async def __call__(self, reference: JobReference, on_claim: Callable[[], None]) -> Outcome:
        self.started.append(reference)
        self.at[reference] = monotonic()
        self.most = max(self.most, len(self.started) - len(self.ended))
        await self.database.wait()
        if self.outcome is not Outcome.UNCLAIMED:
            on_claim()
        await self.gate.wait()
        self.ended.append(reference)
        return self.outcome

    async def until(self, number: int, seconds: float = 10) -> None:
        """So many have ended."""
        await eventually(lambda: len(self.ended) >= number, seconds)


class Site:
    """Workers and a courier, all on one Redis."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.runs = Runs()
        self.pool: ArqRedis = arq_pool(url)
        self.dispatcher = ArqJobDispatcher(url, timeout=5)
        self.reached = True
        """Whether PostgreSQL answers a ping."""
        self.pings = 0
        self.workers: list[ArqQueueWorker] = []
        self._mains: list[asyncio.Task[None]] = []

    async def ping(self) -> None:
        self.pings += 1
        if not self.reached:
            raise Unavailable

    async def send(self, dispatches: Sequence[Dispatch]) -> None:
        """To the workers' queue."""
        await self.dispatcher.send(dispatches, KNOWN)

    def start(self, slots: int = 5, runs: "Runs | None" = None) -> ArqQueueWorker:
        """One more worker, which runs what is given to it in its own way or as all do."""
        worker = self.build(slots, runs or self.runs)
        self._mains.append(asyncio.create_task(worker.main()))
        return worker

    def build(self, slots: int, runs: "Runs") -> ArqQueueWorker:
        """One that its process has to start."""
        options = QueueOptions(
            pool=self.pool, ping_database=self.ping, job_timeout=60, read_limit=500
        )
        worker = ArqQueueWorker(QUEUE, slots, runs, options)
        self.workers.append(worker)
        return worker

    async def queued(self) -> int:
        """How many are left in Redis."""
        return int(await self.pool.zcard(QUEUE))

    async def close(self) -> None:
        """End all workers, the ones that hang too."""
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


async def eventually(true: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for it; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110  # what it looks at has no event
            await asyncio.sleep(0.005)
