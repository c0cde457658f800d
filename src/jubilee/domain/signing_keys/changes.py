"""Changes of the stored keys, made under their lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from jubilee.domain.audit.entry import AuditEvent, AuditTransaction
from jubilee.domain.identity import UserId
from jubilee.domain.signing_keys.key import (
    KeyAlgorithm,
    KeyVault,
    SigningKey,
    SigningKeyRepository,
)


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """How keys are made; without an `algorithm` a shared secret signs tokens."""

    algorithm: KeyAlgorithm | None
    period: timedelta
    """After which a key has a successor."""
    lifetime: timedelta
    """Of access tokens."""


# Ports


class SigningKeyView(Protocol):
    """What signing keys are read from."""

    @property
    def signing_keys(self) -> SigningKeyRepository:
        """The stored keys."""


class SigningKeyTransaction(SigningKeyView, AuditTransaction, Protocol):
    """The repositories that changes of keys need in one transaction."""


@dataclass(frozen=True, slots=True)
class KeyChanges:
    """Adds and ends keys in a transaction that holds their lock; `actor` None is the service."""

    tx: SigningKeyTransaction
    vault: KeyVault
    policy: KeyPolicy
    now: datetime
    actor: UserId | None = None

    async def add(
        self, algorithm: KeyAlgorithm, before: Sequence[SigningKey], *, ahead: timedelta
    ) -> SigningKey:
        """Add a key that signs after the time `ahead`, in place of those before it."""
        starts = self.now + ahead
        key = SigningKey(
            material=self.vault.generate(algorithm), created_at=self.now, signs_from=starts
        )
        for each in before:
            if each.material.algorithm is algorithm and each.signs_until is None:
                await self.end(each, at=starts)
        await self.tx.signing_keys.add(key)
        await self._record(AuditEvent.SIGNING_KEY_ADDED, key)
        return key

    async def end(self, key: SigningKey, *, at: datetime) -> None:
        """Let a key sign until `at`, and verify until its last token has expired."""
        await self.tx.signing_keys.save(key.ended(at, self.policy.lifetime))

    async def retire(self, key: SigningKey) -> None:
        """Stop signing with a key."""
        await self.end(key, at=self.now)
        await self._record(AuditEvent.SIGNING_KEY_RETIRED, key)

    async def revoke(self, key: SigningKey) -> None:
        """Stop signing and verifying with a key."""
        await self.tx.signing_keys.delete([key.id])
        await self._record(AuditEvent.SIGNING_KEY_REVOKED, key)

    async def _record(self, event: AuditEvent, key: SigningKey) -> None:
        await self.tx.audit.record(event, actor=self.actor, subject=None, key_id=key.id)
