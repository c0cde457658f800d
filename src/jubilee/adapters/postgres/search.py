"""Full-text search by words and prefixes through a GIN index."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Integer,
    ScalarSelect,
    Select,
    Text,
    and_,
    bindparam,
    func,
    literal_column,
    not_,
    select,
    union_all,
)

from jubilee.adapters.postgres.columns import PUNCTUATION

MAX_WORDS = 16
LOOK_RATIO = 10  # rows looked at for each that is wanted, before the index of words is asked
FURTHER_LOOK_RATIO = 100  # the same, once one in MIN_FOUND_RATIO of those wanted is found
MIN_FOUND_RATIO = 10
ROWS = bindparam("rows", type_=Integer)
_SPACES = str.maketrans(PUNCTUATION, " " * len(PUNCTUATION))


def query(search: str) -> str:
    """Return a tsquery that matches each word as a prefix; words are separated as in the index.

    Without words it is empty and matches nothing.
    """
    words = search.translate(_SPACES).split()[:MAX_WORDS]
    return " & ".join(f"'{word}':*" for word in words)


def first_found(keys: Select[Any], words: str, *, falling: bool) -> CompoundSelect[Any]:
    """Select the ids of the first `rows` matches, ordered by these keys, the last of which is `id`.

    PostgreSQL does not know which words are common. The first rows in the order, LOOK_RATIO times
    `rows`, are looked at until `rows` of them match. If too few do, the share of matches among them
    decides: of a word that is not rare, the first matches are soon found in more of these rows; all
    matches of a rare word are found by the GIN index and sorted, which takes the longer the more
    there are: a word of one row in 200, or a common one that the first rows do not have, is the
    worst case. `deploy/performance.md` has figures.
    """
    near = _looked_at(keys, words, LOOK_RATIO, falling=falling, name="near")
    near_rows = _number(near)
    may_be_further = and_(near_rows < ROWS, near_rows * MIN_FOUND_RATIO >= ROWS)
    further = _looked_at(
        keys.where(may_be_further), words, FURTHER_LOOK_RATIO, falling=falling, name="further"
    )
    is_near, is_further = near_rows >= ROWS, _number(further) >= ROWS
    found = _materialized(keys.where(_matches(words), not_(is_near), not_(is_further)), "found")
    far = select(found.c.id).order_by(*_order(found.c, falling=falling)).limit(ROWS).subquery()
    return union_all(
        select(near.c.id).where(is_near),
        select(further.c.id).where(is_further),
        select(far.c.id),
    )


def _looked_at(keys: Select[Any], words: str, ratio: int, *, falling: bool, name: str) -> CTE:
    """Select the first `rows` matches of the first rows in the order, `ratio` times as many."""
    [table] = keys.get_final_froms()
    order = _order(keys.selected_columns, falling=falling)
    first = keys.with_only_columns(*table.c).order_by(*order).limit(ROWS * ratio)
    rows = first.subquery("first_rows")
    columns = [rows.c[column.name] for column in keys.selected_columns]
    matches = select(*columns).where(_matches(words)).order_by(*_order(columns, falling=falling))
    return _materialized(matches.limit(ROWS), name)


def _number(rows: CTE) -> ScalarSelect[int]:
    return select(func.count()).select_from(rows).scalar_subquery()


def _order(columns: Iterable[ColumnElement[Any]], *, falling: bool) -> list[ColumnElement[Any]]:
    return [column.desc() if falling else column.asc() for column in columns]


def _materialized(selected: Select[Any], name: str) -> CTE:
    return selected.cte(name, nesting=True).prefix_with("MATERIALIZED")


def _matches(words: str) -> ColumnElement[bool]:
    """Build the condition that the tsvector `words` (SQL) matches the bound query `words`."""
    wanted = func.to_tsquery(literal_column("'simple'"), bindparam("words", type_=Text))
    return literal_column(words).bool_op("@@")(wanted)
