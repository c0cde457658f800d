"""The backlog and the registry of workers, on a real PostgreSQL."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from opentelemetry.sdk.resources import Resource

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.jobs.backlog import PostgresBacklog
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.transaction import transactions
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.jobs import JobTelemetry
from jubilee.adapters.telemetry.logs import unwritten
from jubilee.adapters.telemetry.stores import DatabaseTelemetry
from jubilee.adapters.telemetry.tracing import Tracing
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.backlog import WorkerInfo
from jubilee.domain.jobs.kinds import KindSet
from jubilee.domain.jobs.queue import NewJob
from tests.contracts.accounts import ONE_USER
from tests.fakes.store import FakeClock
from tests.support.api import NOWHERE

JOB = """
    INSERT INTO jobs (id, owner_id, task_id, kind, lane, data, priority, status, attempts,
        max_attempts, epoch, run_at, created_at, finished_at)
    SELECT id, CAST($1 AS uuid), CASE WHEN $1 IS NOT NULL THEN CAST(id AS text) END, $2, 'user',
        '{}', 5, $3, 0, 10, 0, now() + $4 * interval '1 minute', now(),
        CASE WHEN $3 = 'dead' THEN now() END
    FROM gen_random_uuid() AS id
"""
KNOWN = KindSet(frozenset({"echo", "email.welcome"}))


def untraced() -> Tracing:
    return Tracing(Resource({}))


async def test_queued_jobs_are_counted_with_the_age_of_the_oldest_due(
    pool: ConnectionPool, clock: FakeClock
) -> None:
    write = transactions(pool, WriteContext(clock, new_id, lambda: None))
    async with write() as tx:
        late = clock.now.replace(year=2020)
        await tx.jobs.add(NewJob(id=new_id(), kind="email.welcome", run_at=late))
        far = clock.now + timedelta(days=10_000)
        await tx.jobs.add(NewJob(id=new_id(), kind="email.welcome", run_at=far))
    figures = await PostgresBacklog(pool)()
    assert figures.jobs["system", "queued"] == 2
    assert figures.jobs["user", "dead"] == 0
    assert figures.oldest_due["system"] > 365 * 86_400
    assert figures.oldest_due["user"] == 0


async def test_a_worker_with_a_recent_heartbeat_is_alive(pool: ConnectionPool) -> None:
    backlog = PostgresBacklog(pool)
    worker = WorkerInfo(id=uuid4(), host="here", version="1", kinds=KNOWN)
    await backlog.heartbeat(worker)
    await backlog.heartbeat(worker)
    assert (await backlog()).workers == 1
    async with pool.connection() as driver:
        await driver.execute("UPDATE workers SET heard_at = now() - interval '16 seconds'")
    assert ((await backlog()).workers, (await backlog()).workers_silent) == (0, 1)


async def test_only_the_worker_that_leaves_is_neither_alive_nor_silent(
    pool: ConnectionPool,
) -> None:
    backlog = PostgresBacklog(pool)
    workers = [WorkerInfo(id=uuid4(), host="here", version="1", kinds=KNOWN) for _ in range(2)]
    for worker in workers:
        await backlog.heartbeat(worker)
    await backlog.leave(workers[0].id)
    assert ((await backlog()).workers, (await backlog()).workers_silent) == (1, 0)


async def test_due_jobs_of_kinds_that_no_live_worker_knows_are_counted(
    pool: ConnectionPool, clock: FakeClock
) -> None:
    backlog, write = (
        PostgresBacklog(pool),
        transactions(pool, WriteContext(clock, new_id, lambda: None)),
    )
    async with write() as tx:
        for kind in ("echo", "sms.send", "report.monthly", "report.monthly"):
            await tx.jobs.add(NewJob(id=new_id(), kind=kind))
        later = clock.now + timedelta(days=10_000)
        await tx.jobs.add(NewJob(id=new_id(), kind="not.due", run_at=later))
    await backlog.heartbeat(WorkerInfo(id=uuid4(), host="here", version="1", kinds=KNOWN))
    known = {"echo": 0, "email.welcome": 0}
    assert (await backlog()).without_worker == {"report.monthly": 2, "sms.send": 1, **known}
    newer = KindSet(frozenset({"sms.send", "report.monthly"}))
    await backlog.heartbeat(WorkerInfo(id=uuid4(), host="there", version="2", kinds=newer))
    assert sum((await backlog()).without_worker.values()) == 0


async def test_silent_workers_know_no_kind_and_workers_without_a_list_all(
    pool: ConnectionPool, clock: FakeClock
) -> None:
    backlog, write = (
        PostgresBacklog(pool),
        transactions(pool, WriteContext(clock, new_id, lambda: None)),
    )
    async with write() as tx:
        await tx.jobs.add(NewJob(id=new_id(), kind="echo"))
    await backlog.heartbeat(WorkerInfo(id=uuid4(), host="here", version="1", kinds=KNOWN))
    async with pool.connection() as driver:
        await driver.execute("UPDATE workers SET heard_at = now() - interval '16 seconds'")
        assert (await backlog()).without_worker == {"echo": 1}
        await driver.execute("UPDATE workers SET heard_at = now(), kinds = NULL")
    assert (await backlog()).without_worker == {}
    assert await backlog.kind_sets() == {}


async def test_of_tasks_and_other_jobs_those_that_are_queued_and_due_are_counted_by_kind(
    pool: ConnectionPool,
) -> None:
    owner = uuid4()
    async with pool.connection() as driver:
        await driver.execute(ONE_USER, owner, "zoe@example.com")
        for prefix, task_owner in (("task", owner), ("job", None)):
            for kind, status, due in (
                ("due", "queued", -1),
                ("due", "queued", 60),
                ("due", "running", -1),
                ("later", "queued", 60),
                ("dead", "dead", -1),
            ):
                await driver.execute(JOB, task_owner, f"{prefix}.{kind}", status, due)
            await driver.execute(JOB, task_owner, "both", "queued", -1)
    found = (await PostgresBacklog(pool)()).without_worker
    assert list(found.items()) == [("both", 2), ("job.due", 1), ("task.due", 1)]


async def test_the_list_of_unknown_kinds_is_limited(pool: ConnectionPool, clock: FakeClock) -> None:
    async with transactions(pool, WriteContext(clock, new_id, lambda: None))() as tx:
        for number in range(12):
            for _ in range(2 if number == 7 else 1):
                await tx.jobs.add(NewJob(id=new_id(), kind=f"made.up{number}"))
    found = (await PostgresBacklog(pool)()).without_worker
    assert (len(found), next(iter(found.items()))) == (10, ("made.up7", 2))


async def test_live_workers_are_counted_by_their_kinds(pool: ConnectionPool) -> None:
    backlog, newer = PostgresBacklog(pool), KindSet(KNOWN.names | {"sms.send"})
    silent = WorkerInfo(id=uuid4(), host="gone", version="1", kinds=KNOWN)
    await backlog.heartbeat(silent)
    async with pool.connection() as driver:
        await driver.execute("UPDATE workers SET heard_at = now() - interval '16 seconds'")
    for kinds in (KNOWN, KNOWN, newer):
        await backlog.heartbeat(WorkerInfo(id=uuid4(), host="here", version="1", kinds=kinds))
    assert await backlog.kind_sets() == {KNOWN: 2, newer: 1}


async def test_an_empty_backlog_is_exposed_as_zeros(pool: ConnectionPool) -> None:
    instruments = Instruments("1")
    JobTelemetry(instruments, untraced(), unwritten).record_backlog(await PostgresBacklog(pool)())
    sample = instruments.registry.get_sample_value
    assert sample("jobs_state", {"lane": "user", "status": "queued"}) == 0
    assert sample("greetings_state", {"state": "uncertain"}) == 0
    assert sample("workers_alive") == 0


async def test_the_series_of_a_kind_ends_when_a_worker_knows_it(pool: ConnectionPool) -> None:
    instruments, backlog = Instruments("1"), await PostgresBacklog(pool)()
    telemetry = JobTelemetry(instruments, untraced(), unwritten)
    telemetry.record_backlog(replace(backlog, without_worker={"sms.send": 2, "echo": 0}))
    sample = instruments.registry.get_sample_value
    assert sample("jobs_without_worker", {"kind": "sms.send"}) == 2
    telemetry.record_backlog(replace(backlog, without_worker={"echo": 0}))
    assert sample("jobs_without_worker", {"kind": "sms.send"}) is None
    assert sample("jobs_without_worker", {"kind": "echo"}) == 0


async def test_statements_are_measured_and_slow_ones_logged_without_values(
    database_url: str,
) -> None:
    instruments = Instruments("1")
    lines: list[str] = []
    meter = DatabaseTelemetry(
        instruments,
        untraced(),
        lambda *a, **k: lines.append(str((a, k))),
        server_attributes={},
        slow=0.0,
    )
    pool = ConnectionPool(database_url, size=2, timeout=60, observer=meter)
    await PostgresBacklog(pool).heartbeat(
        WorkerInfo(id=uuid4(), host="marker-host", version="1", kinds=KNOWN)
    )
    await pool.close()
    sample = instruments.registry.get_sample_value
    assert sample("db_client_operation_duration_seconds_count", {"operation": "INSERT"}) == 1
    assert sample("db_pool_wait_seconds_count") == 1
    assert "slow statement" in lines[0]
    assert "INSERT INTO workers" in lines[0]
    assert "marker-host" not in str(lines)


async def test_a_failed_connection_is_counted() -> None:
    instruments = Instruments("1")
    meter = DatabaseTelemetry(instruments, untraced(), unwritten, server_attributes={}, slow=1.0)
    pool = ConnectionPool(NOWHERE, size=1, timeout=1, observer=meter)
    with pytest.raises(Unavailable):
        await PostgresBacklog(pool)()
    assert instruments.registry.get_sample_value("db_connection_failures_total") == 1


@pytest.mark.parametrize("number", [999, 1000, 1200])
async def test_at_most_a_thousand_tasks_and_a_thousand_other_jobs_of_a_kind_are_counted(
    pool: ConnectionPool, number: int
) -> None:
    ids = f"(SELECT gen_random_uuid() AS id FROM generate_series(1, {number})) AS ids"
    owner, many = uuid4(), JOB.replace("gen_random_uuid() AS id", ids)
    async with pool.connection() as driver:
        await driver.execute(ONE_USER, owner, "zoe@example.com")
        await driver.execute(many, owner, "made.up", "queued", -1)
        assert (await PostgresBacklog(pool)()).without_worker == {"made.up": min(number, 1000)}
        await driver.execute(many, None, "made.up", "queued", -1)
    assert (await PostgresBacklog(pool)()).without_worker == {"made.up": 2 * min(number, 1000)}
