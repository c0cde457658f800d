"""The audit log: appends entries, and lists them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from secrets import token_bytes
from typing import TypeAlias, Unpack

from asyncpg import Record
from sqlalchemy import ColumnElement, bindparam, insert, select

from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.documents import encode
from jubilee.adapters.postgres.keyset import is_after, last_key, page
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import audit_entries
from jubilee.domain.audit.chain import hash_client
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
from jubilee.domain.identity import NewId, UserId
from jubilee.domain.paging import Page, Position

ReadOrigin: TypeAlias = Callable[[], RequestOrigin]
"""Returns where the current act comes from."""

SALT_BYTES = 16
TIME, ID = audit_entries.c.occurred_at, audit_entries.c.id
CONDITIONS: dict[str, ColumnElement[bool]] = {
    "event": audit_entries.c.event == bindparam("event"),
    "actor_id": audit_entries.c.actor_id == bindparam("actor_id"),
    "subject_id": audit_entries.c.subject_id == bindparam("subject_id"),
    "since": bindparam("since", type_=TIME.type) <= TIME,
    "until": bindparam("until", type_=TIME.type) > TIME,
}
ADD = core_statement(
    insert(audit_entries), columns=[each.name for each in audit_entries.c if each.name != "seal"]
)


@lru_cache(maxsize=64)
def page_statement(chosen: frozenset[str], *, continued: bool) -> Statement:
    """Return the statement of a page with the conditions of these names; it binds `rows`."""
    conditions = [CONDITIONS[name] for name in sorted(chosen)]
    if continued:
        conditions.append(is_after(TIME, ID, falling=True))
    newest = select(audit_entries).where(*conditions).order_by(TIME.desc(), ID.desc())
    return core_statement(newest.limit(bindparam("rows")))


@lru_cache(maxsize=8)
def addresses_statement(chosen: frozenset[str]) -> Statement:
    """Return the statement of addresses with the conditions of these names; it binds `rows`."""
    conditions = [CONDITIONS[name] for name in sorted(chosen)]
    newest = select(audit_entries.c.address).where(*conditions)
    newest = newest.order_by(TIME.desc(), ID.desc()).limit(bindparam("rows"))
    return core_statement(select(newest.subquery().c.address).distinct())


@dataclass(frozen=True, slots=True)
class PostgresAuditLog(AuditLog, AuditReader):
    """Appends in the caller's transaction."""

    executor: Executor
    clock: Clock
    new_id: NewId
    origin: ReadOrigin

    async def record(
        self,
        event: AuditEvent,
        *,
        actor: UserId | None,
        subject: UserId | None,
        **details: Unpack[AuditDetails],
    ) -> None:
        origin, salt = self.origin(), token_bytes(SALT_BYTES)
        await self.executor.run(
            ADD,
            id=self.new_id(),
            event=event.value,
            actor_id=actor,
            subject_id=subject,
            occurred_at=self.clock(),
            request_id=origin.request_id,
            details=encode(with_impersonator(details, origin)),
            address=origin.address,
            user_agent=origin.user_agent,
            client_salt=salt,
            client_hash=hash_client(salt, origin.address, origin.user_agent),
        )

    async def page(
        self, chosen: AuditFilter, *, after: Position | None, limit: int
    ) -> Page[AuditEntry]:
        used = _conditions(chosen)
        statement = page_statement(frozenset(used), continued=after is not None)
        rows = await self.executor.all(statement, rows=limit + 1, **used, **last_key(TIME, after))
        found = [_entry(row) for row in rows[:limit]]
        return page(found, lambda entry: (entry.occurred_at, entry.id), more=len(rows) > limit)

    async def addresses(self, chosen: AuditFilter, *, limit: int) -> frozenset[str | None]:
        used = _conditions(chosen)
        statement = addresses_statement(frozenset(used))
        rows = await self.executor.all(statement, rows=limit, **used)
        return frozenset(row["address"] for row in rows)


def _conditions(chosen: AuditFilter) -> dict[str, object]:
    """Return the values that a list is limited to, by the names of their conditions."""
    given = {name: getattr(chosen, name) for name in CONDITIONS}
    return {name: value for name, value in given.items() if value is not None}


def _entry(row: Record) -> AuditEntry:
    return AuditEntry(
        id=row["id"],
        event=row["event"],
        actor_id=row["actor_id"],
        subject_id=row["subject_id"],
        occurred_at=row["occurred_at"],
        origin=RequestOrigin(row["address"], row["user_agent"], row["request_id"]),
        details=row["details"],
    )
