"""Export of everything that the service has of a person: requested, made by a job, downloaded."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from jubilee.domain.audit.entry import AuditEvent, AuditTransaction
from jubilee.domain.clock import Clock
from jubilee.domain.errors import NotFound
from jubilee.domain.identity import NewId, Principal, UserId
from jubilee.domain.leaving.archive import Archiver
from jubilee.domain.one_time.link import LinkProof, LinkPurpose, OneTimeTransaction
from jubilee.domain.one_time.proving import LinkProver
from jubilee.domain.tasks.task import (
    Task,
    TaskIdTaken,
    TaskNotFound,
    TaskRequest,
    TaskTransaction,
    TooManyTasks,
)
from jubilee.domain.transaction import Begin

EXPORT = "account.export"
TASK_ID = "account.export"
"""The `task_id` of every export: an account has one at a time."""
KEPT = timedelta(days=7)


class ExportNotFound(NotFound):
    """There is no export of this account, or it has expired."""

    code = "export_not_found"


@dataclass(frozen=True, slots=True)
class Export:
    """A finished archive of an account, in `chunks` numbered chunks."""

    id: UUID
    user_id: UserId
    size_bytes: int
    chunks: int
    expires_at: datetime


# Ports


class ExportReader(Protocol):
    """Reads finished exports."""

    async def find(self, user_id: UserId, *, now: datetime) -> Export | None:
        """Return the account's export that has not expired."""

    async def chunk(self, export_id: UUID, number: int) -> bytes | None:
        """Return a sealed chunk; None once the export is deleted."""


class ExportRepository(Protocol):
    """Writes exports; what is not finished is deleted when it expires."""

    async def begin(self, export_id: UUID, user_id: UserId, *, expires_at: datetime) -> None:
        """Insert an unfinished export; others of the account that are unfinished are deleted."""

    async def add(self, export_id: UUID, number: int, sealed: bytes) -> None:
        """Insert a sealed chunk."""

    async def finish(self, export: Export) -> None:
        """Make the export the only one of its account."""


class ExportCipher(Protocol):
    """Encrypts the chunks of archives with a key of the service."""

    def seal(self, export_id: UUID, number: int, content: bytes) -> bytes:
        """Encrypt a chunk; it opens only as this chunk of this export."""

    def open(self, export_id: UUID, number: int, sealed: bytes) -> bytes:
        """Decrypt a chunk; raise ExportNotFound if no known key opens it."""


class ExportView(Protocol):
    """The repository that is read from."""

    @property
    def exports(self) -> ExportReader:
        """The exports."""


class ExportTransaction(TaskTransaction, AuditTransaction, OneTimeTransaction, Protocol):
    """The repositories that exports need in one transaction."""

    @property
    def exports(self) -> ExportRepository:
        """The exports."""


@dataclass(frozen=True, slots=True)
class ExportService:
    """Use cases of exports."""

    write: Begin[ExportTransaction]
    read: Begin[ExportView]
    cipher: ExportCipher
    archiver: Archiver
    prover: LinkProver
    clock: Clock
    new_id: NewId
    max_live_per_owner: int

    async def request(self, *, by: Principal) -> Task:
        """Queue an export of the caller's account, or return the task of the one under way.

        Raises TooManyTasks, or TaskIdTaken if another task of the caller bears its name.
        """
        return await self.request_for(by.user_id, by=by)

    async def request_for(self, owner: UserId, *, by: Principal) -> Task:
        """Queue the export of an account, which gets its link by mail; raise as `request` does."""
        async with self.write() as tx:
            await tx.task_queue.recount(owner, limit=self.max_live_per_owner)
            with suppress(TaskNotFound):
                known = await tx.tasks.get(TASK_ID, by=Principal(owner, None), lock=True)
                if known.kind != EXPORT:
                    raise TaskIdTaken
                if known.status.is_live:
                    return known
                await tx.tasks.remove(known.id)
            request = TaskRequest(data={}, kind=EXPORT, task_id=TASK_ID)
            task = await tx.task_queue.add(
                request, new_id=self.new_id(), owner=owner, limit=self.max_live_per_owner
            )
            if task is None:
                raise TooManyTasks
            await tx.audit.record(AuditEvent.EXPORT_REQUESTED, actor=by.user_id, subject=owner)
        return task

    async def find(self, user_id: UserId, *, actor: UserId) -> Export:
        """Return the account's finished export, and record that it is read.

        Raises ExportNotFound.
        """
        async with self.read() as view:
            export = await view.exports.find(user_id, now=self.clock())
        if export is None:
            raise ExportNotFound
        async with self.write() as tx:
            await tx.audit.record(AuditEvent.EXPORT_DOWNLOADED, actor=actor, subject=user_id)
        return export

    async def open_link(self, proof: LinkProof, address: str | None) -> Export:
        """Return the export that a mailed link leads to; the link works once.

        Raises InvalidLink, TooManyAttempts or ExportNotFound; `address` is the client's.
        """
        link = await self.prover.prove(LinkPurpose.EXPORT, proof, address)
        async with self.read() as view:
            export = await view.exports.find(link.user_id, now=self.clock())
        if export is None:
            raise ExportNotFound
        async with self.write() as tx:
            await self.prover.use(tx, link)
            event = AuditEvent.EXPORT_DOWNLOADED
            await tx.audit.record(event, actor=link.user_id, subject=link.user_id)
        return export

    async def chunks(self, export: Export) -> AsyncGenerator[bytes]:
        """Yield the archive, a chunk at a time; raise ExportNotFound if it is deleted meanwhile."""
        for number in range(export.chunks):
            async with self.read() as view:
                sealed = await view.exports.chunk(export.id, number)
            if sealed is None:
                raise ExportNotFound
            yield self.cipher.open(export.id, number, sealed)

    async def archive(self, user_id: UserId, *, by: Principal) -> AsyncGenerator[bytes]:
        """Yield an archive that is not stored, for operators; recorded as an export."""
        async with self.write() as tx:
            await tx.audit.record(AuditEvent.EXPORT_REQUESTED, actor=by.user_id, subject=user_id)
        async with aclosing(self.archiver.archive(user_id)) as chunks:
            async for chunk in chunks:
                yield chunk
