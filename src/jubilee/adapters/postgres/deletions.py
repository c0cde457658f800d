"""Deletions of accounts that wait for the end of their grace: rows of `account_deletions`."""

from dataclasses import dataclass
from datetime import datetime

from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.domain.identity import UserId
from jubilee.domain.users.pending_deletion import DeletionRepository

ADD = Statement.from_sql(
    """
    INSERT INTO account_deletions (user_id, due_at, requested_at)
    VALUES (:user_id, :due_at, now())
    """
)
FIND = Statement.from_sql(
    "SELECT due_at FROM account_deletions WHERE user_id = :user_id FOR UPDATE"
)
REMOVE = Statement.from_sql("DELETE FROM account_deletions WHERE user_id = :user_id")


@dataclass(frozen=True, slots=True)
class PostgresDeletions(DeletionRepository):
    """Reads and writes deletions that wait."""

    executor: Executor

    async def add(self, user_id: UserId, due_at: datetime) -> None:
        await self.executor.run(ADD, user_id=user_id, due_at=due_at)

    async def find(self, user_id: UserId) -> datetime | None:
        row = await self.executor.first(FIND, user_id=user_id)
        return None if row is None else row["due_at"]

    async def remove(self, user_id: UserId) -> None:
        await self.executor.run(REMOVE, user_id=user_id)
