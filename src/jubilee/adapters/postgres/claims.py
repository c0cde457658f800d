"""Claims, each one statement fenced by the epoch; leases go by the database's clock."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record
from sqlalchemy import text

from jubilee.adapters.postgres.batching import Batched
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.claims import Beat, Claimed, Claims, Failure, LeaseLost, Reference
from jubilee.domain.transaction import Begin

BATCH = 100
LONGEST_TEXT = 65_536  # bytes of a result or an error that are kept

OURS = "id = :id AND epoch = :epoch AND status = 'running'"
# What was asked to stop while it ran stops here, however the attempt went.
GIVEN_BACK = """
    finished_at = CASE WHEN cancel_requested_at IS NULL THEN NULL ELSE now() END,
    status = CASE WHEN cancel_requested_at IS NULL THEN 'queued' ELSE 'cancelled' END,
    run_at = now() + CAST(:wait AS float) * interval '1 second',
    dispatched_at = NULL, lease_until = NULL, worker_id = NULL
"""

# Rows that another worker is about to take are none of ours: nobody waits, nothing deadlocks.
CLAIM = Statement(
    text("""
    WITH free AS MATERIALIZED (
        SELECT jobs.id FROM jobs
        JOIN unnest(CAST(:ids AS uuid[]), CAST(:epochs AS integer[])) AS wanted (id, epoch)
            ON jobs.id = wanted.id AND jobs.epoch = wanted.epoch
        WHERE status = 'queued' AND run_at <= now()
        FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE jobs SET status = 'running', attempts = attempts + 1, epoch = epoch + 1,
        lease_until = now() + CAST(:lease AS float) * interval '1 second',
        worker_id = :worker, started_at = now()
    FROM free WHERE jobs.id = free.id
    RETURNING jobs.id, epoch, kind, data, attempts, max_attempts, owner_id, correlation_id,
        trace_context,
        coalesce((SELECT is_superuser FROM users WHERE users.id = owner_id), true) AS by_admin
    """)
)
BEAT = Statement(
    text("""
    UPDATE jobs SET lease_until = now() + CAST(:lease AS float) * interval '1 second'
    FROM unnest(CAST(:ids AS uuid[]), CAST(:epochs AS integer[])) AS held (id, epoch)
    WHERE jobs.id = held.id AND jobs.epoch = held.epoch AND status = 'running'
    RETURNING jobs.id, cancel_requested_at IS NOT NULL AS cancel
    """)
)
RETRY = Statement(
    text(f"UPDATE jobs SET error = CAST(:error AS jsonb), {GIVEN_BACK} WHERE {OURS} RETURNING id")  # noqa: S608  # constants
)
RELEASE = Statement(
    text(f"UPDATE jobs SET attempts = attempts - 1, {GIVEN_BACK} WHERE {OURS} RETURNING id")  # noqa: S608  # constants
)
END = Statement(
    text(f"""
    UPDATE jobs SET status = :status, finished_at = now(), lease_until = NULL,
        error = CASE WHEN :status = 'succeeded' THEN NULL
            ELSE coalesce(CAST(:error AS jsonb), error) END,
        result = CAST(:result AS jsonb)
    WHERE {OURS} RETURNING id
    """)  # noqa: S608  # constants
)
REPORT = Statement(text(f"UPDATE jobs SET progress = CAST(:progress AS jsonb) WHERE {OURS}"))  # noqa: S608  # constants


class PostgresClaims(Claims):
    """One worker's claims; those that are made at the same moment share a statement."""

    def __init__(self, pool: ConnectionPool, *, worker_id: UUID, lease: float) -> None:
        """`lease` counts seconds; `worker_id` is made anew whenever a worker starts."""
        self._pool = pool
        self._worker_id = worker_id
        self._lease = lease
        self._claim = Batched(self._claim_all, most=BATCH)

    async def claim(self, reference: Reference) -> Claimed | None:
        return await self._claim(reference)

    async def beat(self, held: Sequence[Reference]) -> Mapping[UUID, Beat]:
        async with self._pool.connection() as driver:
            rows = await Executor(driver).all(BEAT, lease=self._lease, **_arrays(held))
        return {row["id"]: Beat.CANCEL if row["cancel"] else Beat.OURS for row in rows}

    async def fail(self, reference: Reference, failure: Failure) -> bool:
        error = _bounded(failure.error)
        if failure.retry_in is None:
            return await self._write(END, reference, status="dead", error=error, result=None)
        return await self._write(RETRY, reference, error=error, wait=failure.retry_in)

    async def release(self, reference: Reference, *, wait: float) -> bool:
        return await self._write(RELEASE, reference, wait=wait)

    async def cancelled(self, reference: Reference) -> bool:
        return await self._write(END, reference, status="cancelled", error=None, result=None)

    async def report(self, reference: Reference, progress: Mapping[str, object]) -> None:
        await self._write(REPORT, reference, progress=_bounded(progress))

    async def _claim_all(self, wanted: Sequence[Reference]) -> Sequence[Claimed | None]:
        async with self._pool.connection() as driver:
            values = {"lease": self._lease, "worker": self._worker_id, **_arrays(wanted)}
            rows = await Executor(driver).all(CLAIM, **values)
        # The same job may stand in the batch twice: one of them has it, the other is stale.
        taken = {row["id"]: _claimed(row) for row in rows}
        return [taken.pop(reference.id, None) for reference in wanted]

    async def _write(self, statement: Statement, reference: Reference, **values: object) -> bool:
        async with self._pool.connection() as driver:
            found = await Executor(driver).first(
                statement, id=reference.id, epoch=reference.epoch, **values
            )
        return found is not None


@dataclass(frozen=True, slots=True)
class PostgresFinish:
    """Opens the transaction that ends a job; its first statement is the fenced end."""

    write: Begin[PostgresTransaction]

    @asynccontextmanager
    async def __call__(
        self, reference: Reference, result: Mapping[str, object] | None
    ) -> AsyncIterator[PostgresTransaction]:
        """Raises LeaseLost where the job is somebody else's by now."""
        values = {"id": reference.id, "epoch": reference.epoch, "status": "succeeded"}
        document = None if result is None else _bounded(result)
        async with self.write() as tx:
            if await tx.executor.first(END, error=None, result=document, **values) is None:
                raise LeaseLost
            yield tx


def _arrays(references: Sequence[Reference]) -> dict[str, object]:
    ids, epochs = [r.id for r in references], [r.epoch for r in references]
    return {"ids": ids, "epochs": epochs}


def _bounded(document: Mapping[str, object]) -> str:
    """As JSON; one that is too long is replaced by its beginning."""
    encoded = json.dumps(document)
    if len(encoded) <= LONGEST_TEXT:
        return encoded
    return json.dumps({"truncated": encoded[: LONGEST_TEXT // 2]})


def _claimed(row: Record) -> Claimed:
    owner = row["owner_id"]
    return Claimed(
        id=row["id"],
        epoch=row["epoch"],
        kind=row["kind"],
        data=row["data"],
        attempt=row["attempts"],
        max_attempts=row["max_attempts"],
        owner_id=None if owner is None else UserId(owner),
        by_admin=row["by_admin"],
        correlation_id=row["correlation_id"],
        trace_context=row["trace_context"],
    )
