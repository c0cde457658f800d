"""Which rows a search reads, by how common its word is, and that it finds the same ones."""

import re
from collections.abc import Sequence
from itertools import product
from typing import Any, get_args

import pytest

from jubilee.adapters.postgres import items
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.search import Looks, query
from jubilee.adapters.postgres.statement import Statement
from jubilee.adapters.postgres.tables import ITEM_TEXT
from jubilee.domain.items import ItemSort
from tests.contracts.accounts import MANY_USERS
from tests.contracts.test_item_queries import indexes, nodes_of

ITEMS = """
    INSERT INTO items
    SELECT gen_random_uuid(), users.id, 'Light ' || n, CASE
               WHEN n % 100 = 7 THEN 'a candle' WHEN n % 10 = 4 THEN 'a lantern'
               WHEN n > 1500 THEN 'tinsel' END,
           true, 1, now() - n * interval '1 s', now() - n * interval '1 s'
    FROM users, generate_series(1, 2000) AS n
"""
ROWS = 21
SORTS: tuple[ItemSort, ...] = get_args(ItemSort)
FEW = Looks(50, 300)


def statement(sort: ItemSort = "-created_at", *, continued: bool = False) -> Statement:
    return items.page_statement(sort, owned=False, looks=FEW, continued=continued)


@pytest.fixture
async def filled(pool: ConnectionPool) -> ConnectionPool:
    """2000 items of one owner, the first of which are the newest."""
    async with pool.connection() as driver:
        await driver.execute(MANY_USERS, 1)
        for sql in (ITEMS, "ANALYZE", "SET enable_seqscan = off"):
            await driver.execute(sql)
    return pool


async def kept_plan(pool: ConnectionPool, asked: Statement) -> list[Any]:
    """Return the nodes of the plan for all values, which PostgreSQL keeps."""
    numbers = {int(number) for number in re.findall(r"\$(\d+)", asked.sql)}
    nulls = ", ".join(["NULL"] * max(numbers))
    async with pool.connection() as driver:
        await driver.execute(f"PREPARE search AS {asked.sql}")
        await driver.execute("SET plan_cache_mode = force_generic_plan")
        [top] = await driver.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE search({nulls})")
        await driver.execute("DEALLOCATE search")
    return list(nodes_of(top["Plan"]))


async def executed(pool: ConnectionPool, word: str) -> list[Any]:
    """Run a search, and return the nodes of its plan."""
    asked = statement()
    values = {"rows": ROWS, **query(word).values}
    async with pool.connection() as driver:
        sql = f"EXPLAIN (ANALYZE, FORMAT JSON) {asked.sql}"
        [top] = await driver.fetchval(sql, *asked.arguments(values))
    return list(nodes_of(top["Plan"]))


async def test_a_search_in_any_order_has_an_index_for_each_of_its_looks(
    filled: ConnectionPool,
) -> None:
    for sort, continued in product(SORTS, (False, True)):
        nodes = await kept_plan(filled, statement(sort, continued=continued))
        order = f"ix_items_{sort.removeprefix('-')}_id"
        assert indexes(nodes) == {order, "ix_items_words", "pk_items"}, sort
        assert len([node for node in nodes if node.get("Index Name") == order]) == 2


async def test_no_search_starts_parallel_workers(filled: ConnectionPool) -> None:
    bounds = (
        *("parallel_setup_cost", "parallel_tuple_cost"),
        *("min_parallel_table_scan_size", "min_parallel_index_scan_size"),
    )
    async with filled.connection() as driver:
        for name in bounds:  # as if tables and indexes were large
            await driver.execute(f"SET {name} = 0")
    nodes = await kept_plan(filled, statement())
    assert not [node for node in nodes if "Gather" in node["Node Type"]]


@pytest.mark.parametrize(
    ("word", "read"),
    [
        ("light", {"near": 21}),
        ("lantern", {"near": 5, "further": 21}),
        ("candle", {"near": 1, "found": 20}),
        ("absent", {}),
        ("tinsel", {"found": 445}),
    ],
)
async def test_how_common_a_word_is_decides_what_is_read(
    filled: ConnectionPool, word: str, read: dict[str, int]
) -> None:
    nodes = await executed(filled, word)
    parts = [node for node in nodes if node.get("Subplan Name", "").startswith("CTE")]
    rows = {part["Subplan Name"].removeprefix("CTE "): part["Actual Rows"] for part in parts}
    assert {name: number for name, number in rows.items() if number} == read


async def finds_the_same_rows(pool: ConnectionPool, words: Sequence[str]) -> None:
    """Compare the rows of searches with all that match."""
    plain = f"""
        SELECT id FROM items WHERE {ITEM_TEXT.words} @@ to_tsquery('simple', $1)
        ORDER BY created_at DESC, id DESC LIMIT $2
    """  # the text of the index
    asked = statement()
    async with pool.connection() as driver:
        for word in words:
            values = {"rows": ROWS, **query(word).values}
            expected = await driver.fetch(plain, values["words"], ROWS)
            rows = await driver.fetch(asked.sql, *asked.arguments(values))
            assert [row["id"] for row in rows] == [row["id"] for row in expected], word


async def test_each_way_to_read_finds_the_same_items(filled: ConnectionPool) -> None:
    await finds_the_same_rows(
        filled, ["light", "lantern", "candle", "absent", "tinsel", "a", "a light"]
    )


TITLES = (
    "LIGHT", "Light", "l\u0131ght", "L\u0130GHT", "li\u0307ght", "\u212Aelvin", "kelvin", "KELVIN",
    "\u00CCnn", "\u00CDnn", "\u0128nn", "STRASSE", "Stra\u00DFe", "\uFF2Cight", "Beac\u00D3n lamp",
    "\u0391\u03A3 Alpha", "x1light", "1e5x", "light-house", "\u01C5light", "Z\u0308oe", "Zoe\u0308",
)  # fmt: skip
SEARCHES = (
    "light", "LIGHT", "Light", "L\u0130GHT", "l\u0131", "kelvin", "K", "\u212A", "inn", "I", "i",
    "INN", "strasse", "stra\u00DFe", "beac", "lamp beac\u00F3n", "alpha", "x1", "1e5x", "house",
    "zo", "Zoe", "\u03B1\u03C3",
)  # fmt: skip


async def test_texts_of_all_alphabets_are_found_as_the_index_of_words_has_them(
    filled: ConnectionPool,
) -> None:
    async with filled.connection() as driver:
        await driver.executemany(
            """INSERT INTO items SELECT gen_random_uuid(), id, $1, NULL, true, 1, now(), now()
            FROM users""",
            [(title,) for title in TITLES],
        )
    await finds_the_same_rows(filled, SEARCHES)
