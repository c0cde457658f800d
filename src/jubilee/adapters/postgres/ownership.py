"""Tables and indexes of Jubilee in a shared database, as filters for Alembic's comparison."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from alembic.runtime.environment import NameFilterParentNames, NameFilterType
from sqlalchemy import MetaData
from sqlalchemy.schema import SchemaItem

CREATED_TABLE = re.compile(r"create_table\(\s*[\"'](\w+)[\"']")
QUOTED = re.compile(r"[\"'](\w+)[\"']")
ADDED_TO_TABLES = frozenset(
    {"index", "unique_constraint", "foreign_key_constraint", "check_constraint"}
)
"""Objects that an administrator or another program may add to our tables."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """Names that the tables declare or that a migration has created; all others are foreign.

    Migrations are included so that tables and indexes that are no longer declared are dropped.
    """

    tables: Collection[str]
    names: Collection[str]

    @classmethod
    def read(cls, versions: Path, metadata: MetaData) -> Self:
        """Read the names from the migrations in a folder and from the declared tables."""
        written = "".join(path.read_text() for path in versions.glob("*.py"))
        tables = {*CREATED_TABLE.findall(written), *metadata.tables}
        return cls(tables, {*QUOTED.findall(written)})

    def name(self, name: str | None, kind: NameFilterType, _: NameFilterParentNames) -> bool:
        """Return whether an object in the database is compared; Alembic's `include_name`."""
        return kind != "table" or name in self.tables

    def object(
        self,
        _: SchemaItem,
        name: str | None,
        kind: NameFilterType,
        reflected: bool,
        compared: SchemaItem | None,
    ) -> bool:
        """Return whether a difference counts; Alembic's `include_object`."""
        foreign = reflected and compared is None and name not in self.names
        return not (foreign and kind in ADDED_TO_TABLES)
