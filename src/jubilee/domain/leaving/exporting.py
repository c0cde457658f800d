"""The job that makes an export."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

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
from jubilee.domain.leaving.archive import Archiver
from jubilee.domain.leaving.export import (
    EXPORT,
    KEPT,
    Export,
    ExportCipher,
    ExportTransaction,
)
from jubilee.domain.transaction import Begin

TIMEOUT_S = 300.0
MAX_EXPORT_BYTES = 1 << 30


class ExportTooLarge(PermanentFailure):
    """The archive is larger than the service stores."""

    code = "export_too_large"


@dataclass(frozen=True, slots=True)
class BuildExport(JobKind[None, ExportTransaction]):
    """`account.export`: stores the archive in sealed chunks; the last attempt's is the one kept."""

    archiver: Archiver
    write: Begin[ExportTransaction]
    cipher: ExportCipher
    clock: Clock
    new_id: NewId
    name = EXPORT
    audience = Audience.INTERNAL
    timeout = TIMEOUT_S

    def read(self, data: Mapping[str, object]) -> None:
        require_only(data, ())

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    async def run(self, job: JobContext[None], complete: Completion[ExportTransaction]) -> None:
        if job.owner_id is None:
            raise PermanentFailure("an export belongs to an account")
        export = await self._stored(job.owner_id)
        result = {"size_bytes": export.size_bytes, "expires_at": export.expires_at.isoformat()}
        async with complete({**result, "download": "/users/me/export"}) as tx:
            await tx.exports.finish(export)

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
