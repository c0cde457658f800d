"""The metadata of the schema, and columns that several tables have."""

from functools import reduce
from typing import NamedTuple

from sqlalchemy import Column, DateTime, ForeignKey, MetaData, Uuid

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""Characters that separate words in the search, in every locale."""


def instant(name: str, *, nullable: bool = False) -> Column[object]:
    """Return a column of type `timestamptz`."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def owner(name: str, *, nullable: bool = False) -> Column[object]:
    """Return a column for the account that owns the row, which is deleted with the account."""
    return Column(name, Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=nullable)


class SearchedText(NamedTuple):
    """What a search looks at, as SQL: the text of some columns, and the tsvector of it."""

    text: str
    words: str
    """The expression of the GIN index."""


def searched(*columns: str) -> SearchedText:
    """Return the SQL of the text and the tsvector of some columns."""
    texts = [part for column in columns for part in ("' '", f"coalesce({column}, '')")][1:]
    # With parentheses as PostgreSQL writes them: Alembic compares the texts.
    joined = reduce("({} || {})".format, texts)[1:-1]
    quoted, spaces = PUNCTUATION.replace("'", "''"), f"repeat(' ', {len(PUNCTUATION)})"
    return SearchedText(joined, f"to_tsvector('simple', translate({joined}, '{quoted}', {spaces}))")
