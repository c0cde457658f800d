"""Claims of jobs that are not free, in PostgreSQL: only a locked row is waited for."""

import asyncio

import pytest

from jubilee.adapters.postgres.jobs import store as store_module
from jubilee.adapters.postgres.pool import ConnectionPool
from tests.contracts.job_tables import make_postgres_job_table
from tests.fakes.store import FakeClock


@pytest.mark.parametrize(
    "change",
    [
        "run_at = now() + interval '1 hour'",
        "status = 'running', lease_until = now() + interval '1 hour'",
        "kind = 'unknown.kind'",
        "epoch = 5",
    ],
)
async def test_a_job_that_is_not_free_is_not_tried_again(
    pool: ConnectionPool, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(store_module, "RETRY_DELAYS_S", (60.0,))
    table = make_postgres_job_table(pool, clock)
    reference, _ = await table.add(), await table.add()
    async with pool.connection() as driver:
        await driver.execute(f"UPDATE jobs SET {change} WHERE id = $1", reference.id)
    assert await asyncio.wait_for(table.store.claim(reference), 30) is None
