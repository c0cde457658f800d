"""Use cases of signing keys: loading them, and their rotation by operators."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from jubilee.domain.clock import Clock
from jubilee.domain.errors import Conflict, NotFound
from jubilee.domain.identity import Principal
from jubilee.domain.seals import SealCounts
from jubilee.domain.signing_keys.changes import (
    KeyChanges,
    KeyPolicy,
    SigningKeyTransaction,
    SigningKeyView,
)
from jubilee.domain.signing_keys.key import (
    PUBLISHED_AHEAD,
    UPGRADE_AHEAD,
    KeyAlgorithm,
    KeyRing,
    KeyVault,
    SigningKey,
    newest,
)
from jubilee.domain.transaction import Begin

AT_ONCE = timedelta()


@dataclass(frozen=True, slots=True)
class SigningKeyService:
    """Use cases of signing keys."""

    write: Begin[SigningKeyTransaction]
    read: Begin[SigningKeyView]
    vault: KeyVault
    ring: KeyRing
    policy: KeyPolicy
    clock: Clock

    @property
    def published(self) -> Sequence[str]:
        """The public keys of this process as JSON Web Keys."""
        return self.ring.published

    async def list(self) -> Sequence[SigningKey]:
        """Return every key, the newest first."""
        async with self.read() as view:
            return await view.signing_keys.all()

    async def count_seals(self) -> SealCounts:
        """Count the keys by what has sealed them."""
        return SealCounts(self.vault.state(key.material) for key in await self.list())

    async def load(self) -> None:
        """Give the stored keys to this process; add one if it can sign with none of them."""
        keys = await self.list()
        opened = self.ring.install(keys)
        algorithm = self.policy.algorithm
        if algorithm is None or _can_sign(keys, algorithm, opened):
            return
        new: list[SigningKey] = []
        async with self._changing() as (changes, keys):
            opened = self.ring.install(keys)
            if not _can_sign(keys, algorithm, opened):
                in_use = not keys and await changes.tx.signing_keys.has_sessions()
                added = await changes.add(algorithm, [], ahead=UPGRADE_AHEAD if in_use else AT_ONCE)
                new.append(added)
        self.ring.install([*new, *keys])

    async def rotate(self, *, by: Principal, at_once: bool = False) -> SigningKey:
        """Add a key, which signs after it was published for a while, or at once."""
        async with self._changing(by) as (changes, keys):
            ahead = AT_ONCE if at_once else PUBLISHED_AHEAD
            return await changes.add(self._algorithm(), keys, ahead=ahead)

    async def retire(self, key_id: str, *, by: Principal, revoke: bool = False) -> None:
        """Stop signing with a key; its tokens stay valid, unless `revoke` ends them as well.

        If no other key signs, its successor does so at once, or a new one. Raises NotFound.
        """
        async with self._changing(by) as (changes, keys):
            key = next((each for each in keys if each.id == key_id), None)
            if key is None:
                raise NotFound("There is no signing key with this id.")
            if key.material.algorithm is self.policy.algorithm:
                await self._succeed(changes, key, [each for each in keys if each is not key])
            await (changes.revoke(key) if revoke else changes.retire(key))

    async def _succeed(
        self, changes: KeyChanges, key: SigningKey, others: Sequence[SigningKey]
    ) -> None:
        successor = newest(others, key.material.algorithm)
        if successor is None or successor.signs_until is not None:
            await changes.add(key.material.algorithm, [], ahead=AT_ONCE)
        elif successor.signs_from > changes.now:
            await changes.tx.signing_keys.save(replace(successor, signs_from=changes.now))

    @asynccontextmanager
    async def _changing(
        self, by: Principal | None = None
    ) -> AsyncIterator[tuple[KeyChanges, Sequence[SigningKey]]]:
        """Open a transaction that holds the lock of the keys, and read them in it."""
        actor = None if by is None else by.user_id
        async with self.write() as tx:
            await tx.signing_keys.lock()
            changes = KeyChanges(tx, self.vault, self.policy, self.clock(), actor)
            yield changes, await tx.signing_keys.all()

    def _algorithm(self) -> KeyAlgorithm:
        if self.policy.algorithm is None:
            raise Conflict("TOKEN_ALGORITHM is HS256: SECRET_KEY signs tokens, and no other key.")
        return self.policy.algorithm


def _can_sign(keys: Sequence[SigningKey], algorithm: KeyAlgorithm, opened: Collection[str]) -> bool:
    """Return whether one of these keys signs, now or later, without an end."""
    usable = [key for key in keys if key.id in opened and key.signs_until is None]
    return newest(usable, algorithm) is not None
