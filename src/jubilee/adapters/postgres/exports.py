"""Exports: rows of `exports` and `export_chunks`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.domain.identity import UserId
from jubilee.domain.leaving.export import Export, ExportReader, ExportRepository

FIND = Statement.from_sql(
    """
    SELECT id, user_id, size_bytes, chunks, expires_at FROM exports
    WHERE user_id = :user_id AND size_bytes IS NOT NULL AND expires_at > :now
    ORDER BY id DESC LIMIT 1
    """
)
CHUNK = Statement.from_sql(
    "SELECT content FROM export_chunks WHERE export_id = :export_id AND number = :number"
)
# What an attempt left that was interrupted; if it still runs, its next chunk is refused.
DELETE_UNFINISHED = Statement.from_sql(
    "DELETE FROM exports WHERE user_id = :user_id AND size_bytes IS NULL"
)
BEGIN = Statement.from_sql(
    """
    INSERT INTO exports (id, user_id, expires_at, created_at)
    VALUES (:id, :user_id, :expires_at, now())
    """
)
ADD = Statement.from_sql(
    "INSERT INTO export_chunks (export_id, number, content) VALUES (:export_id, :number, :content)"
)
FINISH = Statement.from_sql(
    "UPDATE exports SET size_bytes = :size_bytes, chunks = :chunks WHERE id = :id"
)
DELETE_OTHERS = Statement.from_sql("DELETE FROM exports WHERE user_id = :user_id AND id <> :id")


@dataclass(frozen=True, slots=True)
class PostgresExports(ExportReader, ExportRepository):
    """Reads and writes exports; the chunks of a deleted one go with it."""

    executor: Executor

    async def find(self, user_id: UserId, *, now: datetime) -> Export | None:
        row = await self.executor.first(FIND, user_id=user_id, now=now)
        return None if row is None else Export(**dict(row))

    async def chunk(self, export_id: UUID, number: int) -> bytes | None:
        row = await self.executor.first(CHUNK, export_id=export_id, number=number)
        return None if row is None else row["content"]

    async def begin(self, export_id: UUID, user_id: UserId, *, expires_at: datetime) -> None:
        await self.executor.run(DELETE_UNFINISHED, user_id=user_id)
        await self.executor.run(BEGIN, id=export_id, user_id=user_id, expires_at=expires_at)

    async def add(self, export_id: UUID, number: int, sealed: bytes) -> None:
        await self.executor.run(ADD, export_id=export_id, number=number, content=sealed)

    async def finish(self, export: Export) -> None:
        values = {"size_bytes": export.size_bytes, "chunks": export.chunks}
        await self.executor.run(FINISH, id=export.id, **values)
        await self.executor.run(DELETE_OTHERS, user_id=export.user_id, id=export.id)
