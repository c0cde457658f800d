"""Items, in memory and in PostgreSQL alike."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
from jubilee.domain.users.user import User
from tests.contracts.conftest import Database

NOW = datetime(2026, 11, 20, 9, 0, 0, 123456, tzinfo=UTC)
SORTS: tuple[ItemSort, ...] = get_args(ItemSort)
# What a request's texts may hold: anything but NUL and halves of characters.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


async def an_owner(database: Database) -> UserId:
    """The id of a fresh account."""
    user_id = UserId(new_id())
    user = User(id=user_id, email=f"{user_id}@example.com", created_at=NOW, updated_at=NOW)
    async with database.write() as tx:
        await tx.users.add(user)
    return user_id


@pytest.fixture
async def owner(database: Database) -> UserId:
    return await an_owner(database)


def an_item(owner: UserId, title: str = "Fairy lights", **seconds: float) -> Item:
    """`created` and `updated` are seconds after the first moment."""
    return Item(
        id=new_id(),
        owner_id=owner,
        title=title,
        created_at=NOW + timedelta(seconds=seconds.get("created", 0)),
        updated_at=NOW + timedelta(seconds=seconds.get("updated", 0)),
    )


async def kept(database: Database, *items: Item) -> list[Item]:
    async with database.write() as tx:
        for item in items:
            await tx.items.add(item)
    return list(items)


async def got(database: Database, item_id: UUID, *, lock: bool = False) -> Item:
    async with database.write() as tx:
        item: Item = await tx.items.get(item_id, lock=lock)
        return item


async def pages(
    database: Database, chosen: ItemFilter, *, limit: int = 100
) -> AsyncIterator[list[Item]]:
    """Every page from the first to the last."""
    after = None
    while True:
        async with database.read() as view:
            page = await view.items.page(chosen, after=after, limit=limit)
        yield list(page.rows)
        after = page.after
        if after is None:
            return


async def listed(database: Database, chosen: ItemFilter, *, limit: int = 100) -> list[Item]:
    return [item async for page in pages(database, chosen, limit=limit) for item in page]


async def titles(database: Database, owner: UserId, search: str) -> set[str]:
    found = await listed(database, ItemFilter(owner, search))
    return {item.title for item in found}


def in_order(items: Sequence[Item], sort: ItemSort) -> list[Item]:
    name = sort.removeprefix("-")
    return sorted(items, key=lambda i: (getattr(i, name), i.id), reverse=sort.startswith("-"))


async def test_what_is_added_is_found_as_it_was(database: Database, owner: UserId) -> None:
    plain = an_item(owner, "Zo\u00eb\u2019s \U0001f56f\n'\\\"%_")
    described = replace(an_item(owner), description="", version=7)
    for item in await kept(database, plain, described):
        assert await got(database, item.id) == item
        assert await got(database, item.id, lock=True) == item


@pytest.mark.parametrize("lock", [False, True])
async def test_neither_an_unknown_nor_a_deleted_item_is_found(
    database: Database, owner: UserId, *, lock: bool
) -> None:
    [deleted] = await kept(database, replace(an_item(owner), is_active=False))
    for item_id in (deleted.id, new_id()):
        with pytest.raises(ItemNotFound):
            await got(database, item_id, lock=lock)
    assert await listed(database, ItemFilter(owner)) == []
    assert await titles(database, owner, "fairy") == set()


async def test_saving_writes_all_that_changes(database: Database, owner: UserId) -> None:
    item, other = await kept(database, an_item(owner), an_item(owner))
    after = item.edited({"title": "New", "description": "Words"}, at=NOW + timedelta(days=1))
    async with database.write() as tx:
        await tx.items.save(after)
    assert await got(database, item.id) == after
    assert await got(database, other.id) == other


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_pages_hold_each_item_once_in_order(
    database: Database, owner: UserId, sort: ItemSort, limit: int
) -> None:
    items = await kept(
        database,
        an_item(owner, "b", created=1, updated=3),
        an_item(owner, "b", created=1, updated=2),
        an_item(owner, "B", created=0, updated=2),
        an_item(owner, "a" * 200, created=2, updated=2),
        an_item(owner, "\U0001f56f" * 200, created=2, updated=4),
        an_item(owner, "\u00e9", created=1, updated=2),
    )
    found = [page async for page in pages(database, ItemFilter(owner, sort=sort), limit=limit)]
    assert [item for page in found for item in page] == in_order(items, sort)
    assert {len(page) for page in found[:-1]} <= {limit}
    assert 0 < len(found[-1]) <= limit


async def test_a_list_without_an_owner_holds_everybodys(database: Database) -> None:
    mine, yours = await an_owner(database), await an_owner(database)
    items = await kept(database, an_item(mine, created=1), an_item(yours, created=2))
    found = await listed(database, ItemFilter(), limit=7)
    assert found == items[::-1]
    assert await listed(database, ItemFilter(mine)) == items[:1]
    assert await listed(database, ItemFilter(UserId(new_id()))) == []


@pytest.mark.parametrize("sort", SORTS)
async def test_inserts_between_two_pages_neither_skip_nor_double_a_row(
    database: Database, owner: UserId, sort: ItemSort
) -> None:
    """New rows tie with the old ones, and come before, among and after them."""
    before = await kept(database, *(an_item(owner, "tie") for _ in range(6)))
    seen: list[Item] = []
    async for page in pages(database, ItemFilter(owner, sort=sort), limit=2):
        seen += page
        if len(seen) <= 6:
            late = [an_item(owner, title, created=s, updated=s) for title, s in NEIGHBOURS]
            await kept(database, *late)
    assert [item for item in seen if item in before] == in_order(before, sort)
    assert len(seen) == len(set(seen))


NEIGHBOURS = [("a", -1), ("tie", 0), ("z", 1)]


async def test_a_page_that_begins_after_a_deleted_row_goes_on_where_it_was(
    database: Database, owner: UserId
) -> None:
    items = in_order(await kept(database, *(an_item(owner, t) for t in "abcd")), "title")
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
async def test_titles_of_any_script_are_paged_by_code_point(
    database: Database, words: list[str], limit: int
) -> None:
    owner = await an_owner(database)
    items = await kept(database, *(an_item(owner, word) for word in words))
    for sort in ("title", "-title"):
        chosen = ItemFilter(owner, sort=sort)
        assert await listed(database, chosen, limit=limit) == in_order(items, sort)


@pytest.fixture
async def searched(database: Database, owner: UserId) -> UserId:
    lights = replace(an_item(owner, "Fairy lights"), description="Warm white, 20 m")
    candles = replace(an_item(owner, "Caf\u00e9-candles"), description="O'Hara's \u00c4rger_box")
    await kept(database, lights, candles, an_item(await an_owner(database), "Fairy of others"))
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
async def test_a_search_finds_words_and_their_beginnings(
    database: Database, searched: UserId, search: str, found: set[str]
) -> None:
    assert await titles(database, searched, search) == found


@settings(
    max_examples=50,
    deadline=None,  # a database's times vary
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the examples only read
)
@given(search=TEXTS.map(lambda text: text[:200]))
async def test_no_search_breaks_the_query(database: Database, owner: UserId, search: str) -> None:
    assert await titles(database, owner, search) == set()


@pytest.mark.parametrize("sort", SORTS)
async def test_a_search_goes_on_from_page_to_page(
    database: Database, owner: UserId, sort: ItemSort
) -> None:
    items = await kept(
        database, *(an_item(owner, f"light {n % 3}", created=n, updated=-n) for n in range(7))
    )
    await kept(database, *(an_item(owner, "dark") for _ in range(3)))
    chosen = ItemFilter(owner, "lig", sort)
    assert await listed(database, chosen, limit=2) == in_order(items, sort)


async def test_with_an_owner_go_all_its_items_and_nobody_elses(
    database: Database, owner: UserId
) -> None:
    deleted = replace(an_item(owner), is_active=False)
    mine = await kept(database, an_item(owner), an_item(owner), deleted)
    [yours] = await kept(database, an_item(await an_owner(database)))
    async with database.write() as tx:
        assert set(await tx.items.delete_of(owner)) == {item.id for item in mine[:2]}
    async with database.write() as tx:
        assert await tx.items.delete_of(owner) == []
    assert await got(database, yours.id) == yours


async def test_of_parallel_writers_upon_one_version_exactly_one_succeeds(
    database: Database, owner: UserId
) -> None:
    [item] = await kept(database, an_item(owner))
    service = ItemService(database.write, database.read, lambda: NOW, new_id)
    by = Principal(owner, SessionId(new_id()))

    async def write(n: int) -> Item:
        words = ItemFields(title=f"By writer {n}")
        return await service.change(item.id, words, by=by, expects=lambda v: v == 1)

    outcomes = await asyncio.gather(*map(write, range(4)), return_exceptions=True)
    winners = [outcome for outcome in outcomes if isinstance(outcome, Item)]
    assert [type(o) for o in outcomes if o not in winners] == [ItemChanged] * 3
    assert [await service.get(item.id)] == winners


async def test_of_parallel_deletions_exactly_one_succeeds(
    database: Database, owner: UserId
) -> None:
    [item] = await kept(database, an_item(owner))
    service = ItemService(database.write, database.read, lambda: NOW, new_id)
    by = Principal(owner, SessionId(new_id()))
    deletions = (service.delete(item.id, by=by) for _ in range(4))
    outcomes = await asyncio.gather(*deletions, return_exceptions=True)
    assert sorted(type(o).__name__ for o in outcomes) == ["ItemNotFound"] * 3 + ["NoneType"]
