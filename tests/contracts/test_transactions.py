"""Isolation, locks and refusals of transactions, in memory and in PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.transaction_executor import RolledBack
from jubilee.domain.auth.tokens import InvalidToken
from jubilee.domain.birthday import Birthday
from jubilee.domain.errors import Conflict
from jubilee.domain.greetings.greeting import GreetingKey, GreetingState, PlannedGreeting
from jubilee.domain.items import Item
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.tasks.task import TaskIdTaken, TaskNotFound
from jubilee.domain.users.user import EmailTaken, User
from tests.contracts.accounts import NOW, add_sessions, add_users, make_session, make_user
from tests.contracts.birthday_rows import BIRTH, NO_LIMIT
from tests.contracts.conftest import Database
from tests.contracts.task_rows import add_task, find_same, insert_task, make_task

Work = Callable[[Any], Awaitable[object]]
NUL, SURROGATE = "a\0b", "a\ud800b"


@pytest.fixture
async def zoe(database: Database) -> User:
    user = make_user("zoe", username="zoe")
    await add_users(database, user)
    return user


def make_item(owner: User, **more: Any) -> Item:
    values: dict[str, Any] = {
        "title": "Engine",
        "description": None,
        "is_active": True,
        "version": 1,
        **more,
    }
    return Item(id=new_id(), owner_id=owner.id, created_at=NOW, updated_at=NOW, **values)


async def run(database: Database, work: Work) -> None:
    async with database.write() as tx:
        await work(tx)


async def get_user(database: Database, user: User) -> User:
    async with database.read() as view:
        found: User = await view.users.get(user.id)
        return found


async def test_uncommitted_changes_are_invisible_to_others(database: Database, zoe: User) -> None:
    item, eve = make_item(zoe), make_user("eve")
    async with database.write() as tx:
        await tx.items.add(item)
        await tx.users.add(eve)
        await tx.users.save(replace(zoe, full_name="Zoe"))
        async with database.read() as view:
            assert (await view.users.get(zoe.id)).full_name is None
            assert await view.users.find_by_login(eve.email) is None
            assert await view.items.delete_of(zoe.id) == []
        assert await tx.items.get(item.id) == item
    assert (await get_user(database, zoe)).full_name == "Zoe"
    async with database.read() as view:
        assert await view.items.get(item.id) == item


async def test_a_transaction_sees_what_others_committed(database: Database, zoe: User) -> None:
    async with database.write() as tx:
        assert (await tx.users.get(zoe.id)).full_name is None
        await run(database, lambda other: other.users.save(replace(zoe, full_name="Zoe")))
        assert (await tx.users.get(zoe.id)).full_name == "Zoe"


async def append_letters(database: Database, user: User, *, lock: bool) -> None:
    """Append a letter to the name in four transactions, of which each has begun before one ends."""
    begun = asyncio.Barrier(4)

    async def append_letter() -> None:
        async with database.write() as tx:
            if lock:
                await begun.wait()
            found = await tx.users.get(user.id, lock=lock)
            if not lock:
                await begun.wait()
            await tx.users.save(replace(found, full_name=(found.full_name or "") + "x"))

    await asyncio.wait_for(asyncio.gather(*(append_letter() for _ in range(4))), 5)


async def test_parallel_changes_of_a_locked_row_are_all_kept(database: Database, zoe: User) -> None:
    await append_letters(database, zoe, lock=True)
    assert (await get_user(database, zoe)).full_name == "xxxx"


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_parallel_changes_without_locks_undo_one_another(
    database: Database, zoe: User
) -> None:
    await append_letters(database, zoe, lock=False)
    assert (await get_user(database, zoe)).full_name == "x"


async def test_a_change_waits_for_the_deletion_of_its_row(database: Database, zoe: User) -> None:
    task = await add_task(database, zoe)
    async with database.write() as tx:
        await tx.tasks.remove(task.id)
        cancelling = asyncio.create_task(run(database, lambda other: other.tasks.cancel(task.id)))
        await asyncio.sleep(0.1)
        assert not cancelling.done()
    with pytest.raises(TaskNotFound):
        await cancelling


async def test_an_address_in_an_open_transaction_is_waited_for(database: Database) -> None:
    async with database.write() as tx:
        await tx.users.add(make_user("eve"))
        second = asyncio.create_task(add_users(database, make_user("eve")))
        await asyncio.sleep(0.1)
        assert not second.done()
    with pytest.raises(EmailTaken):
        await second


async def add_duplicate(tx: Any, address: str) -> None:
    """Add an account whose address exists."""
    with pytest.raises(asyncpg.UniqueViolationError):
        await tx.users.add(replace(make_user("eve"), email=address))


async def test_a_transaction_refuses_statements_after_a_failed_one(
    database: Database, zoe: User
) -> None:
    async def use_after_failure(tx: Any) -> None:
        await add_duplicate(tx, zoe.email)
        await tx.users.get(zoe.id)

    with pytest.raises(asyncpg.InFailedSQLTransactionError):
        await run(database, use_after_failure)


async def test_a_suppressed_failure_rolls_the_transaction_back(
    database: Database, zoe: User
) -> None:
    item = make_item(zoe)

    async def suppress_failure(tx: Any) -> None:
        await tx.items.add(item)
        await add_duplicate(tx, zoe.email)

    with pytest.raises(RolledBack):
        await run(database, suppress_failure)
    async with database.read() as view:
        assert await view.items.delete_of(zoe.id) == []


def operations_with(zoe: User, text: str) -> list[Work]:
    """Return the operations that store or look up a text."""
    task = make_task(zoe, data={"text": text})
    birthday = Birthday(id=new_id(), name=text, birth=BIRTH)
    return [
        lambda tx: tx.users.save(replace(zoe, full_name=text)),
        lambda tx: tx.users.find_by_login(text),
        lambda tx: tx.items.add(make_item(zoe, title=text)),
        lambda tx: tx.birthdays.put(birthday, overwrite=True, max_anonymous=NO_LIMIT),
        lambda tx: tx.birthdays.find(text),
        lambda tx: insert_task(tx, task, limit=9),
        lambda tx: insert_task(tx, make_task(zoe, task_id=text), limit=9),
        lambda tx: tx.jobs.add(NewJob(id=new_id(), kind="x", data={"deep": [{"a": text}]})),
    ]


@pytest.mark.parametrize("text", [NUL, SURROGATE])
@pytest.mark.parametrize("number", range(8))
async def test_nul_and_surrogates_are_refused(
    database: Database, zoe: User, text: str, number: int
) -> None:
    with pytest.raises(asyncpg.DataError):
        await run(database, operations_with(zoe, text)[number])


@pytest.mark.parametrize(
    ("work", "refusal"),
    [
        (lambda tx, owner: tx.items.add(make_item(owner)), InvalidToken),
        (lambda tx, owner: insert_task(tx, make_task(owner), limit=9), InvalidToken),
        (
            lambda tx, owner: tx.jobs.add(NewJob(id=new_id(), kind="x", owner_id=owner.id)),
            InvalidToken,
        ),
        (lambda tx, owner: tx.sessions.add(make_session(owner)), Conflict),
        (lambda tx, owner: tx.users.save(owner), Conflict),
    ],
    ids=["item", "task", "job", "session", "birthday"],
)
async def test_a_row_of_a_missing_owner_is_refused(
    database: Database, work: Any, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await run(database, lambda tx: work(tx, make_user("gone")))


async def test_saving_a_deleted_row_does_nothing(database: Database, zoe: User) -> None:
    item, session = make_item(zoe), make_session(zoe)
    greeting = PlannedGreeting(
        key=GreetingKey(zoe.id, 2026), due_on=NOW.date(), due_at=NOW, state=GreetingState.PLANNED
    )
    async with database.write() as tx:
        await tx.items.save(item)
        await tx.sessions.save(session)
        await tx.greetings.save(greeting)
        await tx.birthdays.change(new_id(), BIRTH)
        await tx.tasks.remove(new_id())
    async with database.write() as tx:
        assert await tx.items.delete_of(zoe.id) == []
        assert await tx.sessions.find(session.id) is None
        assert await tx.greetings.lock(greeting.key) is None
        for change in (tx.tasks.cancel, tx.tasks.request_cancel, tx.task_queue.retry):
            with pytest.raises(TaskNotFound):
                await change(new_id())


async def test_saving_changes_neither_owner_nor_creation_time(
    database: Database, zoe: User
) -> None:
    eve, item, session = make_user("eve"), make_item(zoe), make_session(zoe)
    await add_users(database, eve)
    await add_sessions(database, session)
    await run(database, lambda tx: tx.items.add(item))
    later: dict[str, Any] = {"created_at": NOW.replace(year=2031)}
    async with database.write() as tx:
        await tx.items.save(item._replace(title="New", owner_id=eve.id, **later))
        await tx.sessions.save(replace(session, generation=2, user_id=eve.id, **later))
        await tx.users.save(replace(zoe, full_name="Zoe", **later))
    async with database.read() as view:
        assert await view.items.get(item.id) == item._replace(title="New")
        assert await view.sessions.find(session.id) == replace(session, generation=2)
    assert await get_user(database, zoe) == replace(zoe, full_name="Zoe")


async def test_a_search_does_not_fold_sharp_s(database: Database) -> None:
    await add_users(database, make_user("zoe", full_name="Anna Straße"))
    for search, count in (("straße", 1), ("STRAßE", 1), ("strasse", 0), ("STRASSE", 0)):
        async with database.read() as view:
            page = await view.users.page(search=search, after=None, limit=9)
        assert len(page.rows) == count, search


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (1, 1.0, True),
        (100, 1e2, True),
        (0, -0.0, True),
        (1, True, False),
        (1, "1", False),
        (2**53, 2**53 + 1, False),
        ([1], [1.0], True),
        ([1, 2], [2, 1], False),
        (0.1, 0.10000000000000001, True),
    ],
)
async def test_equal_numbers_are_the_same_request(
    database: Database, zoe: User, first: object, second: object, *, same: bool
) -> None:
    task = await add_task(database, zoe, task_id="x", data={"n": first})
    again = make_task(zoe, task_id="x", data={"n": second})
    async with database.read() as view:
        if same:
            assert await find_same(view, again) == task
        else:
            with pytest.raises(TaskIdTaken):
                await find_same(view, again)
