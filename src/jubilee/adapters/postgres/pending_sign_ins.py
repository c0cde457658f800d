"""Sign-ins whose second factor is missing."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, insert

from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import pending_sign_ins
from jubilee.domain.auth.pending import (
    MAX_PENDING_PER_USER,
    MAX_TRIES,
    PendingSignIn,
    PendingSignInRepository,
)

ADD = core_statement(insert(pending_sign_ins))
PRUNE = Statement.from_sql(
    """
    DELETE FROM pending_sign_ins WHERE user_id = :user_id AND (
        expires_at <= CAST(:now AS timestamptz) OR token_hash IN (
            SELECT token_hash FROM pending_sign_ins WHERE user_id = :user_id
            ORDER BY expires_at DESC OFFSET CAST(:kept AS integer)
        )
    )
    """
)
COUNT_TRY = Statement.from_sql(
    """
    UPDATE pending_sign_ins SET tries = tries + 1
    WHERE token_hash = :token_hash AND expires_at > CAST(:now AS timestamptz)
        AND tries < CAST(:most AS smallint)
    RETURNING token_hash, user_id, password_digest, expires_at
    """
)
TAKE = core_statement(
    delete(pending_sign_ins)
    .where(pending_sign_ins.c.token_hash == bindparam("token_hash"))
    .returning(pending_sign_ins.c.user_id)
)


@dataclass(frozen=True, slots=True)
class PostgresPendingSignIns(PendingSignInRepository):
    """Each call is atomic: parallel tries are all counted."""

    executor: Executor

    async def add(self, pending: PendingSignIn, *, now: datetime) -> None:
        kept = MAX_PENDING_PER_USER - 1
        await self.executor.run(PRUNE, user_id=pending.user_id, now=now, kept=kept)
        values = {name: getattr(pending, name) for name in PendingSignIn.__dataclass_fields__}
        await self.executor.run(ADD, **values, tries=0)

    async def count_try(self, token_hash: bytes, *, now: datetime) -> PendingSignIn | None:
        row = await self.executor.first(COUNT_TRY, token_hash=token_hash, now=now, most=MAX_TRIES)
        return None if row is None else PendingSignIn(**row)

    async def take(self, token_hash: bytes) -> bool:
        return await self.executor.first(TAKE, token_hash=token_hash) is not None
