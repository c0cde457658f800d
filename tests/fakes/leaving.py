"""Deletions that wait, exports and rows of persons in memory."""

from collections.abc import Container, MutableMapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from jubilee.domain.identity import UserId
from jubilee.domain.leaving.archive import DataPage, DataPart, PersonalDataReader
from jubilee.domain.leaving.export import Export, ExportReader, ExportRepository
from jubilee.domain.users.pending_deletion import DeletionRepository
from jubilee.domain.users.user import User
from tests.fakes.rows import FakeUnitOfWork, unique_violation


@dataclass(frozen=True, slots=True)
class FakeDeletions(DeletionRepository):
    """Due times by account."""

    rows: MutableMapping[UserId, datetime]
    users: Container[UserId]
    unit: FakeUnitOfWork

    async def add(self, user_id: UserId, due_at: datetime) -> None:
        self.unit.require_lock("user", user_id)
        if user_id in self.rows:
            raise self.unit.fail(unique_violation("pk_account_deletions"))
        self.unit.require_row(self.users, user_id, "fk_account_deletions_user_id")
        self.rows[user_id] = due_at

    async def find(self, user_id: UserId) -> datetime | None:
        await self.unit.hold("deletion", user_id)
        return self.rows.get(user_id)

    async def remove(self, user_id: UserId) -> None:
        self.unit.require_lock("user", user_id)
        await self.unit.hold("deletion", user_id)
        self.rows.pop(user_id, None)


@dataclass(frozen=True, slots=True)
class StoredExport:
    """An export and its chunks; unfinished while its size is negative."""

    export: Export
    chunks: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FakeExports(ExportReader, ExportRepository):
    """Exports by id."""

    rows: MutableMapping[UUID, StoredExport]
    users: Container[UserId]
    unit: FakeUnitOfWork

    async def find(self, user_id: UserId, *, now: datetime) -> Export | None:
        for stored in self.rows.values():
            export = stored.export
            if export.user_id == user_id and export.size_bytes >= 0 and export.expires_at > now:
                return export
        return None

    async def chunk(self, export_id: UUID, number: int) -> bytes | None:
        stored = self.rows.get(export_id)
        return None if stored is None else stored.chunks.get(number)

    async def begin(self, export_id: UUID, user_id: UserId, *, expires_at: datetime) -> None:
        self._delete(user_id, but=[s.export.id for s in self.rows.values() if _is_finished(s)])
        self.unit.require_row(self.users, user_id, "fk_exports_user_id")
        self.rows[export_id] = StoredExport(Export(export_id, user_id, -1, 0, expires_at))

    async def add(self, export_id: UUID, number: int, sealed: bytes) -> None:
        self.unit.require_row(self.rows, export_id, "fk_export_chunks_export_id")
        self.rows[export_id].chunks[number] = sealed

    async def finish(self, export: Export) -> None:
        self.rows[export.id] = StoredExport(export, self.rows[export.id].chunks)
        self._delete(export.user_id, but=[export.id])

    def _delete(self, user_id: UserId, *, but: Sequence[UUID] = ()) -> None:
        own = [s.export.id for s in self.rows.values() if s.export.user_id == user_id]
        for export_id in set(own) - set(but):
            del self.rows[export_id]


def _is_finished(stored: StoredExport) -> bool:
    return stored.export.size_bytes >= 0


@dataclass(frozen=True, slots=True)
class FakePersonalData(PersonalDataReader):
    """The account and its items, a row a page."""

    users: MutableMapping[UserId, User]
    items: MutableMapping[UUID, Any]

    @property
    def parts(self) -> Sequence[DataPart]:
        return [DataPart("account"), DataPart("items", ("id", "title"))]

    async def page(self, part: DataPart, user_id: UserId, after: str | None) -> DataPage:
        items = (item for item in self.items.values() if item.owner_id == user_id)
        account = [asdict(user) for user in [self.users.get(user_id)] if user is not None]
        rows = account if part.name == "account" else [item._asdict() for item in items]
        start = int(after or 0)
        page = [{name: str(value) for name, value in row.items()} for row in rows]
        return DataPage(page[start : start + 1], str(start + 1) if start + 1 < len(rows) else None)
