"""Pending invites; accepting, revoking and replacing one delete its row."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from asyncpg import Record
from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.keyset import is_after, last_key, page
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import invites
from jubilee.domain.identity import UserId, name_key
from jubilee.domain.invites.invite import Invite, InviteRepository
from jubilee.domain.paging import Page, Position

BY_ID = invites.c.id == bindparam("invite_id")
NEWEST = (invites.c.created_at.desc(), invites.c.id.desc())

GET = core_statement(select(invites).where(BY_ID))
BY_TOKEN = core_statement(select(invites).where(invites.c.token_hash == bindparam("token_hash")))
BY_EMAIL = core_statement(select(invites).where(invites.c.email_key == bindparam("email_key")))
_own = select(invites.c.id).where(invites.c.invited_by == bindparam("invited_by"))
COUNT = core_statement(
    select(func.count().label("count")).select_from(_own.limit(bindparam("rows")).subquery())
)
_new = insert(invites)
ADD = core_statement(
    _new.on_conflict_do_update(
        index_elements=["email_key"],
        set_={column.name: _new.excluded[column.name] for column in invites.c},
    )
)
REMOVE = core_statement(delete(invites).where(BY_ID).returning(*invites.c))


@lru_cache(maxsize=2)
def _page(*, continued: bool) -> Statement:
    live = invites.c.expires_at > bindparam("now", type_=invites.c.expires_at.type)
    chosen = [is_after(invites.c.created_at, invites.c.id, falling=True)] if continued else []
    newest = select(invites).where(live, *chosen).order_by(*NEWEST)
    return core_statement(newest.limit(bindparam("rows")))


@dataclass(frozen=True, slots=True)
class PostgresInvites(InviteRepository):
    """Reads and writes invites; an address has one at most."""

    executor: Executor

    async def get(self, invite_id: UUID) -> Invite | None:
        row = await self.executor.first(GET, invite_id=invite_id)
        return None if row is None else _invite(row)

    async def find_by_token(self, token_hash: bytes) -> Invite | None:
        row = await self.executor.first(BY_TOKEN, token_hash=token_hash)
        return None if row is None else _invite(row)

    async def find_by_email(self, email: str) -> Invite | None:
        row = await self.executor.first(BY_EMAIL, email_key=name_key(email))
        return None if row is None else _invite(row)

    async def page(self, *, now: datetime, after: Position | None, limit: int) -> Page[Invite]:
        last = last_key(invites.c.created_at, after)
        statement = _page(continued=after is not None)
        rows = await self.executor.all(statement, rows=limit + 1, now=now, **last)
        found = [_invite(row) for row in rows[:limit]]
        return page(found, lambda invite: (invite.created_at, invite.id), more=len(rows) > limit)

    async def add(self, invite: Invite) -> None:
        values = {name: getattr(invite, name) for name in Invite.__dataclass_fields__}
        await self.executor.run(ADD, **values, email_key=name_key(invite.email))

    async def count(self, invited_by: UserId, *, limit: int) -> int:
        row = await self.executor.first(COUNT, invited_by=invited_by, rows=limit)
        return 0 if row is None else row["count"]

    async def remove(self, invite_id: UUID) -> Invite | None:
        row = await self.executor.first(REMOVE, invite_id=invite_id)
        return None if row is None else _invite(row)


def _invite(row: Record) -> Invite:
    return Invite(**{name: row[name] for name in Invite.__dataclass_fields__})
