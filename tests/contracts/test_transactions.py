"""What a transaction sees, waits for and refuses: the fake says no where PostgreSQL does."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.transaction import RolledBack
from jubilee.domain.auth.tokens import InvalidToken
from jubilee.domain.birthdays import Birthday
from jubilee.domain.errors import Conflict
from jubilee.domain.greetings.greeting import GreetingKey, GreetingState, PlannedGreeting
from jubilee.domain.items import Item
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.tasks.task import TaskIdTaken, TaskNotFound
from jubilee.domain.users.user import EmailTaken, User
from tests.contracts.accounts import NOW, a_session, a_user, kept, opened
from tests.contracts.birthday_rows import BIRTH, MANY
from tests.contracts.conftest import Database
from tests.contracts.task_rows import a_kept_task, a_task

Work = Callable[[Any], Awaitable[object]]
NUL, SURROGATE = "a\0b", "a\ud800b"


@pytest.fixture
async def zoe(database: Database) -> User:
    user = a_user("zoe", username="zoe")
    await kept(database, user)
    return user


def an_item(owner: User, **more: Any) -> Item:
    given: dict[str, Any] = {
        "title": "Engine",
        "description": None,
        "is_active": True,
        "version": 1,
        **more,
    }
    return Item(id=new_id(), owner_id=owner.id, created_at=NOW, updated_at=NOW, **given)


async def done(database: Database, work: Work) -> None:
    async with database.write() as tx:
        await work(tx)


async def got(database: Database, user: User) -> User:
    async with database.read() as view:
        found: User = await view.users.get(user.id)
        return found


async def test_nothing_is_seen_before_it_is_committed(database: Database, zoe: User) -> None:
    item, eve = an_item(zoe), a_user("eve")
    async with database.write() as tx:
        await tx.items.add(item)
        await tx.users.add(eve)
        await tx.users.save(replace(zoe, full_name="Zoe"))
        async with database.read() as view:
            assert (await view.users.get(zoe.id)).full_name is None
            assert await view.users.find_by_login(eve.email) is None
            assert await view.items.delete_of(zoe.id) == []
        assert await tx.items.get(item.id) == item
    assert (await got(database, zoe)).full_name == "Zoe"
    async with database.read() as view:
        assert await view.items.get(item.id) == item


async def test_what_others_commit_meanwhile_is_seen(database: Database, zoe: User) -> None:
    async with database.write() as tx:
        assert (await tx.users.get(zoe.id)).full_name is None
        await done(database, lambda other: other.users.save(replace(zoe, full_name="Zoe")))
        assert (await tx.users.get(zoe.id)).full_name == "Zoe"


@pytest.mark.parametrize(("lock", "length"), [(False, 1), (True, 4)])
async def test_of_parallel_changes_only_those_that_lock_are_all_kept(
    database: Database, zoe: User, *, lock: bool, length: int
) -> None:
    begun = asyncio.Barrier(4)

    async def lengthen() -> None:
        async with database.write() as tx:
            if lock:
                await begun.wait()
            user = await tx.users.get(zoe.id, lock=lock)
            if not lock:
                await begun.wait()
            await tx.users.save(replace(user, full_name=(user.full_name or "") + "x"))

    await asyncio.wait_for(asyncio.gather(*(lengthen() for _ in range(4))), 5)
    assert (await got(database, zoe)).full_name == "x" * length


async def test_a_row_that_goes_meanwhile_is_waited_for_and_not_found(
    database: Database, zoe: User
) -> None:
    task = await a_kept_task(database, zoe)
    async with database.write() as tx:
        await tx.tasks.remove(task.id)
        cancelling = asyncio.create_task(done(database, lambda other: other.tasks.cancel(task.id)))
        await asyncio.sleep(0.1)
        assert not cancelling.done()
    with pytest.raises(TaskNotFound):
        await cancelling


async def test_an_address_that_is_being_taken_is_waited_for(database: Database) -> None:
    async with database.write() as tx:
        await tx.users.add(a_user("eve"))
        second = asyncio.create_task(kept(database, a_user("eve")))
        await asyncio.sleep(0.1)
        assert not second.done()
    with pytest.raises(EmailTaken):
        await second


async def take(tx: Any, address: str) -> None:
    """Try to register an address that is taken."""
    with pytest.raises(asyncpg.UniqueViolationError):
        await tx.users.add(replace(a_user("eve"), email=address))


async def test_after_a_failed_statement_none_is_taken(database: Database, zoe: User) -> None:
    async def go_on(tx: Any) -> None:
        await take(tx, zoe.email)
        await tx.users.get(zoe.id)

    with pytest.raises(asyncpg.InFailedSQLTransactionError):
        await done(database, go_on)


async def test_a_failed_statement_that_is_passed_over_undoes_all(
    database: Database, zoe: User
) -> None:
    item = an_item(zoe)

    async def pass_over(tx: Any) -> None:
        await tx.items.add(item)
        await take(tx, zoe.email)

    with pytest.raises(RolledBack):
        await done(database, pass_over)
    async with database.read() as view:
        assert await view.items.delete_of(zoe.id) == []


def texts(zoe: User, text: str) -> list[Work]:
    """What stores or looks for a text."""
    task = a_task(zoe, data={"text": text})
    born = Birthday(id=new_id(), name=text, birth=BIRTH)
    return [
        lambda tx: tx.users.save(replace(zoe, full_name=text)),
        lambda tx: tx.users.find_by_login(text),
        lambda tx: tx.items.add(an_item(zoe, title=text)),
        lambda tx: tx.birthdays.put(born, overwrite=True, max_anonymous=MANY),
        lambda tx: tx.birthdays.find(text),
        lambda tx: tx.tasks.add(task, below=9),
        lambda tx: tx.tasks.add(a_task(zoe, task_id=text), below=9),
        lambda tx: tx.jobs.add(NewJob(id=new_id(), kind="x", data={"deep": [{"a": text}]})),
    ]


@pytest.mark.parametrize("text", [NUL, SURROGATE])
@pytest.mark.parametrize("number", range(8))
async def test_what_is_no_text_is_not_stored(
    database: Database, zoe: User, text: str, number: int
) -> None:
    with pytest.raises(asyncpg.DataError):
        await done(database, texts(zoe, text)[number])


@pytest.mark.parametrize(
    ("work", "refusal"),
    [
        (lambda tx, gone: tx.items.add(an_item(gone)), InvalidToken),
        (lambda tx, gone: tx.tasks.add(a_task(gone), below=9), InvalidToken),
        (
            lambda tx, gone: tx.jobs.add(NewJob(id=new_id(), kind="x", owner_id=gone.id)),
            InvalidToken,
        ),
        (lambda tx, gone: tx.sessions.add(a_session(gone)), Conflict),
        (lambda tx, gone: tx.users.save(gone), Conflict),
    ],
    ids=["item", "task", "job", "session", "birthday"],
)
async def test_nothing_is_kept_without_its_owner(
    database: Database, work: Any, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await done(database, lambda tx: work(tx, a_user("gone")))


async def test_saving_a_row_that_is_gone_does_nothing(database: Database, zoe: User) -> None:
    item, session = an_item(zoe), a_session(zoe)
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
        for act in (tx.tasks.cancel, tx.tasks.request_cancel, tx.tasks.retry):
            with pytest.raises(TaskNotFound):
                await act(new_id())


async def test_saving_changes_neither_the_owner_nor_the_age(database: Database, zoe: User) -> None:
    eve, item, session = a_user("eve"), an_item(zoe), a_session(zoe)
    await kept(database, eve)
    await opened(database, session)
    await done(database, lambda tx: tx.items.add(item))
    later: dict[str, Any] = {"created_at": NOW.replace(year=2031)}
    async with database.write() as tx:
        await tx.items.save(replace(item, title="New", owner_id=eve.id, **later))
        await tx.sessions.save(replace(session, generation=2, user_id=eve.id, **later))
        await tx.users.save(replace(zoe, full_name="Zoe", **later))
    async with database.read() as view:
        assert await view.items.get(item.id) == replace(item, title="New")
        assert await view.sessions.find(session.id) == replace(session, generation=2)
    assert await got(database, zoe) == replace(zoe, full_name="Zoe")


async def test_accounts_are_searched_letter_by_letter(database: Database) -> None:
    await kept(database, a_user("zoe", full_name="Anna Straße"))
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
async def test_numbers_of_one_value_ask_for_the_same_task(
    database: Database, zoe: User, first: object, second: object, *, same: bool
) -> None:
    task = await a_kept_task(database, zoe, task_id="x", data={"n": first})
    again = a_task(zoe, task_id="x", data={"n": second})
    async with database.read() as view:
        if same:
            assert (await view.tasks.find_same(again)).id == task.id
        else:
            with pytest.raises(TaskIdTaken):
                await view.tasks.find_same(again)
