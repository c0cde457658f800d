"""Passkeys in memory."""

from collections.abc import Container, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jubilee.domain.identity import UserId
from jubilee.domain.passkeys.passkey import Passkey, PasskeyRepository, SpentChallengeStore
from tests.fakes.rows import FakeUnitOfWork, unique_violation


@dataclass(frozen=True, slots=True)
class FakePasskeys(PasskeyRepository):
    """Passkeys in a dict."""

    rows: MutableMapping[UUID, Passkey]
    users: Container[UserId]
    unit: FakeUnitOfWork

    async def list_for(self, user_id: UserId) -> Sequence[Passkey]:
        own = [passkey for passkey in self.rows.values() if passkey.user_id == user_id]
        await self.unit.read("user", user_id, lock=False)
        if not self.unit.holds("user", user_id):
            for passkey in own:
                await self.unit.read("passkey", passkey.id, lock=False)
        return sorted(own, key=lambda passkey: (passkey.created_at, passkey.id))

    async def find(self, credential_id: bytes, *, lock: bool = False) -> Passkey | None:
        for passkey in self.rows.values():
            if passkey.credential_id == credential_id:
                await self.unit.read("passkey", passkey.id, lock=lock)
                return self.rows.get(passkey.id)
        return None

    async def add(self, passkey: Passkey) -> None:
        self.unit.check(passkey.name)
        self.unit.require_lock("user", passkey.user_id)
        await self.unit.hold("credential", passkey.credential_id)
        if await self.find(passkey.credential_id) is not None:
            raise self.unit.fail(unique_violation("uq_passkeys_credential_id"))
        self.unit.require_row(self.users, passkey.user_id, "fk_passkeys_user_id")
        await self.unit.hold("passkey", passkey.id)
        self.rows[passkey.id] = passkey

    async def save(self, passkey: Passkey) -> None:
        self.unit.check(passkey.name)
        self.unit.require_lock("passkey", passkey.id)
        await self.unit.hold("passkey", passkey.id)
        if passkey.id in self.rows:
            self.rows[passkey.id] = passkey

    async def remove(self, passkey_id: UUID) -> None:
        await self.unit.hold("passkey", passkey_id)
        if (found := self.rows.pop(passkey_id, None)) is not None:
            self.unit.require_lock("user", found.user_id)


@dataclass(frozen=True, slots=True)
class FakeSpentChallenges(SpentChallengeStore):
    """Answered challenges with their ends."""

    rows: MutableMapping[bytes, datetime]
    unit: FakeUnitOfWork

    async def spend(self, challenge: bytes, *, until: datetime) -> bool:
        await self.unit.hold("challenge", challenge)
        if challenge in self.rows:
            return False
        self.rows[challenge] = until
        return True
