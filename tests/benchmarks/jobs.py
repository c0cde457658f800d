"""What a job costs a worker, and how soon it starts: `python -m tests.benchmarks.jobs`.

One worker of Jubilee as in production, on embedded servers, runs durable jobs that do nothing: they
are claimed and ended in PostgreSQL. Other job queues run as many on the same servers, one after the
other. CPU is that of the worker and of the servers for each job, which other load of the machine
hardly moves; rates and latencies need a machine without it. The rate follows from the time that the
disk takes for a commit, which is measured beside it (`sync_ms`).
"""

import argparse
import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import uniform
from typing import Any

import asyncpg
import httpx2
import uvloop

from jubilee.adapters.postgres.statement import Driver
from tests.benchmarks.interleaved import cpu_s
from tests.benchmarks.job_figures import Figures, drained, percentiles
from tests.benchmarks.job_peers import Celery, Procrastinate, Saq, TunedArq, measure_peer
from tests.benchmarks.stack import pids_by_name, print_lines, stack
from tests.support.api import bearer, sign_up
from tests.support.running import Up

WARM_UP = 1_000  # jobs
COUNTED_AFTER_S = 1.5  # PostgreSQL's statistics are that old at most
LOOK_S = 0.005  # more often, looking would take the CPU of what is measured
PAUSE_S = (0.05, 0.15)  # between two starts: the worker is idle by then
TASK = {"kind": "echo", "data": {}}
ADD = """
    INSERT INTO jobs (id, kind, lane, data, priority, status, attempts, max_attempts, epoch,
        run_at, created_at)
    SELECT gen_random_uuid(), 'echo', 'user', '{}', 5, 'queued', 0, 10, 0, now(), now()
    FROM generate_series(1, CAST($1 AS integer))
"""
ENDED = "SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL"
BY_INDEX = "SET enable_seqscan = off"  # or counting would cost more than what is measured
SETTLE = ("VACUUM ANALYZE jobs", "CHECKPOINT", "SELECT pg_stat_force_next_flush()")
TIME_SYNCS = ("ALTER SYSTEM SET track_wal_io_timing = on", "SELECT pg_reload_conf()")
SYNCS = """
    SELECT CAST(sum(fsyncs) AS integer) AS number, sum(fsync_time) AS ms
    FROM pg_stat_io WHERE object = 'wal'
"""
LEAVE_ENDED = "DELETE FROM jobs WHERE status = 'queued'"
UPDATES = "SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'jobs'"
STARTED = """
    SELECT CAST(1000 * extract(epoch FROM started_at - created_at) AS float) AS ms
    FROM jobs WHERE id = CAST($1 AS uuid) AND finished_at IS NOT NULL
"""
ENQUEUE = "SELECT jubilee.enqueue('echo')"


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a process for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def durable(driver: Driver, pids: Mapping[str, int], *, backlog: int, jobs: int) -> Figures:
    """Insert a backlog at once, and measure until the first jobs of it have ended.

    The worker continues once PostgreSQL is done with the insert: else its first look reads rows
    that are not committed, and its commits wait for new files of the write-ahead log.
    """

    async def left() -> int:
        return -int(await driver.fetchval(ENDED))

    await driver.execute("TRUNCATE jobs CASCADE")
    with frozen(pids["worker"]):
        await driver.execute(ADD, backlog)
        for statement in SETTLE:
            await driver.execute(statement)
    updates, syncs = await driver.fetchval(UPDATES), await driver.fetchrow(SYNCS)
    found = await drained(left, jobs, pids)
    await driver.execute(LEAVE_ENDED)
    await asyncio.sleep(COUNTED_AFTER_S)
    changed, later = await driver.fetchval(UPDATES) - updates, await driver.fetchrow(SYNCS)
    assert syncs is not None
    assert later is not None
    sync_ms = (later["ms"] - syncs["ms"]) / max(later["number"] - syncs["number"], 1)
    return {**found, "row_updates": changed / -await left(), "sync_ms": sync_ms}


async def starts(driver: Driver, add: Callable[[], Awaitable[str]], count: int) -> Figures:
    """Add one job after another to the idle worker; return the time to their claims."""
    waits: list[float] = []
    while len(waits) < count:
        await asyncio.sleep(uniform(*PAUSE_S))  # no secret depends on it
        job_id, waited = await add(), None
        while waited is None:
            await asyncio.sleep(LOOK_S)
            waited = await driver.fetchval(STARTED, job_id)
        waits.append(waited)
    return percentiles(waits)


async def idle(worker: int, seconds: float) -> Figures:
    """Measure the worker while there is no job."""
    cpu = cpu_s(worker)
    await asyncio.sleep(seconds)
    return {"percent_of_a_core": 100 * (cpu_s(worker) - cpu) / seconds}


async def measure(up: Up, options: argparse.Namespace) -> dict[str, Figures]:
    """Return all figures by name."""
    pids, url = pids_by_name(up), up.run.database_url
    assert url is not None
    driver: Driver = await asyncpg.connect(url)
    for statement in (BY_INDEX, *TIME_SYNCS):
        await driver.execute(statement)
    with httpx2.Client(base_url=f"http://127.0.0.1:{up.port}", timeout=10) as client:
        headers: Any = bearer(sign_up(client, "ada"))

        async def by_api() -> str:
            return str(client.post("/tasks", json=TASK, headers=headers).json()["id"])

        async def by_sql() -> str:
            return str(await driver.fetchval(ENQUEUE))

        found = {
            "start, by API": await starts(driver, by_api, options.starts),
            "start, by SQL": await starts(driver, by_sql, options.starts),
        }
    found["idle"] = await idle(pids["worker"], options.idle)
    await durable(driver, pids, backlog=WARM_UP, jobs=WARM_UP)
    for backlog in options.backlogs:
        jobs = min(options.jobs, backlog)
        found[f"{backlog} due"] = await durable(driver, pids, backlog=backlog, jobs=jobs)
    await driver.close()
    return found


async def measure_peers(up: Up, options: argparse.Namespace) -> dict[str, Figures]:
    """Return the figures of the other job queues."""
    url, redis_url = up.run.database_url, up.run.redis_url
    assert url is not None
    assert redis_url is not None
    servers, found = pids_by_name(up), {}
    peers = (TunedArq(redis_url), Saq(redis_url), Celery(redis_url), Procrastinate(url))
    for peer in peers:
        at = url if isinstance(peer, Procrastinate) else redis_url
        found[peer.name] = await measure_peer(
            peer, at, servers, jobs=options.jobs, starts=options.starts
        )
    return found


def table(found: dict[str, Figures]) -> Iterator[str]:
    """Return a line for each measurement."""
    for name, figures in found.items():
        yield f"{name:24}" + ", ".join(f"{unit} {value:.1f}" for unit, value in figures.items())


def main() -> None:
    """Read the arguments, measure, print, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000, help="measured in each backlog")
    parser.add_argument("--backlogs", type=int, nargs="+", default=[10_000, 200_000])
    parser.add_argument("--starts", type=int, default=100)
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--idle", type=float, default=30, help="seconds")
    parser.add_argument("--json", type=Path, default=Path("dist/bench-jobs.json"))
    options = parser.parse_args()
    with stack(RATE_LIMITS="off") as up:
        found = uvloop.run(measure(up, options))
        if options.peers:
            found |= asyncio.run(measure_peers(up, options))
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps(found, indent=2) + "\n")
    print_lines(table(found))


if __name__ == "__main__":
    main()
