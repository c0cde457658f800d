"""Lists of tasks, in memory and in PostgreSQL: filters, pages and their sizes."""

from dataclasses import replace
from typing import Any

import pytest

from jubilee.domain.tasks.task import (
    MAX_PAGE_BYTES,
    TaskFilter,
    TaskStatus,
)
from jubilee.domain.users.user import User
from tests.contracts.accounts import add_users, make_user
from tests.contracts.conftest import Database
from tests.contracts.task_rows import (
    add_task,
    add_unowned,
    find,
    list_tasks,
    set_status,
)

QUEUED, RUNNING, DEAD = TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.DEAD


@pytest.fixture
async def zoe(database: Database) -> User:
    user = make_user("zoe")
    await add_users(database, user)
    return user


@pytest.fixture
async def eve(database: Database) -> User:
    user = make_user("eve")
    await add_users(database, user)
    return user


async def test_a_page_of_large_tasks_is_shorter_and_none_is_skipped(
    database: Database, zoe: User
) -> None:
    data = {"text": "x" * 60_000}
    tasks = [await add_task(database, zoe, data=data) for _ in range(30)]
    async with database.read() as view:
        page = await view.tasks.page(TaskFilter(owner=zoe.id), after=None, limit=100)
    assert 0 < len(page.rows) * 60_000 <= MAX_PAGE_BYTES
    assert page.after is not None
    assert await list_tasks(database, TaskFilter(owner=zoe.id)) == tasks[::-1]


async def test_a_page_of_exactly_the_largest_size_is_not_shortened(
    database: Database, zoe: User
) -> None:
    data = {"text": "x" * (MAX_PAGE_BYTES // 4 - len('{"text": ""}'))}
    for _ in range(5):
        await add_task(database, zoe, data=data)
    async with database.read() as view:
        page = await view.tasks.page(TaskFilter(owner=zoe.id), after=None, limit=100)
    assert len(page.rows) == 4


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_lists_filter_owned_and_unowned_tasks(
    database: Database, zoe: User, limit: int
) -> None:
    kinds = ("echo", None, "other", None, "echo")
    ids = [
        (await (add_task(database, zoe, kind=kind) if kind else add_unowned(database, zoe))).id
        for kind in kinds
    ]
    dead = await find(database, str(ids[1]), zoe, admin=True)
    assert dead is not None
    await set_status(database, dead, DEAD)

    async def found(**chosen: Any) -> list[int]:
        return [
            ids.index(task.id) for task in await list_tasks(database, TaskFilter(**chosen), limit)
        ]

    assert await found() == [4, 3, 2, 1, 0]
    assert await found(unowned=True) == [3, 1]
    assert await found(owner=zoe.id) == [4, 2, 0]
    assert await found(unowned=True, status=DEAD) == await found(status=DEAD) == [1]
    assert await found(unowned=True, kind="email.welcome", status=QUEUED) == [3]
    assert await found(kind="email.welcome") == [3, 1]
    assert await found(unowned=True, kind="echo") == []


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_lists_are_filtered_and_newest_first(
    database: Database, zoe: User, eve: User, limit: int
) -> None:
    kinds = ("echo", "other", "echo", "other", "echo")
    tasks = [await add_task(database, zoe, kind=kind) for kind in kinds]
    tasks[0] = await set_status(database, tasks[0], DEAD)
    tasks[3] = await set_status(database, tasks[3], DEAD)
    theirs = await add_task(database, eve)
    own = TaskFilter(owner=zoe.id)
    assert await list_tasks(database, TaskFilter(), limit) == [theirs, *reversed(tasks)]
    assert await list_tasks(database, own, limit) == [*reversed(tasks)]
    assert await list_tasks(database, replace(own, status=DEAD), limit) == [tasks[3], tasks[0]]
    assert await list_tasks(database, replace(own, kind="echo"), limit) == tasks[4::-2]
    both = replace(own, kind="echo", status=QUEUED)
    assert await list_tasks(database, both, limit) == [tasks[4], tasks[2]]
    assert await list_tasks(database, TaskFilter(status=DEAD), limit) == [tasks[3], tasks[0]]
    assert await list_tasks(database, TaskFilter(kind="other"), limit) == [tasks[3], tasks[1]]
    assert await list_tasks(database, TaskFilter(status=RUNNING), limit) == []
