"""Passkeys, and the challenges that have been answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from asyncpg import Record
from sqlalchemy import bindparam, delete, insert, select, update

from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import passkeys
from jubilee.domain.identity import UserId
from jubilee.domain.passkeys.passkey import Passkey, PasskeyRepository, SpentChallengeStore

ONE = passkeys.c.id == bindparam("passkey_id")
BY_CREDENTIAL = select(passkeys).where(passkeys.c.credential_id == bindparam("credential_id"))
FIND = core_statement(BY_CREDENTIAL)
LOCK = core_statement(BY_CREDENTIAL.with_for_update())
LIST = core_statement(
    select(passkeys)
    .where(passkeys.c.user_id == bindparam("user_id"))
    .order_by(passkeys.c.created_at, passkeys.c.id)
)
ADD = core_statement(insert(passkeys))
CHANGING = ["sign_count", "name", "backed_up", "last_used_at"]
SAVE = core_statement(update(passkeys).where(ONE), columns=CHANGING)
REMOVE = core_statement(delete(passkeys).where(ONE))
SPEND = Statement.from_sql(
    """
    INSERT INTO spent_challenges (challenge, expires_at)
    VALUES (:challenge, CAST(:until AS timestamptz))
    ON CONFLICT DO NOTHING RETURNING expires_at
    """
)


@dataclass(frozen=True, slots=True)
class PostgresPasskeys(PasskeyRepository):
    """Reads and writes passkeys."""

    executor: Executor

    async def list_for(self, user_id: UserId) -> Sequence[Passkey]:
        return [_passkey(row) for row in await self.executor.all(LIST, user_id=user_id)]

    async def find(self, credential_id: bytes, *, lock: bool = False) -> Passkey | None:
        statement = LOCK if lock else FIND
        row = await self.executor.first(statement, credential_id=credential_id)
        return None if row is None else _passkey(row)

    async def add(self, passkey: Passkey) -> None:
        await self.executor.run(
            ADD, **{n: getattr(passkey, n) for n in Passkey.__dataclass_fields__}
        )

    async def save(self, passkey: Passkey) -> None:
        values = {name: getattr(passkey, name) for name in CHANGING}
        await self.executor.run(SAVE, passkey_id=passkey.id, **values)

    async def remove(self, passkey_id: UUID) -> None:
        await self.executor.run(REMOVE, passkey_id=passkey_id)


@dataclass(frozen=True, slots=True)
class PostgresSpentChallenges(SpentChallengeStore):
    """Stores answered challenges; the primary key decides between parallel answers."""

    executor: Executor

    async def spend(self, challenge: bytes, *, until: datetime) -> bool:
        return await self.executor.first(SPEND, challenge=challenge, until=until) is not None


def _passkey(row: Record) -> Passkey:
    return Passkey(**{name: row[name] for name in Passkey.__dataclass_fields__})
