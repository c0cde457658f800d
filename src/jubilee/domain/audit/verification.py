"""Verification of the audit log: recomputes the chain, and lists what does not fit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from jubilee.domain.audit.chain import (
    START,
    ChainedEntry,
    ChainKeys,
    Mark,
    MarkName,
    Seal,
    seal_after,
)

MAX_FAULTS = 100


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """A seal, and its entries in the order of their ids."""

    seal: Seal
    entries: Sequence[ChainedEntry]


@dataclass(frozen=True, slots=True)
class ChainPart:
    """Consecutive seals and all marks, as one snapshot of the database has them."""

    marks: Sequence[Mark]
    batches: Sequence[SealedBatch]

    def mark(self, name: MarkName) -> Mark:
        """Return a mark; one that is missing is before the first seal, and unsigned."""
        return next((mark for mark in self.marks if mark.name is name), Mark(name, digest=b""))


@dataclass(frozen=True, slots=True)
class LooseEntries:
    """Numbers of entries that no seal of the chain covers."""

    unsealed: int
    """Written since the last seal."""
    stray: int
    """With a seal before the first or after the last."""


# Ports


class ChainReader(Protocol):
    """Reads the chain of the audit log, in parts of bounded size."""

    async def read(self, *, after: int) -> ChainPart:
        """Return the first seals with a higher number."""

    async def loose(self) -> LooseEntries:
        """Count the entries that no seal covers."""


@dataclass(frozen=True, slots=True)
class NotedHead:
    """Number and digest of a seal, as they were noted outside the database."""

    number: int
    digest: bytes


@dataclass(slots=True)
class Verification:
    """The result: the chain is intact if there are no faults."""

    seals: int = 0
    entries: int = 0
    unsealed: int = 0
    head: int = 0
    digest: bytes = START
    """That of the last seal that was checked, `head`."""
    faults: list[str] = field(default_factory=list)

    def report(self, fault: str) -> None:
        """Add a fault once; MAX_FAULTS are kept."""
        if len(self.faults) < MAX_FAULTS and fault not in self.faults:
            self.faults.append(fault)


@dataclass(frozen=True, slots=True)
class ChainVerifier:
    """Recomputes the whole chain, part by part; it may grow and be pruned meanwhile."""

    reader: ChainReader
    keys: ChainKeys
    noted: NotedHead | None = None

    async def verify(self) -> Verification:
        """Return what was checked, and each fault as a sentence."""
        found = Verification()
        part = await self._next(found)
        while part.batches:
            for batch in part.batches:
                self._check(batch, part, found)
            part = await self._next(found)
        self._check_head(part, found)
        loose = await self.reader.loose()
        found.unsealed = loose.unsealed
        if loose.stray:
            found.report(f"{loose.stray} entries name a seal that is not in the chain")
        return found

    async def _next(self, found: Verification) -> ChainPart:
        """Read the next part; go on after the seals that have been pruned meanwhile."""
        part = await self.reader.read(after=found.head)
        for mark in map(part.mark, MarkName):
            if not mark.is_signed(self.keys.all):
                found.report(f"the mark {mark.name} at seal {mark.seal} has no valid signature")
        pruned = part.mark(MarkName.PRUNED)
        if pruned.seal <= found.head:
            return part
        found.head, found.digest = pruned.seal, pruned.digest
        self._compare_noted(found)
        return await self._next(found)

    def _check(self, batch: SealedBatch, part: ChainPart, found: Verification) -> None:
        seal = batch.seal
        if seal.number != found.head + 1:
            found.report(f"seals {found.head + 1} to {seal.number - 1} are missing")
        if seal_after(seal.number - 1, found.digest, batch.entries, seal.sealed_at) != seal:
            found.report(f"seal {seal.number}: entries were changed, added or deleted")
        is_erased = seal.number <= part.mark(MarkName.ERASED).seal
        for entry in batch.entries:
            if not entry.has_its_client or entry.is_erased != is_erased:
                found.report(f"entry {entry.id}: its address or user agent was changed")
        found.seals += 1
        found.entries += len(batch.entries)
        found.head, found.digest = seal.number, seal.digest
        self._compare_noted(found)

    def _compare_noted(self, found: Verification) -> None:
        noted = self.noted
        if noted is not None and noted.number == found.head and noted.digest != found.digest:
            found.report(f"seal {noted.number} is not the one that was noted")

    def _check_head(self, part: ChainPart, found: Verification) -> None:
        sealed = part.mark(MarkName.SEALED)
        if (sealed.seal, sealed.digest) != (found.head, found.digest):
            found.report(
                f"the chain ends at seal {found.head}, not at seal {sealed.seal} as signed"
            )
        if self.noted is not None and self.noted.number > found.head:
            found.report(f"seal {self.noted.number}, which was noted, is missing")
