"""Signing keys: rows of `signing_keys`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import asyncpg

from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.domain.errors import Unavailable
from jubilee.domain.signing_keys.key import (
    KeyAlgorithm,
    KeyMaterial,
    SigningKey,
    SigningKeyRepository,
)

LOCK_ID = int.from_bytes(b"sign-key")  # of an advisory lock, as others are hashes of 64 bits

ALL = Statement.from_sql(
    """
    SELECT id, algorithm, public_key, private_key, created_at, signs_from, signs_until,
        verifies_until
    FROM signing_keys ORDER BY created_at DESC, id
    """
)
LOCK = Statement.from_sql("SELECT pg_advisory_xact_lock(CAST(:lock AS bigint))")
HAS_SESSIONS = Statement.from_sql("SELECT EXISTS (SELECT FROM sessions) AS found")
ADD = Statement.from_sql(
    """
    INSERT INTO signing_keys (id, algorithm, public_key, private_key, created_at, signs_from,
        signs_until, verifies_until)
    VALUES (CAST(:id AS text), CAST(:algorithm AS text), CAST(:public AS text),
        CAST(:private AS bytea), CAST(:created_at AS timestamptz),
        CAST(:signs_from AS timestamptz), CAST(:signs_until AS timestamptz),
        CAST(:verifies_until AS timestamptz))
    """
)
SAVE = Statement.from_sql(
    """
    UPDATE signing_keys SET private_key = CAST(:private AS bytea),
        signs_from = CAST(:signs_from AS timestamptz),
        signs_until = CAST(:signs_until AS timestamptz),
        verifies_until = CAST(:verifies_until AS timestamptz)
    WHERE id = CAST(:id AS text)
    """
)
DELETE = Statement.from_sql("DELETE FROM signing_keys WHERE id = ANY(CAST(:ids AS text[]))")


@dataclass(frozen=True, slots=True)
class PostgresSigningKeys(SigningKeyRepository):
    """Reads and writes the keys; their private parts are sealed."""

    executor: Executor

    async def all(self) -> Sequence[SigningKey]:
        try:
            rows = await self.executor.all(ALL)
        except asyncpg.UndefinedTableError:
            raise Unavailable(reason="the schema has no signing keys: run `migrate`") from None
        return [_key(row) for row in rows]

    async def lock(self) -> None:
        await self.executor.run(LOCK, lock=LOCK_ID)

    async def has_sessions(self) -> bool:
        row = await self.executor.first(HAS_SESSIONS)
        return row is not None and bool(row["found"])

    async def add(self, key: SigningKey) -> None:
        material = key.material
        await self.executor.run(
            ADD,
            id=key.id,
            algorithm=material.algorithm.value,
            public=material.public,
            created_at=key.created_at,
            **_changing(key),
        )

    async def save(self, key: SigningKey) -> None:
        await self.executor.run(SAVE, id=key.id, **_changing(key))

    async def delete(self, ids: Collection[str]) -> None:
        await self.executor.run(DELETE, ids=list(ids))


def _changing(key: SigningKey) -> dict[str, object]:
    """Return the values that can change."""
    return {
        "private": key.material.private,
        "signs_from": key.signs_from,
        "signs_until": key.signs_until,
        "verifies_until": key.verifies_until,
    }


def _key(row: asyncpg.Record) -> SigningKey:
    material = KeyMaterial(
        row["id"], KeyAlgorithm(row["algorithm"]), row["public_key"], row["private_key"]
    )
    return SigningKey(
        material=material,
        created_at=row["created_at"],
        signs_from=row["signs_from"],
        signs_until=row["signs_until"],
        verifies_until=row["verifies_until"],
    )
