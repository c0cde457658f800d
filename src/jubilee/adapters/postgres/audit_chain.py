"""The chain of seals over the audit log: steps of its upkeep, and reading it for verification."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby

from asyncpg import Record

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.adapters.postgres.transaction_executor import COMMIT
from jubilee.domain.audit.chain import ChainedEntry, Mark, MarkName, Seal
from jubilee.domain.audit.upkeep import BATCH_SIZE, ChainStep, ChainStore
from jubilee.domain.audit.verification import (
    ChainPart,
    ChainReader,
    LooseEntries,
    SealedBatch,
)
from jubilee.domain.transaction import Begin

PART_SEALS = 10  # read at once, each of BATCH_SIZE entries at most
ENTRY = ", ".join(ChainedEntry.__dataclass_fields__)
SEAL = ", ".join(Seal.__dataclass_fields__)
MARK = ", ".join(Mark.__dataclass_fields__)

SNAPSHOT = Statement.from_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
HAS_UNSEALED = Statement.from_sql(
    "SELECT EXISTS (SELECT FROM audit_entries WHERE seal IS NULL) AS found"
)
LOCK_MARK = Statement.from_sql(
    "SELECT {mark} FROM audit_marks WHERE name = CAST(:name AS text) FOR UPDATE SKIP LOCKED",
    mark=MARK,
)
MARKS = Statement.from_sql(
    "SELECT {mark} FROM audit_marks WHERE name = ANY(CAST(:names AS text[]))", mark=MARK
)
MOVE = Statement.from_sql(
    """
    UPDATE audit_marks SET seal = CAST(:seal AS bigint), digest = CAST(:digest AS bytea),
        signature = CAST(:signature AS bytea)
    WHERE name = CAST(:name AS text)
    """
)
UNSEALED = Statement.from_sql(
    """
    SELECT {entry} FROM audit_entries WHERE seal IS NULL
    ORDER BY id LIMIT CAST(:rows AS integer)
    """,
    entry=ENTRY,
)
ADD = Statement.from_sql(
    """
    INSERT INTO audit_seals (number, sealed_at, entries, digest)
    VALUES (CAST(:number AS bigint), CAST(:sealed_at AS timestamptz),
        CAST(:entries AS integer), CAST(:digest AS bytea))
    """
)
COVER = Statement.from_sql(
    """
    UPDATE audit_entries SET seal = CAST(:number AS bigint) WHERE id = ANY(CAST(:ids AS uuid[]))
    """
)
SEALS = Statement.from_sql(
    """
    SELECT {seal} FROM audit_seals WHERE number > CAST(:after AS bigint)
    ORDER BY number LIMIT CAST(:rows AS integer)
    """,
    seal=SEAL,
)
ERASE = Statement.from_sql(
    """
    UPDATE audit_entries SET address = NULL, user_agent = NULL, client_salt = NULL
    WHERE seal BETWEEN CAST(:first AS bigint) AND CAST(:last AS bigint)
    """
)
PRUNE_ENTRIES = Statement.from_sql(
    """
    DELETE FROM audit_entries
    WHERE seal BETWEEN CAST(:first AS bigint) AND CAST(:last AS bigint)
    """
)
PRUNE_SEALS = Statement.from_sql(
    """
    DELETE FROM audit_seals
    WHERE number BETWEEN CAST(:first AS bigint) AND CAST(:last AS bigint)
    """
)
ENTRIES = Statement.from_sql(
    """
    SELECT {entry}, seal FROM audit_entries
    WHERE seal > CAST(:after AS bigint) AND seal <= CAST(:last AS bigint)
    ORDER BY seal, id LIMIT CAST(:rows AS integer)
    """,
    entry=ENTRY,
)
LOOSE = Statement.from_sql(
    """
    SELECT (SELECT count(*) FROM audit_entries WHERE seal IS NULL) AS unsealed,
        (SELECT count(*) FROM audit_entries, audit_marks
            WHERE name = 'pruned' AND audit_entries.seal <= audit_marks.seal)
        + (SELECT count(*) FROM audit_entries, audit_marks
            WHERE name = 'sealed' AND audit_entries.seal > audit_marks.seal) AS stray
    """
)


@dataclass(frozen=True, slots=True)
class PostgresChainStep(ChainStep):
    """A step in the transaction that holds the lock of its mark."""

    executor: Executor
    mark: Mark

    async def unsealed(self, *, limit: int) -> Sequence[ChainedEntry]:
        return [_entry(row) for row in await self.executor.all(UNSEALED, rows=limit)]

    async def add(self, seal: Seal, entries: Sequence[ChainedEntry]) -> None:
        values = {name: getattr(seal, name) for name in Seal.__dataclass_fields__}
        await self.executor.run(ADD, **values)
        ids = [entry.id for entry in entries]
        await self.executor.run(COVER, number=seal.number, ids=ids)

    async def seals(self, *, limit: int) -> Sequence[Seal]:
        rows = await self.executor.all(SEALS, after=self.mark.seal, rows=limit)
        return [_seal(row) for row in rows]

    async def erase(self, seals: Sequence[Seal]) -> None:
        await self.executor.run(ERASE, first=seals[0].number, last=seals[-1].number)

    async def prune(self, seals: Sequence[Seal]) -> None:
        for statement in (PRUNE_ENTRIES, PRUNE_SEALS):
            await self.executor.run(statement, first=seals[0].number, last=seals[-1].number)

    async def move(self, mark: Mark) -> None:
        values = {name: getattr(mark, name) for name in ("seal", "digest", "signature")}
        await self.executor.run(MOVE, name=mark.name.value, **values)


@dataclass(frozen=True, slots=True)
class PostgresChainStore(ChainStore):
    """Locks the mark of a step, so that one process at a time is in it."""

    read: Begin[PostgresTransaction]
    write: Begin[PostgresTransaction]

    async def has_unsealed(self) -> bool:
        async with self.read() as view:
            row = await view.executor.first(HAS_UNSEALED)
        return row is not None and bool(row["found"])

    @asynccontextmanager
    async def step(self, name: MarkName) -> AsyncIterator[ChainStep | None]:
        async with self.write() as tx:
            row = await tx.executor.first(LOCK_MARK, name=name.value)
            yield None if row is None else PostgresChainStep(tx.executor, _mark(row))


@dataclass(frozen=True, slots=True)
class PostgresChainReader(ChainReader):
    """Reads each part in a snapshot of its own."""

    pool: ConnectionPool

    async def read(self, *, after: int) -> ChainPart:
        async with self.pool.executor() as executor:
            await executor.command(SNAPSHOT)
            marks = [_mark(row) for row in await executor.all(MARKS, names=list(MarkName))]
            rows = await executor.all(SEALS, after=after, rows=PART_SEALS)
            seals = [_seal(row) for row in rows]
            batches = await _batches(executor, after, seals)
            await executor.command(COMMIT)
        return ChainPart(marks, batches)

    async def loose(self) -> LooseEntries:
        async with self.pool.executor() as executor:
            row = await executor.first(LOOSE)
        assert row is not None
        return LooseEntries(row["unsealed"], row["stray"])


async def _batches(executor: Executor, after: int, seals: Sequence[Seal]) -> list[SealedBatch]:
    if not seals:
        return []
    rows = await executor.all(
        ENTRIES, after=after, last=seals[-1].number, rows=PART_SEALS * BATCH_SIZE + 1
    )
    entries = {
        number: [_entry(row) for row in group]
        for number, group in groupby(rows, key=lambda row: row["seal"])
    }
    return [SealedBatch(seal, entries.get(seal.number, [])) for seal in seals]


def _entry(row: Record) -> ChainedEntry:
    return ChainedEntry(**{name: row[name] for name in ChainedEntry.__dataclass_fields__})


def _seal(row: Record) -> Seal:
    return Seal(**{name: row[name] for name in Seal.__dataclass_fields__})


def _mark(row: Record) -> Mark:
    return Mark(MarkName(row["name"]), row["seal"], row["digest"], row["signature"])
