"""The columns that a statement changes: all that it should, and no other, in PostgreSQL.

A column that keeps its value is seen only where that differs from the new one.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any, TypeAlias
from uuid import UUID

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.transaction import PostgresTransaction, transactions
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.greetings.greeting import GreetingState, NotSentReason
from jubilee.domain.jobs.store import AttemptFailure, JobReference
from tests.contracts.account_rows import AccountRows
from tests.contracts.accounts import DAY, NOW, ForcedRollback
from tests.contracts.job_tables import PostgresJobTable, make_postgres_job_table
from tests.fakes.store import FakeClock

Row: TypeAlias = Mapping[str, object]

LATER = NOW + DAY
HASH = b"h" * 32
FILL = """
    UPDATE jobs SET status = $2, attempts = 3, crashes = 1, run_at = now() - interval '1 hour',
        epoch = 4, dispatched_at = now() - interval '1 hour', worker_id = gen_random_uuid(),
        lease_until = now() + $3 * interval '1 hour', progress = '{"n": 1}', result = '{"n": 1}',
        error = '{"code": "x"}', started_at = now() - interval '1 hour',
        cancel_requested_at = CASE WHEN $4 THEN now() - interval '1 hour' END,
        finished_at = CASE WHEN $2 IN ('queued', 'running') THEN NULL
            ELSE now() - interval '1 hour' END
    WHERE id = $1
"""
STATUSES = ("queued", "running", "succeeded", "dead", "cancelled")
QUEUED = {"status", "run_at", "dispatched_at", "lease_until", "worker_id"}
RETRIED = {"status", "attempts", "crashes", "run_at", "finished_at", "dispatched_at"}


async def row_of(driver: Any, table: str, column: str, key: UUID) -> Row:
    return dict(await driver.fetchrow(f"SELECT * FROM {table} WHERE {column} = $1", key))


def changed(before: Row, after: Row) -> set[str]:
    return {name for name, value in before.items() if after[name] != value}


SAVES: list[tuple[str, str, set[str], Callable[[Any, AccountRows], Awaitable[object]]]] = [
    (
        "sessions",
        "user_id",
        {"generation", "token_hash", "previous_hash", "rotated_at", "expires_at"},
        lambda tx, zoe: tx.sessions.save(
            replace(
                zoe.session,
                generation=2,
                token_hash=HASH,
                previous_hash=HASH,
                rotated_at=LATER,
                expires_at=LATER + DAY,
            )
        ),
    ),
    (
        "sessions",
        "user_id",
        {"proved_at", "second_factor"},
        lambda tx, zoe: tx.sessions.prove(zoe.session.id, at=LATER, second_factor=True),
    ),
    (
        "items",
        "owner_id",
        {"title", "description", "is_active", "version", "updated_at"},
        lambda tx, zoe: tx.items.save(
            zoe.item._replace(
                title="Other", description="other", is_active=False, version=2, updated_at=LATER
            )
        ),
    ),
    (
        "totp_factors",
        "user_id",
        {"confirmed_at", "last_step"},
        lambda tx, zoe: tx.factors.save(replace(zoe.app, confirmed_at=LATER, last_step=9)),
    ),
    (
        "passkeys",
        "user_id",
        {"name", "sign_count", "backed_up", "last_used_at"},
        lambda tx, zoe: tx.passkeys.save(
            replace(zoe.passkey, name="Key", sign_count=9, backed_up=True, last_used_at=LATER)
        ),
    ),
    (
        "identities",
        "user_id",
        {"email", "last_used_at"},
        lambda tx, zoe: tx.identities.save(
            replace(zoe.identity, email="x@y.test", last_used_at=LATER)
        ),
    ),
    (
        "one_time_links",
        "user_id",
        {"ended_at"},
        lambda tx, zoe: tx.one_time.end(zoe.link.id, now=NOW),
    ),
    (
        "pending_sign_ins",
        "user_id",
        {"tries"},
        lambda tx, zoe: tx.pending_sign_ins.count_try(zoe.pending.token_hash, now=NOW),
    ),
    (
        "greetings",
        "user_id",
        {"state", "reason", "message_id", "sent_at"},
        lambda tx, zoe: tx.greetings.save(
            replace(
                zoe.greeting,
                state=GreetingState.SKIPPED,
                reason=NotSentReason.LATE,
                message_id="m",
                sent_at=LATER,
            )
        ),
    ),
    (
        "users",
        "id",
        {
            *("email", "email_key", "username", "username_key", "full_name", "password_hash"),
            *("is_active", "is_superuser", "oauth_provider", "birthday_greeting", "locale"),
            *("email_verified_at", "locked_at", "locked_until", "lock_reason", "updated_at"),
        },
        lambda tx, zoe: tx.users.save(
            replace(
                zoe.user,
                email="new@example.com",
                username="other",
                full_name="Zoë",
                password_hash="other",
                is_active=False,
                is_superuser=True,
                oauth_provider="other",
                birthday_greeting=False,
                locale="de",
                email_verified_at=LATER,
                locked_at=LATER,
                locked_until=LATER,
                lock_reason="stolen",
                updated_at=LATER,
            )
        ),
    ),
]


async def test_an_entity_is_saved_with_all_that_may_change(
    pool: ConnectionPool, clock: FakeClock
) -> None:
    zoe, write = AccountRows.make("zoe"), transactions(pool, WriteContext(clock, new_id, str))
    async with write() as tx:
        await zoe.add(tx)
    for table, column, expected, save in SAVES:
        with suppress(ForcedRollback):
            async with write() as tx:
                before = await row_of(tx.executor.driver, table, column, zoe.user.id)
                await save(tx, zoe)
                after = await row_of(tx.executor.driver, table, column, zoe.user.id)
                assert changed(before, after) == expected, table
                raise ForcedRollback


@pytest.fixture
def table(pool: ConnectionPool, clock: FakeClock) -> PostgresJobTable:
    return make_postgres_job_table(pool, clock)


async def fail(table: PostgresJobTable, job: JobReference, retry_in: float | None) -> object:
    return await table.store.fail(job, AttemptFailure(error={"code": "y"}, retry_in=retry_in))


async def write(
    table: PostgresJobTable, work: Callable[[PostgresTransaction], Awaitable[object]]
) -> object:
    async with table.write() as tx:
        return await work(tx)


JOBS: list[
    tuple[str, float, set[str], Callable[[PostgresJobTable, JobReference], Awaitable[object]]]
] = [
    (
        "dead",
        1,
        RETRIED | {"progress", "result", "cancel_requested_at"},
        lambda t, j: write(t, lambda tx: tx.task_queue.retry(j.id)),
    ),
    (
        "queued",
        1,
        {"status", "finished_at", "dispatched_at"},
        lambda t, j: write(t, lambda tx: tx.tasks.cancel(j.id)),
    ),
    (
        "running",
        1,
        {"cancel_requested_at"},
        lambda t, j: write(t, lambda tx: tx.tasks.request_cancel(j.id)),
    ),
    ("running", 1, QUEUED | {"error"}, lambda t, j: fail(t, j, 5.0)),
    ("running", 1, QUEUED | {"attempts"}, lambda t, j: t.store.release(j, wait=0)),
    ("running", 1, {"lease_until"}, lambda t, j: t.store.heartbeat([j])),
    ("running", 1, {"progress"}, lambda t, j: t.store.save_progress(j, {"n": 2})),
    ("running", -1, QUEUED | {"crashes", "error"}, lambda t, _: t.due.expire_leases(limit=9)),
]


@pytest.mark.parametrize(("status", "lease", "expected", "change"), JOBS)
async def test_a_job_changes_in_these_columns(
    table: PostgresJobTable,
    status: str,
    lease: float,
    expected: set[str],
    change: Callable[[PostgresJobTable, JobReference], Awaitable[object]],
) -> None:
    job = replace(await table.add(), epoch=4)
    other = await table.add(due=timedelta(days=1).total_seconds())
    async with table.pool.connection() as driver:
        await driver.execute(FILL, job.id, status, lease, status == "dead")
        before, untouched = await both(driver, job, other)
    await change(table, job)
    async with table.pool.connection() as driver:
        after, left = await both(driver, job, other)
    assert changed(before, after) == expected
    assert left == untouched


async def both(driver: Any, one: JobReference, other: JobReference) -> tuple[Row, Row]:
    return (
        await row_of(driver, "jobs", "id", one.id),
        await row_of(driver, "jobs", "id", other.id),
    )


async def test_of_jobs_in_every_state_the_running_ones_past_their_leases_are_swept(
    table: PostgresJobTable,
) -> None:
    jobs: dict[tuple[str, float, bool], UUID] = {}
    for state in product(STATUSES, (-1.0, 1.0), (False, True)):
        jobs[state] = (await table.add()).id
        async with table.pool.connection() as driver:
            await driver.execute(FILL, jobs[state], *state)
    cancelled = await table.due.expired_cancellations(limit=99)
    assert [job.reference.id for job in cancelled] == [jobs["running", -1.0, True]]
    assert await table.due.expire_leases(limit=99) == 1
    rows = [await table.row(job_id) for job_id in jobs.values()]
    found = {state: row["status"] for state, row in zip(jobs, rows, strict=True) if row}
    assert found == {
        (status, lease, is_cancelled): "queued"
        if (status, lease, is_cancelled) == ("running", -1.0, False)
        else status
        for status, lease, is_cancelled in jobs
    }
