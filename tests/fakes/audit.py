"""The audit log in memory."""

from collections.abc import MutableSequence
from dataclasses import dataclass, replace
from typing import Unpack

from jubilee.adapters.ids import new_id
from jubilee.domain.audit.entry import (
    AuditDetails,
    AuditEntry,
    AuditEvent,
    AuditFilter,
    AuditLog,
    AuditReader,
    RequestOrigin,
    with_impersonator,
)
from jubilee.domain.clock import Clock
from jubilee.domain.identity import UserId
from jubilee.domain.paging import Page, Position
from jubilee.observation.requests import current_request
from tests.fakes.rows import FakeUnitOfWork


@dataclass(frozen=True, slots=True)
class FakeAuditLog(AuditLog, AuditReader):
    """Appends to `new`; lists the committed entries and its own."""

    committed: MutableSequence[AuditEntry]
    new: MutableSequence[AuditEntry]
    clock: Clock
    unit: FakeUnitOfWork
    origin: RequestOrigin

    async def record(
        self,
        event: AuditEvent,
        *,
        actor: UserId | None,
        subject: UserId | None,
        **details: Unpack[AuditDetails],
    ) -> None:
        self.unit.check(details)
        request = current_request.get()
        acting = replace(self.origin, impersonator=request.impersonator_id if request else None)
        entry = AuditEntry(
            id=new_id(),
            event=event.value,
            actor_id=actor,
            subject_id=subject,
            occurred_at=self.clock(),
            origin=self.origin,
            details=with_impersonator(details, acting),
        )
        self.new.append(entry)

    async def page(
        self, chosen: AuditFilter, *, after: Position | None, limit: int
    ) -> Page[AuditEntry]:
        own = [] if self.new is self.committed else self.new
        found = [entry for entry in (*self.committed, *own) if _matches(entry, chosen)]
        rows = sorted(found, key=_position, reverse=True)
        rest = [entry for entry in rows if after is None or _position(entry) < after]
        more = len(rest) > limit
        return Page(rest[:limit], _position(rest[limit - 1]) if more else None)

    async def addresses(self, chosen: AuditFilter, *, limit: int) -> frozenset[str | None]:
        newest = await self.page(chosen, after=None, limit=limit)
        return frozenset(entry.origin.address for entry in newest.rows)


def _position(entry: AuditEntry) -> Position:
    return entry.occurred_at.isoformat(), str(entry.id)


def _matches(entry: AuditEntry, chosen: AuditFilter) -> bool:
    return (
        chosen.event in {None, entry.event}
        and chosen.actor_id in {None, entry.actor_id}
        and chosen.subject_id in {None, entry.subject_id}
        and (chosen.since is None or entry.occurred_at >= chosen.since)
        and (chosen.until is None or entry.occurred_at < chosen.until)
    )
