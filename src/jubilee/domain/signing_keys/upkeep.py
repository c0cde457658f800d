"""Upkeep of signing keys by workers; any number of them may do it."""

from dataclasses import dataclass, replace

from jubilee.domain.clock import Clock
from jubilee.domain.signing_keys.changes import KeyChanges, KeyPolicy, SigningKeyTransaction
from jubilee.domain.signing_keys.key import PUBLISHED_AHEAD, KeyVault, SigningKey, newest
from jubilee.domain.transaction import Begin


@dataclass(frozen=True, slots=True)
class KeyUpkeep:
    """Rotates keys, seals them anew, and deletes those that verify no token any more."""

    write: Begin[SigningKeyTransaction]
    vault: KeyVault
    policy: KeyPolicy
    clock: Clock

    async def __call__(self) -> None:
        """Do what is due."""
        async with self.write() as tx:
            await tx.signing_keys.lock()
            changes = KeyChanges(tx, self.vault, self.policy, self.clock())
            keys = await tx.signing_keys.all()
            expired = [key.id for key in keys if key.has_expired(changes.now)]
            if expired:
                await tx.signing_keys.delete(expired)
            for key in keys:
                if key.id not in expired:
                    await self._renew(changes, key)
            due = newest(keys, self.policy.algorithm)
            if due is not None and due.signs_until is None and self._is_due(due, changes):
                await changes.add(due.material.algorithm, [due], ahead=PUBLISHED_AHEAD)

    async def _renew(self, changes: KeyChanges, key: SigningKey) -> None:
        """Seal the key by the current secret; end one whose algorithm is no longer used."""
        material = self.vault.resealed(key.material)
        if material is not None:
            key = replace(key, material=material)
            await changes.tx.signing_keys.save(key)
        is_unused = key.material.algorithm is not self.policy.algorithm and key.signs_until is None
        if is_unused and self._is_due(key, changes):
            await changes.end(key, at=changes.now)

    def _is_due(self, key: SigningKey, changes: KeyChanges) -> bool:
        return changes.now >= key.signs_from + self.policy.period - PUBLISHED_AHEAD
