"""SQL composed of constant fragments, and the places of its values."""

import pytest

from jubilee.adapters.postgres.statement import Statement, compose


def test_fragments_are_inserted_by_name() -> None:
    statement = Statement.from_sql(
        "SELECT {columns} FROM jobs WHERE id = :id LIMIT {limit}", columns="id, kind", limit=3
    )
    assert statement.display == "SELECT id, kind FROM jobs WHERE id = $1 LIMIT 3"
    assert statement.arguments({"id": 7}) == [7]


def test_values_are_numbered_by_their_names_in_the_order_of_their_first_places() -> None:
    statement = Statement.from_sql("SELECT :b, :a, CAST(:b AS text), now()::date, '12:30'")
    assert statement.sql == "SELECT $1, $2, CAST($1 AS text), now()::date, '12:30'"
    assert statement.arguments({"a": 1, "b": 2}) == [2, 1]


def test_a_value_that_is_not_given_is_an_error() -> None:
    with pytest.raises(KeyError, match="id"):
        Statement.from_sql("SELECT :id").arguments({})


@pytest.mark.parametrize(
    "fragment",
    ["1; DROP TABLE jobs", "1 -- the rest", "1 /* the rest", "$1", "(1", "1)", "'1", "it's"],
)
def test_a_fragment_that_could_change_the_statement_around_it_is_refused(fragment: str) -> None:
    with pytest.raises(ValueError, match="has no place in this SQL"):
        compose("SELECT {value}", value=fragment)


def test_a_fragment_that_is_not_used_is_refused() -> None:
    with pytest.raises(ValueError, match="value has no place"):
        compose("SELECT 1", value="2")


def test_a_name_without_a_fragment_is_refused() -> None:
    with pytest.raises(KeyError, match="value"):
        compose("SELECT {value}")


@pytest.mark.parametrize(
    ("sql", "summary"),
    [
        ("SELECT id, (SELECT count(*) FROM items) FROM users", "SELECT users"),
        ("SELECT extract(epoch FROM now()) FROM jobs", "SELECT jobs"),
        ("WITH due AS (SELECT id FROM jobs) UPDATE jobs SET id = id", "WITH jobs"),
        ("SELECT (SELECT id FROM jobs)", "SELECT jobs"),
        ("COMMIT", "COMMIT"),
    ],
)
def test_a_summary_names_the_table_that_is_not_in_a_sub_query(sql: str, summary: str) -> None:
    assert Statement.from_sql(sql).summary == summary
