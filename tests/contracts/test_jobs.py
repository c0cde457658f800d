"""The queue of jobs, in memory and in PostgreSQL."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor
from jubilee.adapters.postgres.tables import jobs
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.domain.jobs.queue import NewJob
from tests.contracts.accounts import NOW, ForcedRollback, add_users, make_user, roll_back_after
from tests.contracts.conftest import Database

ALL = core_statement(select(jobs).order_by(jobs.c.id))


def make_job(**more: Any) -> NewJob:
    return NewJob(**{"id": new_id(), "kind": "email.welcome", "data": {"n": 1}, **more})


async def list_jobs(database: Database) -> list[NewJob]:
    """Return the stored jobs in order."""
    async with database.read() as view:
        if not isinstance(view, PostgresTransaction):
            return list(view.jobs.rows.values())
        rows = await view.executor.all(ALL)
    names = ("id", "kind", "owner_id", "key")
    return [NewJob(**{n: row[n] for n in names}, data=row["data"]) for row in rows]


async def test_added_jobs_are_stored_unchanged(database: Database) -> None:
    user = make_user("zoe")
    await add_users(database, user)
    added = [make_job(owner_id=user.id, key="welcome:1"), make_job(data={"ü": [None, True]})]
    async with database.write() as tx:
        for job in added:
            await tx.jobs.add(job)
    assert await list_jobs(database) == added


async def test_jobs_added_together_are_stored_as_those_added_one_by_one(database: Database) -> None:
    user = make_user("zoe")
    await add_users(database, user)
    old = make_job(key="welcome:1")
    added = [make_job(owner_id=user.id, key="welcome:2"), make_job(data={"ü": [None, True]})]
    async with database.write() as tx:
        await tx.jobs.add(old)
    async with database.write() as tx:
        await tx.jobs.add_all([*added, make_job(key="welcome:1")])
    assert await list_jobs(database) == [old, *added]


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_jobs_added_together_are_dispatched_if_they_are_due(database: Database) -> None:
    due, later = make_job(), make_job(run_at=NOW + timedelta(days=9000))
    async with database.write() as tx:
        await tx.jobs.add_all([due, later])
        dispatches = tx.pending.due
    assert [(each.reference.id, each.kind) for each in dispatches] == [(due.id, due.kind)]


async def test_a_key_is_used_once(database: Database) -> None:
    first, second, keyless = make_job(key="k"), make_job(key="k"), [make_job(), make_job()]
    for job in (first, second, *keyless):
        async with database.write() as tx:
            await tx.jobs.add(job)
    assert await list_jobs(database) == [first, *keyless]


async def test_a_rolled_back_transaction_adds_no_job(database: Database) -> None:
    with pytest.raises(ForcedRollback):
        await roll_back_after(database, lambda tx: tx.jobs.add(make_job()))
    assert await list_jobs(database) == []


async def test_deleting_an_account_deletes_its_jobs(database: Database) -> None:
    zoe, job = make_user("zoe"), make_job()
    await add_users(database, zoe)
    async with database.write() as tx:
        await tx.jobs.add(make_job(owner_id=zoe.id))
        await tx.jobs.add(job)
    async with database.write() as tx:
        await tx.users.delete(zoe.id)
    assert await list_jobs(database) == [job]


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
@pytest.mark.parametrize("together", [False, True])
async def test_a_new_row_has_the_defaults_of_a_queued_job(
    database: Database, pool: ConnectionPool, *, together: bool
) -> None:
    later = NOW + timedelta(days=1)
    now, then = make_job(), make_job(run_at=later, max_attempts=32)
    async with database.write() as tx:
        if together:
            await tx.jobs.add_all([now, then])
        else:
            await tx.jobs.add(now)
            await tx.jobs.add(then)
    async with pool.connection() as driver:
        first, second = await Executor(driver).all(ALL)
    assert (first["status"], first["lane"], first["priority"]) == ("queued", "system", 5)
    assert (first["attempts"], first["max_attempts"], first["epoch"]) == (0, 10, 0)
    assert first["run_at"] == first["created_at"]
    assert (second["run_at"], second["max_attempts"]) == (later, 32)
    assert first["correlation_id"] == "request-1"
