"""Work that is wanted, in memory and in PostgreSQL alike."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import jobs
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.domain.jobs.queue import NewJob
from tests.contracts.accounts import NOW, BrokenOff, a_user, broken_off, kept
from tests.contracts.conftest import Database

ALL = Statement(select(jobs).order_by(jobs.c.id))


def a_job(**more: Any) -> NewJob:
    return NewJob(**{"id": new_id(), "kind": "email.welcome", "data": {"n": 1}, **more})


async def queued(database: Database) -> list[NewJob]:
    """What is wanted, in its order."""
    async with database.read() as view:
        if not isinstance(view, PostgresTransaction):
            return list(view.jobs.rows.values())
        rows = await view.executor.all(ALL)
    names = ("id", "kind", "owner_id", "key")
    return [NewJob(**{n: row[n] for n in names}, data=row["data"]) for row in rows]


async def test_a_job_is_what_was_asked_for(database: Database) -> None:
    user = a_user("zoe")
    await kept(database, user)
    wanted = [a_job(owner_id=user.id, key="welcome:1"), a_job(data={"ü": [None, True]})]
    async with database.write() as tx:
        for job in wanted:
            await tx.jobs.add(job)
    assert await queued(database) == wanted


async def test_asking_twice_by_one_key_is_asking_once(database: Database) -> None:
    first, second, keyless = a_job(key="k"), a_job(key="k"), [a_job(), a_job()]
    for job in (first, second, *keyless):
        async with database.write() as tx:
            await tx.jobs.add(job)
    assert await queued(database) == [first, *keyless]


async def test_a_transaction_that_fails_wants_nothing(database: Database) -> None:
    with pytest.raises(BrokenOff):
        await broken_off(database, lambda tx: tx.jobs.add(a_job()))
    assert await queued(database) == []


async def test_jobs_go_with_their_owner(database: Database) -> None:
    zoe, job = a_user("zoe"), a_job()
    await kept(database, zoe)
    async with database.write() as tx:
        await tx.jobs.add(a_job(owner_id=zoe.id))
        await tx.jobs.add(job)
    async with database.write() as tx:
        await tx.users.delete(zoe.id)
    assert await queued(database) == [job]


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_a_row_is_ready_for_the_workers(database: Database, pool: ConnectionPool) -> None:
    later = NOW + timedelta(days=1)
    now, then = a_job(), a_job(run_at=later, max_attempts=32)
    async with database.write() as tx:
        await tx.jobs.add(now)
        await tx.jobs.add(then)
    async with pool.connection() as driver:
        first, second = await Executor(driver).all(ALL)
    assert (first["status"], first["lane"], first["priority"]) == ("queued", "system", 5)
    assert (first["attempts"], first["max_attempts"], first["epoch"]) == (0, 10, 0)
    assert first["run_at"] == first["created_at"]
    assert (second["run_at"], second["max_attempts"]) == (later, 32)
    assert first["correlation_id"] == "request-1"
