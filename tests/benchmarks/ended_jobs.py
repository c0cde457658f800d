"""What many ended jobs cost those that are due: `python -m tests.benchmarks.ended_jobs`.

One embedded PostgreSQL gets `--rows` jobs that ended eight days ago, and some that are due. These
are marked and claimed one after the other: alone, while `--deleted` of the ended ones are deleted
in the batches of the worker one after the other, and while the table is vacuumed. Prints the
latencies of claims, and how long deleting and VACUUM took.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter

import uvloop

from jubilee.adapters.embedded.servers import EmbeddedServers
from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.jobs.due_jobs import PostgresDueJobs
from jubilee.adapters.postgres.jobs.store import PostgresJobStore
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.schema import upgrade
from jubilee.domain.jobs.bounded_dispatch import BATCH_SIZE
from tests.benchmarks.stack import print_lines

TIMEOUT_S = 3600
KEPT_DAYS = 7
CLAIMS = 1000  # while nothing else runs
ADD = """
    INSERT INTO jobs (id, kind, lane, data, priority, status, attempts, max_attempts, epoch, run_at,
        created_at, finished_at)
    SELECT CAST(lpad(to_hex(CAST($3 AS integer) + n), 32, '0') AS uuid), 'echo', 'system',
        '{"n": 1}', 5, $1, 0, 10, 0, now(), now(),
        CASE WHEN $1 = 'succeeded' THEN now() - interval '8 days' END
    FROM generate_series(1, CAST($2 AS integer)) AS n
"""
DUE = 200_000  # more than are claimed


async def _claim(pool: ConnectionPool) -> float:
    """Mark and claim a job; return the milliseconds."""
    began = perf_counter()
    [due] = await PostgresDueJobs(pool).mark_due(["echo"], limit=1)
    store = PostgresJobStore(pool, worker_id=new_id(), lease=3600, kinds=["echo"])
    assert await store.claim(due.reference) is not None
    return 1000 * (perf_counter() - began)


@asynccontextmanager
async def _claiming(pool: ConnectionPool) -> AsyncIterator[list[float]]:
    """Claim jobs within the block; the list has their milliseconds."""
    taken: list[float] = []

    async def claim() -> None:
        while True:
            taken.append(await _claim(pool))

    claims = asyncio.create_task(claim())
    try:
        yield taken
    finally:
        claims.cancel()
        with suppress(asyncio.CancelledError):
            await claims


async def _delete(pool: ConnectionPool, rows: int) -> None:
    for _ in range(0, rows, BATCH_SIZE):
        await PostgresDueJobs(pool).prune(days=KEPT_DAYS, limit=BATCH_SIZE)


async def _vacuum(pool: ConnectionPool) -> None:
    async with pool.connection() as driver:
        await driver.execute("VACUUM jobs", timeout=TIMEOUT_S)


async def _while(pool: ConnectionPool, name: str, work: Callable[[], Awaitable[None]]) -> str:
    """Claim jobs while the work is done; return a row of the table."""
    async with _claiming(pool) as taken:
        began = perf_counter()
        await work()
        seconds = perf_counter() - began
    return row(name, seconds, taken)


def row(name: str, seconds: float, taken: list[float]) -> str:
    """Format a row of the table."""
    p99 = quantiles(taken, n=100)[-1]
    return f"| {name} | {seconds:.1f} | {len(taken)} | {median(taken):.2f} | {p99:.2f} |"


async def measure(url: str, rows: int, deleted: int) -> None:
    """Fill, claim, delete and vacuum; print a row for each."""
    pool = ConnectionPool(url, size=3, timeout=TIMEOUT_S)
    async with pool.connection() as driver:
        await driver.execute(ADD, "succeeded", rows, 0, timeout=TIMEOUT_S)
        await driver.execute(ADD, "queued", DUE, rows, timeout=TIMEOUT_S)
        await driver.execute("VACUUM ANALYZE jobs", timeout=TIMEOUT_S)
    print_lines(["| | seconds | claims | p50 ms | p99 ms |", "|---|---|---|---|---|"])
    began = perf_counter()
    taken = [await _claim(pool) for _ in range(CLAIMS)]
    print_lines([row("nothing else", perf_counter() - began, taken)])
    print_lines([await _while(pool, f"{deleted} deleted", lambda: _delete(pool, deleted))])
    print_lines([await _while(pool, "vacuum", lambda: _vacuum(pool))])
    await pool.close()


def main() -> int:
    """Read the arguments, measure, and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="jobs that have ended")
    parser.add_argument("--deleted", type=int, default=1_000_000, help="of these, before VACUUM")
    chosen = parser.parse_args()
    with TemporaryDirectory() as folder:
        servers = EmbeddedServers(Path(folder), want_redis=False)
        servers.start()
        try:
            upgrade(servers.database_url or "")
            uvloop.run(measure(servers.database_url or "", chosen.rows, chosen.deleted))
        finally:
            servers.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
