"""Items and tasks that move to another account, in memory and in PostgreSQL."""

from datetime import timedelta

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.identity import Principal
from jubilee.domain.items import Item
from jubilee.domain.tasks.quota import add_within_limit
from jubilee.domain.tasks.task import Task, TaskRequest, TooManyTasks
from jubilee.domain.users.user import User
from tests.contracts.accounts import NOW, add_users, make_user
from tests.contracts.conftest import Database
from tests.contracts.task_rows import add_tasks, make_task

LATER = NOW + timedelta(hours=1)


@pytest.fixture
async def people(database: Database) -> tuple[User, User]:
    old, zoe = make_user("old"), make_user("zoe")
    await add_users(database, old, zoe)
    return old, zoe


async def add_task(database: Database, owner: User, name: str) -> Task:
    [task] = await add_tasks(database, make_task(owner, data={}, task_id=name))
    assert task is not None
    return task


async def test_all_items_move_as_new_versions_and_the_active_ones_are_named(
    database: Database, people: tuple[User, User]
) -> None:
    old, zoe = people
    items = [
        Item(
            id=new_id(),
            owner_id=old.id,
            title="x",
            is_active=active,
            created_at=NOW,
            updated_at=NOW,
        )
        for active in (True, False)
    ]
    async with database.write() as tx:
        for item in items:
            await tx.items.add(item)
        assert list(await tx.items.move(old.id, to=zoe.id, at=LATER)) == [items[0].id]
        moved = await tx.items.get(items[0].id)
    assert (moved.owner_id, moved.version, moved.updated_at) == (zoe.id, 2, LATER)


async def test_all_tasks_move_and_a_taken_name_becomes_the_id(
    database: Database, people: tuple[User, User]
) -> None:
    old, zoe = people
    kept, same, other = [
        await add_task(database, owner, name)
        for owner, name in ((zoe, "a"), (old, "a"), (old, "b"))
    ]
    async with database.write() as tx:
        await tx.tasks.move(old.id, to=zoe.id)
    by = Principal(zoe.id, None)
    async with database.read() as view:
        for task, name in ((kept, "a"), (same, str(same.id)), (other, "b")):
            assert (await view.tasks.get(name, by=by)).id == task.id


async def test_moved_tasks_count_towards_the_limit_of_their_new_owner(
    database: Database, people: tuple[User, User]
) -> None:
    old, zoe = people
    for owner, name in ((zoe, "a"), (old, "b"), (old, "c")):
        await add_task(database, owner, name)
    async with database.write() as tx:
        await tx.tasks.move(old.id, to=zoe.id)
    request = TaskRequest(data={})
    with pytest.raises(TooManyTasks):
        async with database.write() as tx:
            await add_within_limit(tx.task_queue, request, new_id=new_id(), owner=zoe.id, limit=3)
