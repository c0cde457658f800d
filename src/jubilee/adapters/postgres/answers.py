"""Stored answers: rows of `idempotency_keys`."""

from dataclasses import dataclass

from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.domain.idempotency.answers import AnswerRepository, IdempotencyKeyInUse
from jubilee.domain.identity import UserId

LOCK_BYTES = 8
FIND = Statement.from_sql("SELECT answer FROM idempotency_keys WHERE id = :id")
# An advisory lock: a request that inserted the row first would make its repetitions wait for it.
# Its key and those of the quotas are hashes of 64 bits; equal ones would cost a needless 409.
CLAIM = Statement.from_sql(
    """
    SELECT pg_try_advisory_xact_lock(CAST(:lock AS bigint)) AS locked,
        (SELECT answer FROM idempotency_keys WHERE id = :id) AS answer
    """
)
ADD = Statement.from_sql(
    """
    INSERT INTO idempotency_keys (id, account_id, answer, created_at)
    VALUES (:id, :account, :answer, now())
    """
)
DELETE_ABOUT = Statement.from_sql("DELETE FROM idempotency_keys WHERE account_id = :account")


@dataclass(frozen=True, slots=True)
class PostgresAnswers(AnswerRepository):
    """Reads and stores sealed answers."""

    executor: Executor

    async def find(self, request_id: bytes) -> bytes | None:
        row = await self.executor.first(FIND, id=request_id)
        return None if row is None else row["answer"]

    async def claim(self, request_id: bytes) -> bytes | None:
        lock = int.from_bytes(request_id[:LOCK_BYTES], signed=True)
        row = await self.executor.first(CLAIM, id=request_id, lock=lock)
        assert row is not None
        if row["answer"] is None and not row["locked"]:
            raise IdempotencyKeyInUse
        found: bytes | None = row["answer"]
        return found

    async def add(self, request_id: bytes, sealed: bytes, account: UserId | None) -> None:
        await self.executor.run(ADD, id=request_id, account=account, answer=sealed)

    async def delete_about(self, account: UserId) -> None:
        """Delete the answers that contain data of the account, which is locked."""
        await self.executor.run(DELETE_ABOUT, account=account)
