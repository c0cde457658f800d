"""The job that makes an export."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.clock import Clock
from jubilee.domain.identity import NewId, UserId
from jubilee.domain.jobs.kinds import (
    Audience,
    Completion,
    JobContext,
    JobKind,
    PermanentFailure,
)
from jubilee.domain.jobs.payload import require_only
from jubilee.domain.jobs.queue import JobQueue
from jubilee.domain.leaving.archive import Archiver
from jubilee.domain.leaving.export import (
    EXPORT,
    KEPT,
    Export,
    ExportCipher,
    ExportTransaction,
)
from jubilee.domain.one_time.issuing import LinkIssuer
from jubilee.domain.one_time.link import LinkPurpose
from jubilee.domain.transaction import Begin
from jubilee.domain.users.ports import UserRepository

TIMEOUT_S = 300.0
MAX_EXPORT_BYTES = 1 << 30


# Ports


class FinishedExportTransaction(ExportTransaction, Protocol):
    """The repositories that the end of an export needs in one transaction."""

    @property
    def users(self) -> UserRepository:
        """The accounts."""

    @property
    def jobs(self) -> JobQueue:
        """The jobs to enqueue."""


class ExportTooLarge(PermanentFailure):
    """The archive is larger than the service stores."""

    code = "export_too_large"


@dataclass(frozen=True, slots=True)
class BuildExport(JobKind[None, FinishedExportTransaction]):
    """`account.export`: stores the archive in sealed chunks, and mails a link to it.

    Of several attempts, the archive of the one that ends the job is kept.
    """

    archiver: Archiver
    write: Begin[ExportTransaction]
    cipher: ExportCipher
    issuer: LinkIssuer
    clock: Clock
    new_id: NewId
    name = EXPORT
    audience = Audience.INTERNAL
    timeout = TIMEOUT_S

    def read(self, data: Mapping[str, object]) -> None:
        require_only(data, ())

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    async def run(
        self, job: JobContext[None], complete: Completion[FinishedExportTransaction]
    ) -> None:
        if job.owner_id is None:
            raise PermanentFailure("an export belongs to an account")
        export = await self._stored(job.owner_id)
        result = {"size_bytes": export.size_bytes, "expires_at": export.expires_at.isoformat()}
        async with complete({**result, "download": "/users/me/export"}) as tx:
            await tx.exports.finish(export)
            user = await tx.users.get(export.user_id, lock=True)
            link = await self.issuer.issue(tx, LinkPurpose.EXPORT, user.id, recipient=user.email)
            template = MailTemplate.EXPORT_READY
            await tx.jobs.add(account_mail(self.new_id(), user.id, template, link_id=link.id))

    async def _stored(self, user_id: UserId) -> Export:
        """Store the archive; each chunk is committed at once, none is seen before the end."""
        export_id, expires_at = self.new_id(), self.clock() + KEPT
        async with self.write() as tx:
            await tx.exports.begin(export_id, user_id, expires_at=expires_at)
        size = number = 0
        async with aclosing(self.archiver.archive(user_id)) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size > MAX_EXPORT_BYTES:
                    raise ExportTooLarge("The archive is larger than 1 GiB: ask an operator.")
                sealed = self.cipher.seal(export_id, number, chunk)
                async with self.write() as tx:
                    await tx.exports.add(export_id, number, sealed)
                number += 1
        return Export(export_id, user_id, size, number, expires_at)
