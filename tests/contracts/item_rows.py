"""Rows of items, for the contract tests."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from jubilee.adapters.ids import new_id
from jubilee.domain.identity import UserId
from jubilee.domain.items import Item, ItemFilter, ItemSort
from jubilee.domain.users.user import User
from tests.contracts.conftest import Database

NOW = datetime(2026, 11, 20, 9, 0, 0, 123456, tzinfo=UTC)
# What a request's texts may hold: anything but NUL and halves of characters.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


async def add_owner(database: Database) -> UserId:
    """Add an account and return its id."""
    user_id = UserId(new_id())
    user = User(id=user_id, email=f"{user_id}@example.com", created_at=NOW, updated_at=NOW)
    async with database.write() as tx:
        await tx.users.add(user)
    return user_id


def make_item(owner: UserId, title: str = "Fairy lights", **seconds: float) -> Item:
    """Return an item; `created` and `updated` are seconds after NOW."""
    return Item(
        id=new_id(),
        owner_id=owner,
        title=title,
        created_at=NOW + timedelta(seconds=seconds.get("created", 0)),
        updated_at=NOW + timedelta(seconds=seconds.get("updated", 0)),
    )


async def add_items(database: Database, *items: Item) -> list[Item]:
    async with database.write() as tx:
        for item in items:
            await tx.items.add(item)
    return list(items)


async def pages(
    database: Database, chosen: ItemFilter, *, limit: int = 100
) -> AsyncIterator[list[Item]]:
    """Iterate over the pages."""
    after = None
    while True:
        async with database.read() as view:
            page = await view.items.page(chosen, after=after, limit=limit)
        yield list(page.rows)
        after = page.after
        if after is None:
            return


async def list_items(database: Database, chosen: ItemFilter, *, limit: int = 100) -> list[Item]:
    return [item async for page in pages(database, chosen, limit=limit) for item in page]


def sort_items(items: Sequence[Item], sort: ItemSort) -> list[Item]:
    name = sort.removeprefix("-")
    return sorted(items, key=lambda i: (getattr(i, name), i.id), reverse=sort.startswith("-"))
