"""The database's version of the schema, compared with the migrations of this package."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.health import SchemaStatus

VERSION = Statement.from_sql("SELECT version_num FROM alembic_version LIMIT 2")
REVISION = re.compile(r'^revision\b[^=]*= "([^"]+)"', re.MULTILINE)
DOWN_REVISION = re.compile(r'^down_revision\b[^=]*= "([^"]+)"', re.MULTILINE)


def migrations_folder() -> Path:
    """Return the folder of the migrations: in an installed package, or at the checkout's root."""
    package = Path(__file__).parents[2]
    packed = package / "migrations"
    return packed if packed.is_dir() else package.parents[1] / "migrations"


def known_revisions() -> tuple[frozenset[str], str]:
    """Return the revisions of this package, and the newest.

    Reads the files as text: loading Alembic, which runs them, takes a tenth of a second.
    """
    texts = [path.read_text() for path in migrations_folder().glob("versions/*.py")]
    known = {found[1] for text in texts if (found := REVISION.search(text))}
    left = {found[1] for text in texts if (found := DOWN_REVISION.search(text))}
    (head,) = known - left
    return frozenset(known), head


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Compares the database's version with the revisions of this package."""

    pool: ConnectionPool
    known: frozenset[str]
    head: str

    async def __call__(self) -> SchemaStatus:
        """An unknown version is that of a newer release; raises Unavailable."""
        try:
            async with self.pool.executor() as executor:
                found = await executor.first(VERSION)
        except asyncpg.UndefinedTableError:
            return SchemaStatus.BEHIND
        if found is None:
            return SchemaStatus.BEHIND
        version = str(found["version_num"])
        if version == self.head:
            return SchemaStatus.CURRENT
        return SchemaStatus.BEHIND if version in self.known else SchemaStatus.AHEAD


async def schema_state(pool: ConnectionPool) -> SchemaState:
    """Build the reader; reads the files of the migrations in a thread."""
    return SchemaState(pool, *await asyncio.to_thread(known_revisions))
