"""Full-text search by words and prefixes through a GIN index."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

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
    collate,
    func,
    literal_column,
    not_,
    or_,
    select,
    union_all,
)

from jubilee.adapters.postgres.columns import PUNCTUATION, SearchedText

MAX_WORDS = 16
MIN_HINT_CHARS = 3  # a shorter one is in most texts
MIN_NEAR = 5  # matches near the beginning, before more rows are looked at
ROWS = bindparam("rows", type_=Integer)
_SPACES = str.maketrans(PUNCTUATION, " " * len(PUNCTUATION))
_HINT = re.compile("[A-HJ-Za-z]+|[0-9]+")
TO_ASCII = r"[\u0130\u212A\u00CC\u00CD\u0128\u0307]"
"""The characters beside A to Z whose lower case has one of a to z in some locale, and the dot that
is left out after an I in Turkish."""


class Looks(NamedTuple):
    """How many of the first rows in the order are looked at.

    Constants that do not depend on the size of the page: PostgreSQL keeps a plan for all values,
    which takes longer to make than most searches.
    """

    near: int
    further: int


HINTED, UNHINTED = Looks(2_000, 10_000), Looks(200, 2_000)
"""To look at a row takes 0.4 us with a hint, and 18 without one, when its tsvector is made."""


class Query(NamedTuple):
    """A search: how many rows are looked at, None for all, and what its conditions bind."""

    looks: Looks | None
    values: Mapping[str, str]


def query(search: str | None) -> Query:
    """Return a tsquery that matches each word as a prefix, and a hint; nothing without a search.

    Words are separated as in the index; without words the tsquery is empty and matches nothing. The
    hint is the longest run of Latin letters or digits in them, in lower case: PostgreSQL never
    splits one, so that each match contains it. It has no I, whose lower case differs in Turkish.
    """
    if search is None:
        return Query(None, {})
    words = search.translate(_SPACES).split()[:MAX_WORDS]
    hint = max(_HINT.findall(" ".join(words)), key=len, default="").lower()
    tsquery = " & ".join(f"'{word}':*" for word in words)
    looks = HINTED if len(hint) >= MIN_HINT_CHARS else UNHINTED
    return Query(looks, {"words": tsquery, "hint": hint})


def first_found(
    keys: Select[Any], searched: SearchedText, looks: Looks, *, falling: bool
) -> CompoundSelect[Any]:
    """Select the ids of the first `rows` matches, ordered by these keys, the last of which is `id`.

    PostgreSQL does not know which words are common. The matches of a common word are soon found by
    looking at the rows in their order; those of a rare one by the index of words, which does not
    have the order, so that all of them are read and sorted. Therefore some rows are looked at, and
    more if MIN_NEAR of these match; the index is asked only if that is not enough. What remains
    slow is a common word that the first rows do not have. `deploy/performance.md` has figures.
    """
    near = _looked_at(keys, searched, looks.near, falling=falling, name="near")
    is_near = _number(near) >= ROWS
    nearly = keys.where(_number(near) >= _constant(MIN_NEAR), not_(is_near))
    further = _looked_at(nearly, searched, looks.further, falling=falling, name="further")
    is_further = _number(further) >= ROWS
    matches = keys.where(_matches(searched), not_(is_near), not_(is_further))
    found = _materialized(matches, "found")
    far = select(found.c.id).order_by(*_order(found.c, falling=falling)).limit(ROWS).subquery()
    return union_all(
        select(near.c.id).where(is_near),
        select(further.c.id).where(is_further),
        select(far.c.id),
    )


def _looked_at(
    keys: Select[Any], searched: SearchedText, count: int, *, falling: bool, name: str
) -> CTE:
    """Select the first `rows` matches among the first `count` rows in the order."""
    [table] = keys.get_final_froms()
    order = _order(keys.selected_columns, falling=falling)
    rows = keys.with_only_columns(*table.c).order_by(*order).limit(_constant(count))
    first = rows.subquery("first_rows")
    columns = [first.c[column.name] for column in keys.selected_columns]
    matches = select(*columns).where(_may_match(searched), _matches(searched))
    return _materialized(matches.order_by(*_order(columns, falling=falling)).limit(ROWS), name)


def _number(rows: CTE) -> ScalarSelect[int]:
    return select(func.count()).select_from(rows).scalar_subquery()


def _order(columns: Iterable[ColumnElement[Any]], *, falling: bool) -> list[ColumnElement[Any]]:
    return [column.desc() if falling else column.asc() for column in columns]


def _materialized(selected: Select[Any], name: str) -> CTE:
    return selected.cte(name).prefix_with("MATERIALIZED")


def _constant(number: int) -> ColumnElement[int]:
    return literal_column(str(number), Integer)


def _matches(searched: SearchedText) -> ColumnElement[bool]:
    """Build the condition that the tsvector matches the bound tsquery."""
    wanted = func.to_tsquery(literal_column("'simple'"), bindparam("words", type_=Text))
    return literal_column(searched.words).bool_op("@@")(wanted)


def _may_match(searched: SearchedText) -> ColumnElement[bool]:
    """Build a condition that all matches fulfil, and that takes a fortieth of making a tsvector.

    A match has the hint in its words, in lower case. Latin letters are the lower case of Latin ones
    alone, but for the characters of TO_ASCII: so the text itself has it, in upper or lower case.
    """
    text = literal_column(f"({searched.text})", Text)
    lower = func.lower(collate(text, "C"))
    has_hint = func.strpos(lower, bindparam("hint", type_=Text)) > _constant(0)
    is_wide = func.octet_length(text) > func.char_length(text)
    return or_(has_hint, and_(is_wide, text.bool_op("~")(literal_column(f"'{TO_ASCII}'"))))
