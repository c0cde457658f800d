"""Second factors: authenticator apps and recovery codes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record
from sqlalchemy import bindparam, delete, func, insert, select, update

from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.tables import (
    passkeys,
    pending_sign_ins,
    recovery_codes,
    totp_factors,
)
from jubilee.domain.factors.factor import FactorKind, TotpFactor
from jubilee.domain.factors.ports import FactorRepository, RecoveryCodeRepository
from jubilee.domain.factors.resealing import SealedFactorRepository
from jubilee.domain.identity import UserId

OWN_FACTORS = totp_factors.c.user_id == bindparam("user_id")
OWN_CODES = recovery_codes.c.user_id == bindparam("user_id")
FACTOR = totp_factors.c.id == bindparam("factor_id")

OLDEST_FIRST = (
    select(totp_factors).where(OWN_FACTORS).order_by(totp_factors.c.created_at, totp_factors.c.id)
)
LIST = core_statement(OLDEST_FIRST)
LOCK = core_statement(OLDEST_FIRST.with_for_update())
DROP_UNCONFIRMED = core_statement(
    delete(totp_factors).where(OWN_FACTORS, totp_factors.c.confirmed_at.is_(None))
)
ADD = core_statement(insert(totp_factors))
CHANGING = ["sealed_secret", "confirmed_at", "last_step"]
SAVE = core_statement(update(totp_factors).where(FACTOR), columns=CHANGING)
REMOVE = core_statement(delete(totp_factors).where(FACTOR))
CLEAR = tuple(
    core_statement(delete(table).where(table.c.user_id == bindparam("user_id")))
    for table in (totp_factors, recovery_codes, pending_sign_ins, passkeys)
)
KINDS = Statement.from_sql(
    """
    SELECT EXISTS (
        SELECT FROM totp_factors WHERE user_id = :user_id AND confirmed_at IS NOT NULL
    ) AS totp, EXISTS (SELECT FROM recovery_codes WHERE user_id = :user_id) AS recovery_code,
        EXISTS (SELECT FROM passkeys WHERE user_id = :user_id) AS passkey
    """
)
PAGE = core_statement(
    select(totp_factors)
    .where(totp_factors.c.id > bindparam("after"))
    .order_by(totp_factors.c.id)
    .limit(bindparam("rows"))
)
REPLACE_SECRET = core_statement(
    update(totp_factors)
    .where(FACTOR, totp_factors.c.sealed_secret == bindparam("before"))
    .returning(totp_factors.c.id),
    columns=["sealed_secret"],
)
DROP_CODES = core_statement(delete(recovery_codes).where(OWN_CODES))
ADD_CODE = core_statement(insert(recovery_codes))
USE_CODE = core_statement(
    delete(recovery_codes)
    .where(OWN_CODES, recovery_codes.c.code_hash == bindparam("code_hash"))
    .returning(recovery_codes.c.user_id)
)
COUNT_CODES = core_statement(
    select(func.count().label("codes")).select_from(recovery_codes).where(OWN_CODES)
)


@dataclass(frozen=True, slots=True)
class PostgresFactors(FactorRepository):
    """Reads and writes authenticator apps."""

    executor: Executor

    async def list_for(self, user_id: UserId, *, lock: bool = False) -> Sequence[TotpFactor]:
        rows = await self.executor.all(LOCK if lock else LIST, user_id=user_id)
        return [_factor(row) for row in rows]

    async def add(self, factor: TotpFactor) -> None:
        await self.executor.run(DROP_UNCONFIRMED, user_id=factor.user_id)
        await self.executor.run(
            ADD, **{n: getattr(factor, n) for n in TotpFactor.__dataclass_fields__}
        )

    async def save(self, factor: TotpFactor) -> None:
        values = {name: getattr(factor, name) for name in CHANGING}
        await self.executor.run(SAVE, factor_id=factor.id, **values)

    async def remove(self, factor_id: UUID) -> None:
        await self.executor.run(REMOVE, factor_id=factor_id)

    async def clear(self, user_id: UserId) -> None:
        for statement in CLEAR:
            await self.executor.run(statement, user_id=user_id)

    async def kinds_of(self, user_id: UserId) -> Collection[FactorKind]:
        row = await self.executor.first(KINDS, user_id=user_id)
        return [FactorKind(kind) for kind, exists in row.items() if exists] if row else []


@dataclass(frozen=True, slots=True)
class PostgresSealedFactors(SealedFactorRepository):
    """Reads the authenticator apps of all accounts, and replaces their secrets."""

    executor: Executor

    async def page(self, after: UUID, *, limit: int) -> Sequence[TotpFactor]:
        rows = await self.executor.all(PAGE, after=after, rows=limit)
        return [_factor(row) for row in rows]

    async def replace_secret(self, factor_id: UUID, before: bytes, sealed: bytes) -> bool:
        values = {"factor_id": factor_id, "before": before, "sealed_secret": sealed}
        return await self.executor.first(REPLACE_SECRET, **values) is not None


@dataclass(frozen=True, slots=True)
class PostgresRecoveryCodes(RecoveryCodeRepository):
    """Reads and writes the hashes of recovery codes."""

    executor: Executor

    async def replace(self, user_id: UserId, hashes: Collection[bytes]) -> None:
        await self.executor.run(DROP_CODES, user_id=user_id)
        await self.executor.each(ADD_CODE, [{"user_id": user_id, "code_hash": h} for h in hashes])

    async def use(self, user_id: UserId, code_hash: bytes) -> bool:
        found = await self.executor.first(USE_CODE, user_id=user_id, code_hash=code_hash)
        return found is not None

    async def count(self, user_id: UserId) -> int:
        row = await self.executor.first(COUNT_CODES, user_id=user_id)
        return int(row["codes"]) if row else 0


def _factor(row: Record) -> TotpFactor:
    return TotpFactor(**{name: row[name] for name in TotpFactor.__dataclass_fields__})
