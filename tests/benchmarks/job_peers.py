"""Other job queues beside Jubilee's workers, each as its documentation makes it fast."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import uniform
from tempfile import TemporaryDirectory
from time import time
from typing import Protocol

from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool, Redis

from tests.benchmarks.job_figures import Figures, drained, percentiles
from tests.benchmarks.peers import celery_worker, procrastinate_worker, saq_worker
from tests.benchmarks.peers.stamps import VARIABLE

WARM_UP = 1_000  # jobs
PAUSE_S = (0.05, 0.15)  # between two starts: the worker is idle by then
STARTED_TIMEOUT_S = 30


# Ports


class JobPeer(Protocol):
    """A job queue, and the module of `tests.benchmarks.peers` that runs its worker."""

    name: str
    module: str

    async def send(self, jobs: int) -> None:
        """Enqueue jobs that do nothing."""

    async def send_stamped(self) -> None:
        """Enqueue a job that says how long ago it was sent."""

    async def left(self) -> int:
        """Return a number that falls by one with each job that ends."""

    async def close(self) -> None:
        """Close all connections."""


class TunedArq(JobPeer):
    """ARQ alone: lost with Redis."""

    name, module = "tuned ARQ", "tuned_arq"

    def __init__(self, url: str) -> None:
        self._pool = ArqRedis(ConnectionPool.from_url(url), default_queue_name="bench")

    async def send(self, jobs: int) -> None:
        for _ in range(jobs):
            await self._pool.enqueue_job("nothing")

    async def send_stamped(self) -> None:
        await self._pool.enqueue_job("stamped", time())

    async def left(self) -> int:
        return int(await self._pool.zcard("bench"))

    async def close(self) -> None:
        await self._pool.aclose(close_connection_pool=True)


class Celery(JobPeer):
    """Celery over Redis: lost with Redis."""

    name, module = "Celery", "celery_worker"

    def __init__(self, url: str) -> None:
        self._app = celery_worker.make_app(url)
        self._redis = Redis.from_url(url)

    async def send(self, jobs: int) -> None:
        await asyncio.to_thread(self._send, jobs)

    def _send(self, jobs: int) -> None:
        for _ in range(jobs):
            self._app.send_task("nothing")

    async def send_stamped(self) -> None:
        self._app.send_task("stamped", (time(),))

    async def left(self) -> int:
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.llen("celery")
            pipe.hlen("unacked")
            return sum(await pipe.execute())

    async def close(self) -> None:
        self._app.close()
        await self._redis.aclose()


class Saq(JobPeer):
    """SAQ over Redis: lost with Redis."""

    name, module = "SAQ", "saq_worker"

    def __init__(self, url: str) -> None:
        self._queue = saq_worker.make_queue(url)

    async def send(self, jobs: int) -> None:
        for _ in range(jobs):
            await self._queue.enqueue("nothing", ttl=-1)

    async def send_stamped(self) -> None:
        await self._queue.enqueue("stamped", sent=time(), ttl=-1)

    async def left(self) -> int:
        return int(await self._queue.count("incomplete"))

    async def close(self) -> None:
        await self._queue.disconnect()


class Procrastinate(JobPeer):
    """Procrastinate over PostgreSQL: durable."""

    name, module = "Procrastinate, durable", "procrastinate_worker"

    def __init__(self, url: str) -> None:
        self._app = procrastinate_worker.make_app(url)
        self._is_open = False

    async def send(self, jobs: int) -> None:
        await self._open()
        await self._app.tasks["nothing"].batch_defer_async(*[{}] * jobs)

    async def send_stamped(self) -> None:
        await self._open()
        await self._app.tasks["stamped"].defer_async(sent=time())

    async def left(self) -> int:
        row = await self._app.connector.execute_query_one_async(
            "SELECT count(*) AS number FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
        )
        return int(row["number"])

    async def close(self) -> None:
        await self._app.close_async()

    async def _open(self) -> None:
        if not self._is_open:
            await self._app.open_async()
            await self._app.schema_manager.apply_schema_async()
            self._is_open = True


async def measure_peer(
    peer: JobPeer, url: str, servers: Mapping[str, int], *, jobs: int, starts: int
) -> Figures:
    """Measure the starts of an idle worker, and a worker with a backlog; on the same servers."""
    with TemporaryDirectory() as folder:
        stamps = Path(folder) / "stamps"
        worker = _start(peer, url, stamps)
        try:
            waits = await _starts(peer, stamps, starts)
        finally:
            _stop(worker)
        await peer.send(jobs + 2 * WARM_UP)
        worker = _start(peer, url, stamps)
        try:
            pids = {**servers, "worker": worker.pid}
            await drained(peer.left, WARM_UP, pids)
            found = await drained(peer.left, jobs, pids)
        finally:
            _stop(worker)
    await peer.close()
    return {**found, **percentiles(waits)}


async def _starts(peer: JobPeer, stamps: Path, count: int) -> Sequence[float]:
    """Send one job after another; return the milliseconds until each started."""
    for number in range(count + 1):
        await peer.send_stamped()
        async with asyncio.timeout(STARTED_TIMEOUT_S):
            while len(_lines(stamps)) <= number:  # noqa: ASYNC110  # a file has no event
                await asyncio.sleep(0.01)
        await asyncio.sleep(uniform(*PAUSE_S))
    return [float(line) for line in _lines(stamps)[1:]]  # the first waited for the worker's start


def _lines(path: Path) -> Sequence[str]:
    return path.read_text().splitlines() if path.exists() else ()


def _start(peer: JobPeer, url: str, stamps: Path) -> subprocess.Popen[bytes]:
    command = (sys.executable, "-m", f"tests.benchmarks.peers.{peer.module}", url)
    return subprocess.Popen(command, env={**os.environ, VARIABLE: str(stamps)})


def _stop(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()
    worker.wait(30)
