"""Jobs in PostgreSQL only: locks, batches, plans, frozen workers."""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress

import asyncpg
import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.jobs import store as store_module
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Driver, Statement
from jubilee.adapters.postgres.transaction_executor import RolledBack
from jubilee.domain.jobs.kinds import JobQueueName
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.jobs.store import HeartbeatResult, JobReference
from jubilee.domain.users.user import EmailTaken
from tests.contracts.accounts import make_user
from tests.contracts.job_tables import PostgresJobTable, claim, make_postgres_job_table, read_row
from tests.fakes.store import FakeClock

KINDS = ["echo"]


@pytest.fixture
def table(pool: ConnectionPool, clock: FakeClock) -> PostgresJobTable:
    return make_postgres_job_table(pool, clock)


async def test_simultaneous_claims_share_statements(
    table: PostgresJobTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = [await table.add(data=json.dumps({"n": n})) for n in range(250)]
    sizes = []
    arrays = store_module._arrays

    def count_batch(wanted: Sequence[JobReference]) -> dict[str, object]:
        sizes.append(len(wanted))
        return arrays(wanted)

    monkeypatch.setattr(store_module, "_arrays", count_batch)
    jobs = await asyncio.gather(*(table.store.claim(r) for r in added))
    assert [job is not None and job.data for job in jobs] == [{"n": n} for n in range(250)]
    assert max(sizes) <= store_module.BATCH_SIZE
    assert len(sizes) <= 4


async def test_parallel_workers_claim_each_job_once(
    table: PostgresJobTable, pool: ConnectionPool, clock: FakeClock
) -> None:
    workers = [make_postgres_job_table(pool, clock) for _ in range(4)]
    added = [await table.add() for _ in range(200)]
    answers = await asyncio.gather(
        *(
            worker.store.claim(reference)
            for number, worker in enumerate(workers)
            for reference in (added if number % 2 else reversed(added))
        )
    )
    taken = Counter(job.id for job in answers if job is not None)
    assert taken == Counter(reference.id for reference in added)


async def test_a_claim_says_when_the_attempt_started(
    table: PostgresJobTable, driver: Driver
) -> None:
    reference = await table.add()
    await claim(table, reference)
    age = "SELECT now() - started_at < interval '1 minute' FROM jobs WHERE id = $1"
    assert await driver.fetchval(age, reference.id) is True


async def test_a_retried_job_may_crash_as_often_as_a_new_one(
    table: PostgresJobTable, driver: Driver
) -> None:
    reference = await table.add(crashes=2)
    await driver.execute("UPDATE jobs SET status = 'dead', finished_at = now()")
    async with table.write() as tx:
        await tx.task_queue.retry(reference.id)
    assert await driver.fetchval("SELECT crashes FROM jobs WHERE id = $1", reference.id) == 0


async def test_a_claim_waits_for_the_relays_lock(
    table: PostgresJobTable, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = (*store_module.RETRY_DELAYS_S, *[0.2] * 100)
    monkeypatch.setattr(store_module, "RETRY_DELAYS_S", patient)
    marked, free = await table.add(), await table.add()
    transaction = driver.transaction()
    await transaction.start()
    await driver.execute("UPDATE jobs SET dispatched_at = now() WHERE id = $1", marked.id)
    waiting = asyncio.create_task(table.store.claim(marked))
    assert await table.store.claim(free) is not None
    await asyncio.sleep(0.02)
    assert not waiting.done()
    await transaction.commit()
    assert await waiting is not None


async def test_claiming_a_row_that_stays_locked_gives_up(
    table: PostgresJobTable, driver: Driver
) -> None:
    reference = await table.add()
    async with driver.transaction():
        await driver.execute("SELECT FROM jobs FOR UPDATE")
        async with asyncio.timeout(10):
            assert await table.store.claim(reference) is None


async def test_a_locked_row_does_not_delay_the_heartbeats_of_others(
    table: PostgresJobTable, driver: Driver
) -> None:
    locked, free = [await claim(table, await table.add()) for _ in range(2)]
    await table.pass_time(20)
    held = [locked.reference, free.reference]
    async with driver.transaction():
        await driver.execute("SELECT FROM jobs WHERE id = $1 FOR UPDATE", locked.id)
        async with asyncio.timeout(10):
            assert await table.store.heartbeat(held) == {
                locked.id: HeartbeatResult.BUSY,
                free.id: HeartbeatResult.OURS,
            }
    assert (await read_row(table, locked.reference))["lease"] < 11
    assert (await read_row(table, free.reference))["lease"] > 20  # it was 10
    assert await table.store.heartbeat(held) == {
        locked.id: HeartbeatResult.OURS,
        free.id: HeartbeatResult.OURS,
    }


@pytest.mark.parametrize(
    ("profile", "by_admin"),
    [
        ({"is_superuser": True}, True),
        ({}, False),
        ({"is_superuser": True, "is_active": False}, False),
    ],
)
async def test_by_admin_reflects_the_owners_current_role(
    table: PostgresJobTable, profile: dict[str, bool], by_admin: bool
) -> None:
    user, job_id = make_user("zoe", **profile), new_id()
    async with table.write() as tx:
        await tx.users.add(user)
        await tx.jobs.add(NewJob(id=job_id, kind="echo", owner_id=user.id))
    job = await claim(table, JobReference(job_id, 0))
    assert (job.owner_id, job.by_admin) == (user.id, by_admin)


async def complete_with_duplicate(
    table: PostgresJobTable, reference: JobReference, suppression: AbstractContextManager[object]
) -> None:
    """Complete the job and add an account whose address exists."""
    async with table.open_completion(reference, None) as tx:
        with suppression:
            await tx.users.add(make_user("zoe"))


async def test_a_suppressed_database_error_does_not_complete_the_job(
    table: PostgresJobTable,
) -> None:
    job, user = await claim(table, await table.add()), make_user("zoe")
    async with table.write() as tx:
        await tx.users.add(user)
    with pytest.raises(RolledBack):
        await complete_with_duplicate(table, job.reference, suppress(asyncpg.UniqueViolationError))
    assert (await read_row(table, job.reference))["status"] == "running"
    with pytest.raises(EmailTaken):
        await complete_with_duplicate(table, job.reference, nullcontext())


async def test_transactions_have_an_idle_timeout(table: PostgresJobTable) -> None:
    async with table.write() as tx:
        row = await tx.executor.first(
            Statement.from_sql("SELECT current_setting('idle_in_transaction_session_timeout')")
        )
        assert row is not None
        assert row[0] == "30s"
    assert await pool_setting(table) == "0"


async def pool_setting(table: PostgresJobTable) -> str:
    async with table.pool.connection() as driver:
        return str(await driver.fetchval("SHOW idle_in_transaction_session_timeout"))


async def test_parallel_relays_mark_each_job_once(database_url: str, clock: FakeClock) -> None:
    pool = ConnectionPool(database_url, size=8, timeout=60)
    relays = [make_postgres_job_table(pool, clock) for _ in range(8)]
    await relays[0].add_many(rows=10_000, due=-1)

    async def mark_all(relay: PostgresJobTable) -> list[JobReference]:
        found: list[JobReference] = []
        while batch := await relay.due.mark_due(KINDS, limit=500):
            assert len(batch) <= 500
            found.extend(dispatch.reference for dispatch in batch)
        return found

    answers = await asyncio.gather(*(mark_all(relay) for relay in relays))
    marks = Counter(reference for answer in answers for reference in answer)
    # Locked rows are skipped: what one was about to mark, another finds a moment later.
    marks.update(await mark_all(relays[0]))
    await pool.close()
    assert len(marks) == 10_000
    assert set(marks.values()) == {1}


async def test_queues_of_a_newer_version_are_ignored(
    table: PostgresJobTable, driver: Driver
) -> None:
    newer, ours = await table.add(), await table.add()
    await driver.execute("UPDATE jobs SET lane = 'express' WHERE id = $1", newer.id)
    marked = await table.due.mark_due(KINDS, limit=10)
    assert [(dispatch.reference, dispatch.queue) for dispatch in marked] == [
        (ours, JobQueueName.USER)
    ]
    await driver.execute("UPDATE jobs SET dispatched_at = now()")
    await table.pass_time(3)
    page = await table.due.unclaimed(KINDS, after=None, limit=10)
    assert [dispatch.reference for dispatch in page.dispatches] == [ours]
    await driver.execute("DELETE FROM jobs WHERE id = $1", ours.id)
    assert not (await table.due.due_summary(KINDS)).has_unclaimed


ZOMBIE = """
import asyncio, os, signal, sys
from uuid import UUID
from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.job_completion import PostgresCompletion
from jubilee.adapters.postgres.jobs.store import PostgresJobStore
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.jobs.store import LeaseLost, JobReference
from jubilee.domain.jobs.queue import NewJob
from datetime import UTC, datetime

async def main() -> None:
    pool = ConnectionPool(sys.argv[1], size=2, timeout=60)
    store = PostgresJobStore(pool, worker_id=new_id(), lease=0.2, kinds=["echo"])
    job = await store.claim(JobReference(UUID(sys.argv[2]), 0))
    os.kill(os.getpid(), signal.SIGSTOP)
    write_context = WriteContext(lambda: datetime.now(UTC), new_id, lambda: None)
    try:
        completion = PostgresCompletion(pool, write_context)
        async with completion(job.reference, {"by": "zombie"}) as tx:
            await tx.jobs.add(NewJob(id=UUID(sys.argv[3]), kind="effect"))
    except LeaseLost:
        print("lost")
    await pool.close()

asyncio.run(main())
"""


async def test_a_worker_that_resumes_after_its_lease_changes_nothing(
    table: PostgresJobTable, database_url: str
) -> None:
    reference, effect = await table.add(), new_id()
    arguments = (database_url, str(reference.id), str(effect))
    zombie = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ZOMBIE, *arguments, stdout=asyncio.subprocess.PIPE
    )
    await asyncio.to_thread(os.waitid, os.P_PID, zombie.pid, os.WSTOPPED)
    await table.pass_time(1)
    assert await table.due.expire_leases(limit=10) == 1
    newer = await claim(table, JobReference(reference.id, 1))
    zombie.send_signal(signal.SIGCONT)
    out, _ = await zombie.communicate()
    assert out == b"lost\n"
    assert await table.row(effect) is None
    row = await read_row(table, newer.reference)
    assert (row["status"], row["result"]) == ("running", None)
    async with table.open_completion(newer.reference, {"by": new_id().hex}):
        pass
