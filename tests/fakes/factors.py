"""Second factors in memory."""

from collections.abc import Collection, Container, MutableMapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from jubilee.domain.auth.pending import (
    MAX_PENDING_PER_USER,
    MAX_TRIES,
    PendingSignIn,
    PendingSignInRepository,
)
from jubilee.domain.factors.factor import FactorKind, TotpFactor
from jubilee.domain.factors.ports import FactorRepository, RecoveryCodeRepository
from jubilee.domain.factors.resealing import SealedFactorRepository
from jubilee.domain.identity import UserId
from jubilee.domain.passkeys.passkey import Passkey
from tests.fakes.rows import FakeUnitOfWork


@dataclass(frozen=True, slots=True)
class CountedSignIn:
    """A row of pending sign-ins."""

    pending: PendingSignIn
    tries: int = 0


@dataclass(frozen=True, slots=True)
class FactorRows:
    """The tables of second factors."""

    totp: MutableMapping[UUID, TotpFactor]
    codes: MutableMapping[tuple[UserId, bytes], bytes]
    pending: MutableMapping[bytes, CountedSignIn]
    passkeys: MutableMapping[UUID, Passkey]
    challenges: MutableMapping[bytes, datetime]

    def tables(self) -> tuple[MutableMapping[Any, Any], ...]:
        """Return all tables, in the order of the members."""
        return self.totp, self.codes, self.pending, self.passkeys, self.challenges

    def delete_account(self, user_id: UserId) -> None:
        """Delete the rows of an account."""
        for factor in [f for f in self.totp.values() if f.user_id == user_id]:
            del self.totp[factor.id]
        for key in [key for key in self.codes if key[0] == user_id]:
            del self.codes[key]
        for token in [t for t, row in self.pending.items() if row.pending.user_id == user_id]:
            del self.pending[token]
        for passkey in [p for p in self.passkeys.values() if p.user_id == user_id]:
            del self.passkeys[passkey.id]


@dataclass(frozen=True, slots=True)
class FakeFactors(FactorRepository, SealedFactorRepository):
    """Authenticator apps in a dict."""

    rows: FactorRows
    users: Container[UserId]
    unit: FakeUnitOfWork

    async def list_for(self, user_id: UserId, *, lock: bool = False) -> Sequence[TotpFactor]:
        if not lock:
            await self.unit.read("user", user_id, lock=False)
        for key in sorted(factor.id for factor in self._own(user_id)):
            await self.unit.read("totp", key, lock=lock)
        return sorted(self._own(user_id), key=lambda factor: (factor.created_at, factor.id))

    def _own(self, user_id: UserId) -> Sequence[TotpFactor]:
        return [factor for factor in self.rows.totp.values() if factor.user_id == user_id]

    async def add(self, factor: TotpFactor) -> None:
        self.unit.require_lock("user", factor.user_id)
        for known in self._own(factor.user_id):
            if known.confirmed_at is None:
                del self.rows.totp[known.id]
        self.unit.require_row(self.users, factor.user_id, "fk_totp_factors_user_id")
        await self.unit.hold("totp", factor.id)
        self.rows.totp[factor.id] = factor

    async def save(self, factor: TotpFactor) -> None:
        self.unit.require_lock("totp", factor.id)
        await self.unit.hold("totp", factor.id)
        if factor.id in self.rows.totp:
            self.rows.totp[factor.id] = factor

    async def remove(self, factor_id: UUID) -> None:
        await self.unit.hold("totp", factor_id)
        if (found := self.rows.totp.pop(factor_id, None)) is not None:
            self.unit.require_lock("user", found.user_id)

    async def page(self, after: UUID, *, limit: int) -> Sequence[TotpFactor]:
        rows = sorted(self.rows.totp.values(), key=lambda factor: factor.id)
        return [factor for factor in rows if factor.id > after][:limit]

    async def replace_secret(self, factor_id: UUID, before: bytes, sealed: bytes) -> bool:
        await self.unit.hold("totp", factor_id)
        factor = self.rows.totp.get(factor_id)
        if factor is None or factor.sealed_secret != before:
            return False
        self.rows.totp[factor_id] = replace(factor, sealed_secret=sealed)
        return True

    async def clear(self, user_id: UserId) -> None:
        self.unit.require_lock("user", user_id)
        self.rows.delete_account(user_id)

    async def kinds_of(self, user_id: UserId) -> Collection[FactorKind]:
        await self.unit.read("user", user_id, lock=False)
        confirmed = any(f.confirmed_at for f in self._own(user_id))
        codes = any(owner == user_id for owner, _ in self.rows.codes)
        passkeys = any(one.user_id == user_id for one in self.rows.passkeys.values())
        found = {
            FactorKind.TOTP: confirmed,
            FactorKind.RECOVERY_CODE: codes,
            FactorKind.PASSKEY: passkeys,
        }
        return [kind for kind, exists in found.items() if exists]


@dataclass(frozen=True, slots=True)
class FakeRecoveryCodes(RecoveryCodeRepository):
    """Hashes of recovery codes."""

    rows: FactorRows
    users: Container[UserId]
    unit: FakeUnitOfWork

    async def replace(self, user_id: UserId, hashes: Collection[bytes]) -> None:
        self.unit.require_lock("user", user_id)
        for key in [key for key in self.rows.codes if key[0] == user_id]:
            del self.rows.codes[key]
        for code_hash in hashes:
            self.unit.require_row(self.users, user_id, "fk_recovery_codes_user_id")
            self.rows.codes[user_id, code_hash] = code_hash

    async def use(self, user_id: UserId, code_hash: bytes) -> bool:
        await self.unit.hold("recovery_code", user_id, code_hash)
        return self.rows.codes.pop((user_id, code_hash), None) is not None

    async def count(self, user_id: UserId) -> int:
        return sum(owner == user_id for owner, _ in self.rows.codes)


@dataclass(frozen=True, slots=True)
class FakePendingSignIns(PendingSignInRepository):
    """Sign-ins without their second factor."""

    rows: FactorRows
    users: Container[UserId]
    unit: FakeUnitOfWork

    async def add(self, pending: PendingSignIn, *, now: datetime) -> None:
        self.unit.require_lock("user", pending.user_id)
        own = [
            r.pending for r in self.rows.pending.values() if r.pending.user_id == pending.user_id
        ]
        newest = sorted(own, key=lambda one: one.expires_at, reverse=True)
        for n, known in enumerate(newest):
            if known.expires_at <= now or n >= MAX_PENDING_PER_USER - 1:
                del self.rows.pending[known.token_hash]
        self.unit.require_row(self.users, pending.user_id, "fk_pending_sign_ins_user_id")
        self.rows.pending[pending.token_hash] = CountedSignIn(pending)

    async def count_try(self, token_hash: bytes, *, now: datetime) -> PendingSignIn | None:
        await self.unit.hold("pending", token_hash)
        row = self.rows.pending.get(token_hash)
        if row is None or row.pending.expires_at <= now or row.tries >= MAX_TRIES:
            return None
        self.rows.pending[token_hash] = replace(row, tries=row.tries + 1)
        return row.pending

    async def take(self, token_hash: bytes) -> bool:
        await self.unit.hold("pending", token_hash)
        return self.rows.pending.pop(token_hash, None) is not None
