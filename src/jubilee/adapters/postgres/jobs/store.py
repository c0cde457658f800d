"""Claims, heartbeats and ends of attempts: one statement each, fenced by the epoch.

Leases are timed by the database's clock.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from asyncpg import Record

from jubilee.adapters.postgres.documents import encode_within, read_object, trace_context
from jubilee.adapters.postgres.jobs.batching import CallBatcher
from jubilee.adapters.postgres.jobs.due_jobs import QUEUES
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.errors import Unavailable
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import JobQueueName
from jubilee.domain.jobs.store import (
    AttemptFailure,
    ClaimedJob,
    HeartbeatResult,
    JobReference,
    JobStore,
)

BATCH_SIZE = 100  # claims in one statement
MAX_DOCUMENT_BYTES = 65_536  # of a result or an error; longer ones are truncated
# Before another claim of a row that is locked: a relay that marks it needs a millisecond. It meets
# a tenth of the jobs of the API that an idle worker starts.
RETRY_DELAYS_S = (0.002, 0.01, 0.05, 0.2)

FENCED = "id = :id AND epoch = :epoch AND status = 'running'"
# A job whose cancellation was requested is not queued again, however the attempt ended.
WANTED = f"{FENCED} AND cancel_requested_at IS NULL"
QUEUED = """
    status = 'queued', run_at = now() + CAST(:wait AS float) * interval '1 second',
    dispatched_at = NULL, lease_until = NULL, worker_id = NULL
"""

# Functions in the database, whose settings make every plan use the indexes.
CLAIM = Statement.from_sql(
    """
    SELECT * FROM claim_jobs(
        CAST(:ids AS uuid[]), CAST(:epochs AS integer[]), CAST(:kinds AS text[]),
        CAST(:lease AS float), CAST(:worker AS uuid)
    )
    """
)
# A row that was skipped may only be locked by a relay that marks it: it can be claimed later.
FREE = Statement.from_sql(
    """
    SELECT * FROM find_claimable_jobs(
        CAST(:ids AS uuid[]), CAST(:epochs AS integer[]), CAST(:kinds AS text[])
    )
    """
)
# Locked rows are skipped: all leases could expire while the statement waits for one row.
HEARTBEAT = Statement.from_sql(
    """
    WITH held AS (
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:epochs AS integer[])) AS held (id, epoch)
    ), free AS MATERIALIZED (
        SELECT jobs.id FROM jobs JOIN held ON jobs.id = held.id AND jobs.epoch = held.epoch
        WHERE status = 'running' FOR UPDATE OF jobs SKIP LOCKED
    ), kept AS (
        UPDATE jobs SET lease_until = now() + CAST(:lease AS float) * interval '1 second'
        FROM free WHERE jobs.id = free.id RETURNING jobs.id
    )
    SELECT jobs.id, CASE WHEN kept.id IS NULL THEN 'busy'
        WHEN cancel_requested_at IS NULL THEN 'ours' ELSE 'cancel' END AS state
    FROM jobs JOIN held ON jobs.id = held.id AND jobs.epoch = held.epoch
    LEFT JOIN kept ON kept.id = jobs.id WHERE status = 'running'
    """
)
RETRY = Statement.from_sql(
    "UPDATE jobs SET error = CAST(:error AS jsonb), {queued} WHERE {wanted} RETURNING id",
    queued=QUEUED,
    wanted=WANTED,
)
RELEASE = Statement.from_sql(
    "UPDATE jobs SET attempts = attempts - 1, {queued} WHERE {wanted} RETURNING id",
    queued=QUEUED,
    wanted=WANTED,
)
END = Statement.from_sql(
    """
    SELECT * FROM end_job(
        CAST(:id AS uuid), CAST(:epoch AS integer), CAST(:status AS text),
        CAST(:error AS text), CAST(:result AS text)
    )
    """
)
REPORT = Statement.from_sql(
    "UPDATE jobs SET progress = CAST(:progress AS jsonb) WHERE {fenced}", fenced=FENCED
)
PING = Statement.from_sql("SELECT 1")


class PostgresJobStore(JobStore):
    """The jobs of one worker; concurrent claims share a statement."""

    def __init__(
        self, pool: ConnectionPool, *, worker_id: UUID, lease: float, kinds: Collection[str]
    ) -> None:
        """`lease` is in seconds; `worker_id` is new at each start of a worker.

        Only jobs of these `kinds` are claimed; the rows of others stay as they are.
        """
        self._pool = pool
        self._kinds = list(kinds)
        self._worker_id = worker_id
        self._lease = lease
        self._claim = CallBatcher(self._claim_all, limit=BATCH_SIZE)

    async def ping(self) -> None:
        """Check that the database answers; raises Unavailable."""
        async with self._pool.executor() as executor:
            await executor.run(PING)

    async def claim(self, reference: JobReference) -> ClaimedJob | None:
        claimed, busy = await self._claim(reference)
        for pause in RETRY_DELAYS_S:
            if claimed is not None or not busy:
                break
            await asyncio.sleep(pause)
            claimed, busy = await self._claim(reference)
        return claimed

    async def heartbeat(self, held: Sequence[JobReference]) -> Mapping[UUID, HeartbeatResult]:
        async with self._pool.executor() as executor:
            rows = await executor.all(HEARTBEAT, lease=self._lease, **_arrays(held))
        return {row["id"]: HeartbeatResult(row["state"]) for row in rows}

    async def fail(self, reference: JobReference, failure: AttemptFailure) -> bool:
        error = bounded(failure.error)
        if failure.retry_in is None:
            return await self._write(END, reference, status="dead", error=error, result=None)
        return await self._write(RETRY, reference, error=error, wait=failure.retry_in)

    async def release(self, reference: JobReference, *, wait: float) -> bool:
        return await self._write(RELEASE, reference, wait=wait)

    async def save_progress(self, reference: JobReference, progress: Mapping[str, object]) -> None:
        await self._write(REPORT, reference, progress=bounded(progress))

    async def _claim_all(
        self, wanted: Sequence[JobReference]
    ) -> Sequence[tuple[ClaimedJob | None, bool]]:
        """Claim the jobs; return for each the claim, and whether it was skipped as locked."""
        values = {"lease": self._lease, "worker": self._worker_id, "kinds": self._kinds}
        async with self._pool.executor() as executor:
            rows = await executor.all(CLAIM, **values, **_arrays(wanted))
        taken = {row["id"]: _claimed(row) for row in rows}
        missing = [reference for reference in wanted if reference.id not in taken]
        busy = await self._locked(missing) if missing else ()
        # A job may be in the batch twice: the first claim gets it, the second is stale.
        return [(taken.pop(reference.id, None), reference.id in busy) for reference in wanted]

    async def _locked(self, wanted: Sequence[JobReference]) -> Collection[UUID]:
        """Return the ids of jobs that can be claimed once their rows are unlocked.

        Empty if PostgreSQL does not answer: an error would lose the claims of the same batch, which
        are committed. The relay dispatches the jobs that were not claimed again.
        """
        with suppress(Unavailable):
            async with self._pool.executor() as executor:
                rows = await executor.all(FREE, kinds=self._kinds, **_arrays(wanted))
            return {row["id"] for row in rows}
        return ()

    async def _write(self, statement: Statement, reference: JobReference, **values: object) -> bool:
        async with self._pool.executor() as executor:
            found = await executor.first(
                statement, id=reference.id, epoch=reference.epoch, **values
            )
        return found is not None


def _arrays(references: Sequence[JobReference]) -> dict[str, object]:
    ids, epochs = [r.id for r in references], [r.epoch for r in references]
    return {"ids": ids, "epochs": epochs}


def bounded(document: Mapping[str, object]) -> str:
    """Encode a result or an error in at most MAX_DOCUMENT_BYTES bytes."""
    return encode_within(dict(document), MAX_DOCUMENT_BYTES)


def _claimed(row: Record) -> ClaimedJob:
    owner = row["owner_id"]
    return ClaimedJob(
        id=row["id"],
        epoch=row["epoch"],
        kind=row["kind"],
        data=read_object(row["data"]),
        attempt=row["attempts"],
        max_attempts=row["max_attempts"],
        owner_id=None if owner is None else UserId(owner),
        by_admin=row["by_admin"],
        correlation_id=row["correlation_id"],
        trace_context=trace_context(row),
        queue=JobQueueName(row["lane"])
        if row["lane"] in QUEUES
        else JobQueueName.SYSTEM,  # or a newer version's
        waited=row["waited"],
        age=row["age"],
    )
