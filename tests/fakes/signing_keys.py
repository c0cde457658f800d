"""Signing keys in memory."""

from collections.abc import Collection, MutableMapping, Sequence, Sized
from dataclasses import dataclass

from jubilee.domain.signing_keys.key import SigningKey, SigningKeyRepository
from tests.fakes.rows import FakeUnitOfWork, unique_violation


@dataclass(frozen=True, slots=True)
class FakeSigningKeys(SigningKeyRepository):
    """Keys by id."""

    rows: MutableMapping[str, SigningKey]
    sessions: Sized
    unit: FakeUnitOfWork

    async def all(self) -> Sequence[SigningKey]:
        by_id = sorted(self.rows.values(), key=lambda key: key.id)
        return sorted(by_id, key=lambda key: key.created_at, reverse=True)

    async def lock(self) -> None:
        await self.unit.hold("signing keys")

    async def has_sessions(self) -> bool:
        return len(self.sessions) > 0

    async def add(self, key: SigningKey) -> None:
        if key.id in self.rows:
            raise self.unit.fail(unique_violation("pk_signing_keys"))
        self.rows[key.id] = key

    async def save(self, key: SigningKey) -> None:
        if key.id in self.rows:
            self.rows[key.id] = key

    async def delete(self, ids: Collection[str]) -> None:
        for key_id in ids:
            self.rows.pop(key_id, None)
