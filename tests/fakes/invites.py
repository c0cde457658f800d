"""Invites in memory."""

from collections.abc import Container, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jubilee.domain.identity import UserId, name_key
from jubilee.domain.invites.invite import Invite, InviteRepository
from jubilee.domain.paging import Page, Position
from tests.fakes.roles import KNOWN
from tests.fakes.rows import FakeUnitOfWork, unique_violation


@dataclass(frozen=True, slots=True)
class FakeInvites(InviteRepository):
    """Invites by id."""

    rows: MutableMapping[UUID, Invite]
    users: Container[UserId]
    unit: FakeUnitOfWork

    async def get(self, invite_id: UUID) -> Invite | None:
        return self.rows.get(invite_id)

    async def find_by_token(self, token_hash: bytes) -> Invite | None:
        found = self.rows.values()
        return next((invite for invite in found if invite.token_hash == token_hash), None)

    async def find_by_email(self, email: str) -> Invite | None:
        key, found = name_key(email), self.rows.values()
        return next((invite for invite in found if name_key(invite.email) == key), None)

    async def page(self, *, now: datetime, after: Position | None, limit: int) -> Page[Invite]:
        live = [invite for invite in self.rows.values() if invite.expires_at > now]
        rows = sorted(live, key=_position, reverse=True)
        rest = [invite for invite in rows if after is None or _position(invite) < after]
        more = len(rest) > limit
        return Page(rest[:limit], _position(rest[limit - 1]) if more else None)

    async def add(self, invite: Invite) -> None:
        self.unit.check(invite)
        key = name_key(invite.email)
        await self.unit.hold("invite", key)
        for known in list(self.rows.values()):
            if name_key(known.email) == key:
                del self.rows[known.id]
        if await self.find_by_token(invite.token_hash) is not None:
            raise self.unit.fail(unique_violation("uq_invites_token_hash"))
        self.unit.require_row(self.users, invite.invited_by, "fk_invites_invited_by")
        self.unit.require_row(KNOWN, invite.role, "fk_invites_role")
        self.rows[invite.id] = invite

    async def count(self, invited_by: UserId, *, limit: int) -> int:
        own = [i for i in self.rows.values() if i.invited_by == invited_by]
        return min(limit, len(own))

    async def remove(self, invite_id: UUID) -> Invite | None:
        await self.unit.hold("invite id", invite_id)
        return self.rows.pop(invite_id, None)


def _position(invite: Invite) -> Position:
    return invite.created_at.isoformat(), str(invite.id)
