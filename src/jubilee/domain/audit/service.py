"""Use cases of the audit log."""

from dataclasses import dataclass, replace
from typing import Protocol

from jubilee.domain.audit.entry import (
    AuditEntry,
    AuditEvent,
    AuditFilter,
    AuditReader,
    AuditTransaction,
    RequestOrigin,
)
from jubilee.domain.identity import Principal
from jubilee.domain.paging import Page, Position
from jubilee.domain.transaction import Begin

HIDDEN = "administrator"
"""Stands for the id of an account that acted as the caller."""


class AuditView(Protocol):
    """The repository that the use cases of the audit log read from."""

    @property
    def audit(self) -> AuditReader:
        """The audit log."""


@dataclass(frozen=True, slots=True)
class AuditService:
    """Use cases of the audit log."""

    write: Begin[AuditTransaction]
    read_list: Begin[AuditView]

    async def list(
        self, chosen: AuditFilter, *, by: Principal, after: Position | None, limit: int
    ) -> Page[AuditEntry]:
        """List entries of all accounts, for admins; that is recorded, too."""
        page = await self._page(chosen, after, limit)
        async with self.write() as tx:
            await tx.audit.record(
                AuditEvent.ADMIN_READ,
                actor=by.user_id,
                subject=chosen.subject_id,
                resource="audit",
            )
        return page

    async def own(
        self, chosen: AuditFilter, *, by: Principal, after: Position | None, limit: int
    ) -> Page[AuditEntry]:
        """List the entries that concern the caller, without addresses of admins."""
        page = await self._page(replace(chosen, subject_id=by.user_id), after, limit)
        return Page([_for_subject(entry) for entry in page.rows], page.after)

    async def _page(
        self, chosen: AuditFilter, after: Position | None, limit: int
    ) -> Page[AuditEntry]:
        async with self.read_list() as view:
            return await view.audit.page(chosen, after=after, limit=limit)


def _for_subject(entry: AuditEntry) -> AuditEntry:
    """Hide where another account or an operator acted from; an unknown caller is shown.

    Of an account that acted as the caller, its id is hidden, too.
    """
    impersonated = "impersonator" in entry.details
    if entry.actor_id in {None, entry.subject_id} and not impersonated:
        return entry
    details = entry.details.copy()
    if impersonated:
        details["impersonator"] = HIDDEN
    return replace(entry, origin=RequestOrigin(), details=details)
