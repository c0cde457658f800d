"""Sealing of the secrets of authenticator apps by the current SECRET_KEY, once it is replaced."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from jubilee.domain.factors.factor import TotpFactor
from jubilee.domain.factors.ports import SecretCipher
from jubilee.domain.seals import SealCounts, SealState
from jubilee.domain.transaction import Begin

BATCH_SIZE = 200
FIRST = UUID(int=0)

# Ports


class SealedFactorRepository(Protocol):
    """The authenticator apps of all accounts, as far as their secrets are concerned."""

    async def page(self, after: UUID, *, limit: int) -> Sequence[TotpFactor]:
        """Return those with larger ids, by id."""

    async def replace_secret(self, factor_id: UUID, before: bytes, sealed: bytes) -> bool:
        """Store a sealed secret if the present one is `before`; return whether it was."""


class ResealingTransaction(Protocol):
    """What is read, and written where a previous key has sealed a secret."""

    @property
    def sealed_factors(self) -> SealedFactorRepository:
        """The authenticator apps."""


@dataclass(frozen=True, slots=True)
class FactorResealing:
    """Finds secrets that a previous key has sealed, and seals them anew; any number may do it.

    A stored secret does not name its key: each is tried, in batches, and nothing is locked.
    """

    write: Begin[ResealingTransaction]
    read: Begin[ResealingTransaction]
    cipher: SecretCipher

    async def __call__(self) -> int:
        """Seal them; return how many. One that no key opens stays as it is."""
        renewed = 0
        async for factor in self._all():
            if self._state(factor) is SealState.PREVIOUS:
                renewed += await self._reseal(factor)
        return renewed

    async def count(self) -> SealCounts:
        """Count the secrets by what has sealed them."""
        counts = SealCounts()
        async for factor in self._all():
            counts[self._state(factor)] += 1
        return counts

    async def _all(self) -> AsyncIterator[TotpFactor]:
        after, is_last = FIRST, False
        while not is_last:
            async with self.read() as view:
                batch = await view.sealed_factors.page(after, limit=BATCH_SIZE)
            for factor in batch:
                yield factor
                after = factor.id
            is_last = len(batch) < BATCH_SIZE

    async def _reseal(self, factor: TotpFactor) -> bool:
        """Return False if the secret has been sealed or removed meanwhile."""
        before = factor.sealed_secret
        sealed = self.cipher.seal(factor.id.bytes, self.cipher.open(factor.id.bytes, before))
        async with self.write() as tx:
            return await tx.sealed_factors.replace_secret(factor.id, before, sealed)

    def _state(self, factor: TotpFactor) -> SealState:
        return self.cipher.state(factor.id.bytes, factor.sealed_secret)
