"""Use cases of items, and who is allowed to call them."""

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.errors import DomainError, NotAllowed
from jubilee.domain.events import ItemCreated, ItemDeleted, ItemUpdated
from jubilee.domain.identity import Principal, SessionId, UserId
from jubilee.domain.items import (
    DescriptionTooLong,
    InvalidDescription,
    InvalidTitle,
    Item,
    ItemChanged,
    ItemFields,
    ItemFilter,
    ItemNotFound,
    ItemService,
)
from tests.fakes.store import FakeStore, store_with_accounts


def make_principal(*, admin: bool = False) -> Principal:
    return Principal(UserId(new_id()), SessionId(new_id()), is_admin=admin)


OWNER, STRANGER, ADMIN = make_principal(), make_principal(), make_principal(admin=True)


@pytest.fixture
def store() -> FakeStore:
    return store_with_accounts(OWNER, STRANGER, ADMIN)


@pytest.fixture
def items(store: FakeStore) -> ItemService:
    return ItemService(store.transaction, store.view, store.view, store.clock, new_id)


@pytest.fixture
async def item(items: ItemService) -> Item:
    return await items.create("Fairy lights", "warm white", by=OWNER)


async def list_items(items: ItemService) -> list[Item]:
    return list((await items.list(ItemFilter(), after=None, limit=10)).rows)


async def test_a_new_item_belongs_to_its_creator_and_is_readable_by_all(
    items: ItemService, item: Item, store: FakeStore
) -> None:
    assert (item.owner_id, item.version, item.is_active) == (OWNER.user_id, 1, True)
    assert await items.get(item.id) == item
    assert await list_items(items) == [item]
    assert store.events == [ItemCreated(item_id=item.id, owner_id=OWNER.user_id)]


@pytest.mark.parametrize("by", [OWNER, ADMIN])
async def test_its_owner_and_admins_change_it(
    items: ItemService, item: Item, store: FakeStore, by: Principal
) -> None:
    store.clock.tick(seconds=5)
    changed = await items.change(item.id, {"title": "Candles"}, by=by)
    assert (changed.title, changed.description) == ("Candles", "warm white")
    assert (changed.version, changed.updated_at) == (2, store.clock())
    assert (changed.owner_id, changed.created_at) == (OWNER.user_id, item.created_at)
    assert await items.get(item.id) == changed
    assert store.events[1:] == [ItemUpdated(item_id=item.id, owner_id=OWNER.user_id)]


async def test_another_user_neither_changes_nor_deletes_it(
    items: ItemService, item: Item, store: FakeStore
) -> None:
    with pytest.raises(NotAllowed):
        await items.change(item.id, {"title": "Mine"}, by=STRANGER)
    with pytest.raises(NotAllowed):
        await items.delete(item.id, by=STRANGER)
    assert await items.get(item.id) == item
    assert len(store.events) == 1


@pytest.mark.parametrize("words", [{}, {"title": "Fairy lights"}, {"description": "warm white"}])
async def test_a_change_without_effect_keeps_the_version_and_emits_no_event(
    items: ItemService, item: Item, store: FakeStore, words: ItemFields
) -> None:
    store.clock.tick(seconds=5)
    assert await items.change(item.id, words, by=OWNER) == item
    assert len(store.events) == 1


async def test_a_description_can_be_removed(items: ItemService, item: Item) -> None:
    changed = await items.change(item.id, {"description": None}, by=OWNER)
    assert (changed.title, changed.description) == ("Fairy lights", None)


@pytest.mark.parametrize("by", [OWNER, ADMIN])
async def test_a_deleted_item_is_not_found_by_any_caller(
    items: ItemService, item: Item, store: FakeStore, by: Principal
) -> None:
    await items.delete(item.id, by=by)
    assert await list_items(items) == []
    assert store.events[1:] == [ItemDeleted(item_id=item.id, owner_id=OWNER.user_id)]
    with pytest.raises(ItemNotFound):
        await items.get(item.id)
    with pytest.raises(ItemNotFound):
        await items.change(item.id, {"title": "Back"}, by=by)
    with pytest.raises(ItemNotFound):
        await items.delete(item.id, by=by)
    assert len(store.events) == 2


async def test_a_deleted_row_keeps_its_fields(
    items: ItemService, item: Item, store: FakeStore
) -> None:
    await items.delete(item.id, by=OWNER)
    row = store.items.rows[item.id]
    assert (row.title, row.is_active, row.version) == ("Fairy lights", False, 2)


async def test_a_write_expecting_another_version_is_refused(
    items: ItemService, item: Item, store: FakeStore
) -> None:
    await items.change(item.id, {"title": "Candles"}, by=OWNER, expects=lambda v: v == 1)
    with pytest.raises(ItemChanged):
        await items.change(item.id, {"title": "Lamps"}, by=OWNER, expects=lambda v: v == 1)
    with pytest.raises(ItemChanged):
        await items.delete(item.id, by=OWNER, expects=lambda v: v == 1)
    assert (await items.get(item.id)).title == "Candles"
    assert len(store.events) == 2


async def test_permission_is_checked_before_the_version(items: ItemService, item: Item) -> None:
    with pytest.raises(NotAllowed):
        await items.delete(item.id, by=STRANGER, expects=lambda _: False)
    with pytest.raises(ItemNotFound):
        await items.delete(new_id(), by=STRANGER, expects=lambda _: False)


@pytest.mark.parametrize("title", ["x", "x" * 200, "\U0001f56f" * 200, " padded ", "\u00e9"])
async def test_a_title_is_stored_as_written(items: ItemService, title: str) -> None:
    assert (await items.create(title, None, by=OWNER)).title == title


async def test_texts_are_normalized_to_nfc(items: ItemService, item: Item) -> None:
    created = await items.create("e\u0301", "o\u0308\n", by=OWNER)
    assert (created.title, created.description) == ("\u00e9", "\u00f6\n")
    changed = await items.change(item.id, {"title": "e\u0301"}, by=OWNER)
    assert changed.title == "\u00e9"


@pytest.mark.parametrize("title", ["a\nb", "Zo\u202ee", "\u200b", "a\x1b[2J", "a\uffff", "\ue000"])
async def test_a_title_with_control_or_invisible_characters_is_refused(
    items: ItemService, item: Item, title: str
) -> None:
    with pytest.raises(InvalidTitle) as caught:
        await items.create(title, None, by=OWNER)
    assert caught.value.pointer == "/title"
    with pytest.raises(InvalidTitle):
        await items.change(item.id, {"title": title}, by=OWNER)


@pytest.mark.parametrize("text", ["a\x1b[2J", "\u202e", "a\x00", "\u200b"])
async def test_a_description_with_control_or_invisible_characters_is_refused(
    items: ItemService, item: Item, text: str
) -> None:
    with pytest.raises(InvalidDescription) as caught:
        await items.change(item.id, {"description": text}, by=OWNER)
    assert caught.value.pointer == "/description"


async def test_an_item_older_than_the_text_rules_can_be_changed(
    items: ItemService, item: Item, store: FakeStore
) -> None:
    store.items.rows[item.id] = item._replace(title="Zo\u202ee", description="\x1b")
    words = ItemFields(title="Zo\u202ee", description="\x1b")
    assert (await items.change(item.id, words, by=OWNER)).title == "Zo\u202ee"
    assert (await items.change(item.id, {"description": "new"}, by=OWNER)).description == "new"


@pytest.mark.parametrize("title", ["", " ", "\t\n\u3000\u00a0", "x" * 201])
async def test_a_blank_or_too_long_title_is_refused(
    items: ItemService, item: Item, title: str
) -> None:
    with pytest.raises(InvalidTitle) as caught:
        await items.create(title, None, by=OWNER)
    assert caught.value.pointer == "/title"
    with pytest.raises(InvalidTitle):
        await items.change(item.id, {"title": title}, by=OWNER)
    assert await list_items(items) == [item]


async def test_a_description_is_limited_to_ten_thousand_characters(items: ItemService) -> None:
    longest = "\U0001f56f" * 10_000
    item = await items.create("x", longest, by=OWNER)
    assert item.description == longest
    with pytest.raises(DescriptionTooLong) as caught:
        await items.change(item.id, {"description": longest + "x"}, by=OWNER)
    assert caught.value.pointer == "/description"


async def test_a_failing_event_rolls_the_item_back(
    items: ItemService, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise DomainError("no room")

    monkeypatch.setattr("tests.fakes.store.FakeEvents.add", refuse)
    with pytest.raises(DomainError, match="no room"):
        await items.create("Fairy lights", None, by=OWNER)
    assert store.items.rows == {}
