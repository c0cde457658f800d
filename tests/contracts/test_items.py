"""Items, in memory and in PostgreSQL."""

import asyncio
from datetime import timedelta
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jubilee.adapters.ids import new_id
from jubilee.domain.identity import Principal, SessionId, UserId
from jubilee.domain.items import (
    Item,
    ItemChanged,
    ItemFields,
    ItemFilter,
    ItemNotFound,
    ItemService,
    ItemSort,
)
from tests.contracts.conftest import Database
from tests.contracts.item_rows import (
    NOW,
    TEXTS,
    add_items,
    add_owner,
    list_items,
    make_item,
    pages,
    sort_items,
)

SORTS: tuple[ItemSort, ...] = get_args(ItemSort)


@pytest.fixture
async def owner(database: Database) -> UserId:
    return await add_owner(database)


async def get_item(database: Database, item_id: UUID, *, lock: bool = False) -> Item:
    async with database.write() as tx:
        item: Item = await tx.items.get(item_id, lock=lock)
        return item


async def search_titles(database: Database, owner: UserId, search: str) -> set[str]:
    found = await list_items(database, ItemFilter(owner, search))
    return {item.title for item in found}


async def test_an_added_item_is_read_unchanged(database: Database, owner: UserId) -> None:
    plain = make_item(owner, "Zo\u00eb\u2019s \U0001f56f\n'\\\"%_")
    described = make_item(owner)._replace(description="", version=7)
    for item in await add_items(database, plain, described):
        assert await get_item(database, item.id) == item
        assert await get_item(database, item.id, lock=True) == item


@pytest.mark.parametrize("lock", [False, True])
async def test_neither_an_unknown_nor_a_deleted_item_is_found(
    database: Database, owner: UserId, *, lock: bool
) -> None:
    [deleted] = await add_items(database, make_item(owner)._replace(is_active=False))
    for item_id in (deleted.id, new_id()):
        with pytest.raises(ItemNotFound):
            await get_item(database, item_id, lock=lock)
    assert await list_items(database, ItemFilter(owner)) == []
    assert await search_titles(database, owner, "fairy") == set()


async def test_saving_an_item_writes_its_changes(database: Database, owner: UserId) -> None:
    item, other = await add_items(database, make_item(owner), make_item(owner))
    after = item.edited({"title": "New", "description": "Words"}, at=NOW + timedelta(days=1))
    async with database.write() as tx:
        await tx.items.save(after)
    assert await get_item(database, item.id) == after
    assert await get_item(database, other.id) == other


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_pages_contain_each_item_once_in_order(
    database: Database, owner: UserId, sort: ItemSort, limit: int
) -> None:
    items = await add_items(
        database,
        make_item(owner, "b", created=1, updated=3),
        make_item(owner, "b", created=1, updated=2),
        make_item(owner, "B", created=0, updated=2),
        make_item(owner, "a" * 200, created=2, updated=2),
        make_item(owner, "\U0001f56f" * 200, created=2, updated=4),
        make_item(owner, "\u00e9", created=1, updated=2),
    )
    found = [page async for page in pages(database, ItemFilter(owner, sort=sort), limit=limit)]
    assert [item for page in found for item in page] == sort_items(items, sort)
    assert {len(page) for page in found[:-1]} <= {limit}
    assert 0 < len(found[-1]) <= limit


async def test_a_list_without_an_owner_contains_all_items(database: Database) -> None:
    own, others = await add_owner(database), await add_owner(database)
    items = await add_items(database, make_item(own, created=1), make_item(others, created=2))
    found = await list_items(database, ItemFilter(), limit=7)
    assert found == items[::-1]
    assert await list_items(database, ItemFilter(own)) == items[:1]
    assert await list_items(database, ItemFilter(UserId(new_id()))) == []


@pytest.mark.parametrize("sort", SORTS)
async def test_inserts_between_two_pages_neither_skip_nor_repeat_a_row(
    database: Database, owner: UserId, sort: ItemSort
) -> None:
    """The new rows sort before, among and after the old ones."""
    before = await add_items(database, *(make_item(owner, "tie") for _ in range(6)))
    listed: list[Item] = []
    async for page in pages(database, ItemFilter(owner, sort=sort), limit=2):
        listed += page
        if len(listed) <= 6:
            late = [make_item(owner, title, created=s, updated=s) for title, s in NEIGHBOURS]
            await add_items(database, *late)
    assert [item for item in listed if item in before] == sort_items(before, sort)
    assert len(listed) == len(set(listed))


NEIGHBOURS = [("a", -1), ("tie", 0), ("z", 1)]


async def test_paging_continues_after_its_last_row_is_deleted(
    database: Database, owner: UserId
) -> None:
    items = sort_items(await add_items(database, *(make_item(owner, t) for t in "abcd")), "title")
    found = pages(database, ItemFilter(owner, sort="title"), limit=2)
    assert await anext(found) == items[:2]
    async with database.write() as tx:
        await tx.items.save(items[1].deleted(at=NOW))
    assert await anext(found) == items[2:]


@settings(
    max_examples=25,
    deadline=None,  # a database's times vary
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example has its own owner
)
@given(words=st.lists(TEXTS.map(lambda text: text[:200]), max_size=8), limit=st.integers(1, 4))
async def test_titles_of_any_script_are_sorted_by_code_point(
    database: Database, words: list[str], limit: int
) -> None:
    owner = await add_owner(database)
    items = await add_items(database, *(make_item(owner, word) for word in words))
    for sort in ("title", "-title"):
        chosen = ItemFilter(owner, sort=sort)
        assert await list_items(database, chosen, limit=limit) == sort_items(items, sort)


@pytest.fixture
async def searched(database: Database, owner: UserId) -> UserId:
    lights = make_item(owner, "Fairy lights")._replace(description="Warm white, 20 m")
    candles = make_item(owner, "Caf\u00e9-candles")._replace(description="O'Hara's \u00c4rger_box")
    await add_items(
        database, lights, candles, make_item(await add_owner(database), "Fairy of others")
    )
    return owner


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("fairy", {"Fairy lights"}),
        ("FAI", {"Fairy lights"}),
        ("lights fairy", {"Fairy lights"}),
        ("fairy warm", {"Fairy lights"}),  # over title and description
        ("airy", set()),  # not a word's beginning
        ("fairy candles", set()),
        ("caf\u00e9", {"Caf\u00e9-candles"}),
        ("\u00e4rger", {"Caf\u00e9-candles"}),
        ("box", {"Caf\u00e9-candles"}),
        ("o'hara", {"Caf\u00e9-candles"}),
        ("20", {"Fairy lights"}),
        ("fairy & !candles | (:*", set()),
        ("fairy:* & <-> '", {"Fairy lights"}),
        ("'; DROP TABLE items; --", set()),
        ("\\", set()),
        ("%", set()),
        (" ", set()),
    ],
)
async def test_an_item_search_matches_prefixes_of_words(
    database: Database, searched: UserId, search: str, found: set[str]
) -> None:
    assert await search_titles(database, searched, search) == found


@settings(
    max_examples=50,
    deadline=None,  # a database's times vary
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the examples only read
)
@given(search=TEXTS.map(lambda text: text[:200]))
async def test_any_search_text_is_accepted(database: Database, owner: UserId, search: str) -> None:
    assert await search_titles(database, owner, search) == set()


@pytest.mark.parametrize("sort", SORTS)
async def test_a_search_is_paged(database: Database, owner: UserId, sort: ItemSort) -> None:
    items = await add_items(
        database, *(make_item(owner, f"light {n % 3}", created=n, updated=-n) for n in range(7))
    )
    await add_items(database, *(make_item(owner, "dark") for _ in range(3)))
    chosen = ItemFilter(owner, "lig", sort)
    assert await list_items(database, chosen, limit=2) == sort_items(items, sort)


@pytest.mark.parametrize("every", [1, 2, 9, 40, 60])
async def test_a_search_finds_common_and_rare_words_in_the_same_order(
    database: Database, owner: UserId, every: int
) -> None:
    """Pages of two look at thirty items first; one word in 40 or 60 is further back."""
    items = [make_item(owner, "other" if n % every else "wanted", created=-n) for n in range(1, 81)]
    await add_items(database, *items)
    wanted = [item for item in items if item.title == "wanted"]
    assert await list_items(database, ItemFilter(owner, "wanted"), limit=2) == wanted


async def test_deleting_the_items_of_an_owner_keeps_those_of_others(
    database: Database, owner: UserId
) -> None:
    deleted = make_item(owner)._replace(is_active=False)
    own = await add_items(database, make_item(owner), make_item(owner), deleted)
    [other] = await add_items(database, make_item(await add_owner(database)))
    async with database.write() as tx:
        assert set(await tx.items.delete_of(owner)) == {item.id for item in own[:2]}
    async with database.write() as tx:
        assert await tx.items.delete_of(owner) == []
    assert await get_item(database, other.id) == other


async def test_one_of_parallel_writers_of_a_version_succeeds(
    database: Database, owner: UserId
) -> None:
    [item] = await add_items(database, make_item(owner))
    service = ItemService(database.write, database.read, database.read, lambda: NOW, new_id)
    by = Principal(owner, SessionId(new_id()))

    async def write(n: int) -> Item:
        words = ItemFields(title=f"By writer {n}")
        return await service.change(item.id, words, by=by, expects=lambda v: v == 1)

    outcomes = await asyncio.gather(*map(write, range(4)), return_exceptions=True)
    winners = [outcome for outcome in outcomes if isinstance(outcome, Item)]
    assert [type(o) for o in outcomes if o not in winners] == [ItemChanged] * 3
    assert [await service.get(item.id)] == winners


async def test_one_of_parallel_deletions_succeeds(database: Database, owner: UserId) -> None:
    [item] = await add_items(database, make_item(owner))
    service = ItemService(database.write, database.read, database.read, lambda: NOW, new_id)
    by = Principal(owner, SessionId(new_id()))
    deletions = (service.delete(item.id, by=by) for _ in range(4))
    outcomes = await asyncio.gather(*deletions, return_exceptions=True)
    assert sorted(type(o).__name__ for o in outcomes) == ["ItemNotFound"] * 3 + ["NoneType"]
