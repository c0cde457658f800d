"""Roles and their grants."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, Text, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.rights import parse_rights, rights_of
from jubilee.adapters.postgres.statement import Executor
from jubilee.adapters.postgres.tables import role_grants, roles, users
from jubilee.domain.identity import UserId
from jubilee.domain.roles.role import MAX_ROLES, Role, RoleRepository
from jubilee.domain.scopes import Scope

OWN = role_grants.c.user_id == bindparam("user_id")
NAMES = bindparam("names", type_=ARRAY(Text))

ALL = core_statement(select(roles).order_by(roles.c.name).limit(MAX_ROLES))
GRANTED = core_statement(select(role_grants.c.role).where(OWN).limit(MAX_ROLES))
RIGHTS = core_statement(
    select(rights_of(users).label("rights")).where(users.c.id == bindparam("user_id"))
)
REVOKE_OTHERS = core_statement(
    delete(role_grants).where(OWN, role_grants.c.role != func.all(NAMES))
)
GRANT = core_statement(insert(role_grants).on_conflict_do_nothing())


@dataclass(frozen=True, slots=True)
class PostgresRoles(RoleRepository):
    """Reads roles and writes grants."""

    executor: Executor

    async def all(self) -> Sequence[Role]:
        return [
            Role(
                name=row["name"],
                description=row["description"],
                scopes=parse_rights(" ".join(row["scopes"])),
            )
            for row in await self.executor.all(ALL)
        ]

    async def granted(self, user_id: UserId) -> Collection[str]:
        return {row["role"] for row in await self.executor.all(GRANTED, user_id=user_id)}

    async def rights(self, user_id: UserId) -> frozenset[Scope]:
        row = await self.executor.first(RIGHTS, user_id=user_id)
        return frozenset() if row is None else parse_rights(row["rights"])

    async def replace_grants(
        self, user_id: UserId, names: Collection[str], *, by: UserId, at: datetime
    ) -> None:
        wanted = sorted(names)
        await self.executor.run(REVOKE_OTHERS, user_id=user_id, names=wanted)
        for name in wanted:
            values = {"user_id": user_id, "role": name, "granted_by": by, "granted_at": at}
            await self.executor.run(GRANT, **values)
