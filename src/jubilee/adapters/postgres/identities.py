"""Identities at other providers, and tickets that have been used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from asyncpg import Record

from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.domain.identities.identity import (
    MAX_IDENTITIES,
    Identity,
    IdentityRepository,
    SpentTicketRepository,
)
from jubilee.domain.identity import UserId

FIELDS = ", ".join(Identity.__dataclass_fields__)
FIND = Statement.from_sql(
    "SELECT {fields} FROM identities WHERE issuer = :issuer AND subject = :subject", fields=FIELDS
)
LIST = Statement.from_sql(
    """
    SELECT {fields} FROM identities WHERE user_id = :user_id
    ORDER BY created_at, id LIMIT CAST(:rows AS integer)
    """,
    fields=FIELDS,
)
ADD = Statement.from_sql(
    """
    INSERT INTO identities ({fields})
    VALUES (:id, :user_id, :provider, :issuer, :subject, :email, :created_at, :last_used_at)
    """,
    fields=FIELDS,
)
SAVE = Statement.from_sql(
    "UPDATE identities SET email = :email, last_used_at = :last_used_at WHERE id = :id"
)
DELETE = Statement.from_sql("DELETE FROM identities WHERE id = :id")
SPEND = Statement.from_sql(
    """
    INSERT INTO spent_tickets (id, expires_at) VALUES (:id, :expires_at)
    ON CONFLICT (id) DO NOTHING RETURNING id
    """
)


@dataclass(frozen=True, slots=True)
class PostgresIdentities(IdentityRepository):
    """Reads and writes rows of `identities`."""

    executor: Executor

    async def find(self, issuer: str, subject: str) -> Identity | None:
        row = await self.executor.first(FIND, issuer=issuer, subject=subject)
        return None if row is None else _identity(row)

    async def list_for(self, user_id: UserId) -> Sequence[Identity]:
        rows = await self.executor.all(LIST, user_id=user_id, rows=MAX_IDENTITIES)
        return [_identity(row) for row in rows]

    async def add(self, identity: Identity) -> None:
        values = {name: getattr(identity, name) for name in Identity.__dataclass_fields__}
        await self.executor.run(ADD, **values)

    async def save(self, identity: Identity) -> None:
        used, email = identity.last_used_at, identity.email
        await self.executor.run(SAVE, id=identity.id, email=email, last_used_at=used)

    async def delete(self, identity_id: UUID) -> None:
        await self.executor.run(DELETE, id=identity_id)


@dataclass(frozen=True, slots=True)
class PostgresSpentTickets(SpentTicketRepository):
    """Inserts the hash of a ticket; of two transactions, the second waits for the first."""

    executor: Executor

    async def add(self, ticket: str, *, until: datetime) -> bool:
        ticket_id = sha256(ticket.encode()).digest()
        return await self.executor.first(SPEND, id=ticket_id, expires_at=until) is not None


def _identity(row: Record) -> Identity:
    return Identity(**{name: row[name] for name in Identity.__dataclass_fields__})
