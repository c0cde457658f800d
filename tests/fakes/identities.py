"""Identities and spent tickets in memory."""

from collections.abc import Container, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from jubilee.adapters.ids import new_id
from jubilee.domain.identities.identity import (
    Identity,
    IdentityRepository,
    SpentTicketRepository,
)
from jubilee.domain.identity import UserId
from tests.fakes.rows import FakeUnitOfWork, unique_violation

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def make_identity(user_id: UserId, subject: str = "zoe-1") -> Identity:
    """Return an identity of the account."""
    return Identity(
        id=new_id(),
        user_id=user_id,
        provider="here",
        issuer="https://issuer.example",
        subject=subject,
        email="zoe@example.com",
        created_at=NOW,
        last_used_at=NOW,
    )


@dataclass(frozen=True, slots=True)
class FakeIdentities(IdentityRepository):
    """Identities by id."""

    rows: MutableMapping[UUID, Identity]
    users: Container[UserId]
    unit: FakeUnitOfWork

    async def find(self, issuer: str, subject: str) -> Identity | None:
        key = (issuer, subject)
        return next((row for row in self.rows.values() if (row.issuer, row.subject) == key), None)

    async def list_for(self, user_id: UserId) -> Sequence[Identity]:
        await self.unit.read("user", user_id, lock=False)
        own = [row for row in self.rows.values() if row.user_id == user_id]
        return sorted(own, key=lambda row: (row.created_at, row.id))

    async def add(self, identity: Identity) -> None:
        self.unit.check(identity)
        self.unit.require_lock("user", identity.user_id)
        await self.unit.hold("identity", identity.issuer, identity.subject)
        if await self.find(identity.issuer, identity.subject) is not None:
            raise self.unit.fail(unique_violation("uq_identities_issuer_subject"))
        self.unit.require_row(self.users, identity.user_id, "fk_identities_user_id")
        self.rows[identity.id] = identity

    async def save(self, identity: Identity) -> None:
        if identity.id in self.rows:
            self.rows[identity.id] = identity

    async def delete(self, identity_id: UUID) -> None:
        if (found := self.rows.pop(identity_id, None)) is not None:
            self.unit.require_lock("user", found.user_id)


@dataclass(frozen=True, slots=True)
class FakeSpentTickets(SpentTicketRepository):
    """Tickets with the time until which they are kept."""

    rows: MutableMapping[str, datetime]
    unit: FakeUnitOfWork

    async def add(self, ticket: str, *, until: datetime) -> bool:
        await self.unit.hold("ticket", ticket)
        if ticket in self.rows:
            return False
        self.rows[ticket] = until
        return True
