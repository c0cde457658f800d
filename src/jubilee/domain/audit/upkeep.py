"""Upkeep of the audit log: seals new entries, erases old clients, deletes what has expired.

Any number of workers may do it: a store's step does nothing while another one is in it.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Protocol

from jubilee.domain.audit.chain import ChainedEntry, ChainKeys, Mark, MarkName, Seal, seal_after
from jubilee.domain.clock import Clock

BATCH_SIZE = 500
MAX_SEALS = 10  # that are erased or pruned at once, each of BATCH_SIZE entries at most


class UnknownSignature(Exception):
    """A mark of the chain is not signed by a known key: nothing is sealed or deleted after it."""

    def __init__(self, mark: Mark) -> None:
        super().__init__(f"the mark {mark.name} at seal {mark.seal} is not signed by a known key")


# Ports


class ChainStep(Protocol):
    """One step of the upkeep, in one transaction, with the lock of its mark."""

    @property
    def mark(self) -> Mark:
        """The mark that this step moves."""

    async def unsealed(self, *, limit: int) -> Sequence[ChainedEntry]:
        """Return entries without a seal in the order of their ids."""

    async def add(self, seal: Seal, entries: Sequence[ChainedEntry]) -> None:
        """Insert the seal, and note it at its entries."""

    async def seals(self, *, limit: int) -> Sequence[Seal]:
        """Return the first seals after the mark."""

    async def erase(self, seals: Sequence[Seal]) -> None:
        """Erase address, user agent and salt of the entries of these seals."""

    async def prune(self, seals: Sequence[Seal]) -> None:
        """Delete these seals with their entries."""

    async def move(self, mark: Mark) -> None:
        """Store the mark at its new place."""


class ChainStore(Protocol):
    """The chain of the audit log."""

    async def has_unsealed(self) -> bool:
        """Return whether an entry has no seal."""

    def step(self, name: MarkName) -> AbstractAsyncContextManager[ChainStep | None]:
        """Open a step that moves this mark; None while another process is in one."""


@dataclass(frozen=True, slots=True)
class AuditRetention:
    """How long entries are kept, and the address and user agent in them."""

    entries: timedelta
    clients: timedelta


@dataclass(frozen=True, slots=True)
class AuditUpkeep:
    """The steps of the upkeep; each raises UnknownSignature."""

    store: ChainStore
    keys: ChainKeys
    retention: AuditRetention
    clock: Clock

    async def seal(self) -> Seal | None:
        """Seal one batch of entries; None if there is none."""
        if not await self.store.has_unsealed():
            return None
        async with self.store.step(MarkName.SEALED) as step:
            if step is None:
                return None
            entries = await step.unsealed(limit=BATCH_SIZE)
            if not entries:
                return None
            mark = self._checked(step.mark)
            seal = seal_after(mark.seal, mark.digest, entries, self.clock())
            await step.add(seal, entries)
            await step.move(mark.moved(seal, self.keys.key))
            return seal

    async def renew(self) -> None:
        """Sign the end of the chain again where a previous key has signed it."""
        async with self.store.step(MarkName.SEALED) as step:
            if step is not None:
                await self._renew(step)

    async def erase(self) -> int:
        """Erase the clients of a few seals; return the number of seals."""
        return await self._finish(MarkName.ERASED, self.clock() - self.retention.clients)

    async def prune(self) -> int:
        """Delete a few seals with their entries; return the number of seals."""
        return await self._finish(MarkName.PRUNED, self.clock() - self.retention.entries)

    async def _finish(self, name: MarkName, before: datetime) -> int:
        async with self.store.step(name) as step:
            if step is None:
                return 0
            # The times of workers differ: a later seal may have an earlier one.
            following = await step.seals(limit=MAX_SEALS)
            seals = list(takewhile(lambda seal: seal.sealed_at < before, following))
            if not seals:
                await self._renew(step)
                return 0
            mark = self._checked(step.mark)
            await (step.erase if name is MarkName.ERASED else step.prune)(seals)
            await step.move(mark.moved(seals[-1], self.keys.key))
            return len(seals)

    async def _renew(self, step: ChainStep) -> None:
        mark = self._checked(step.mark)
        if not mark.is_signed((self.keys.key,)):
            await step.move(mark.signed(self.keys.key))

    def _checked(self, mark: Mark) -> Mark:
        if not mark.is_signed(self.keys.all):
            raise UnknownSignature(mark)
        return mark
