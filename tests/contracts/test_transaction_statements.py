"""Which statements PostgreSQL gets for a transaction."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.job_completion import PostgresCompletion
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.adapters.postgres.transaction import transactions, views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.auth.tokens import InvalidToken
from jubilee.domain.items import Item
from jubilee.domain.jobs.store import JobReference, LeaseLost
from jubilee.domain.tasks.quota import add_within_limit
from jubilee.domain.tasks.task import TaskRequest
from jubilee.domain.users.user import User
from jubilee.observation.storage import NoPoolObserver, StatementInfo
from tests.contracts.accounts import (
    NOW,
    ForcedRollback,
    add_users,
    make_user,
    roll_back_after,
)
from tests.contracts.birthday_rows import BIRTH, OTHER_BIRTH, birthday_service, find
from tests.contracts.conftest import Database
from tests.contracts.task_rows import make_service, principal_of, task_database
from tests.fakes.store import FakeClock

ONE = Statement.from_sql("SELECT 1")
CONTEXT = WriteContext(FakeClock(), new_id, lambda: None)


class Statements(NoPoolObserver):
    """Records the operations of all statements."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def executed(
        self, statement: StatementInfo, seconds: float, error: BaseException | None
    ) -> None:
        self.seen.append(statement.operation)


@pytest.fixture
def statements() -> Statements:
    return Statements()


@pytest.fixture
async def watched_pool(database_url: str, statements: Statements) -> AsyncIterator[ConnectionPool]:
    """Connections whose statements are recorded."""
    pool = ConnectionPool(database_url, size=2, timeout=60, observer=statements)
    yield pool
    await pool.close()


@pytest.fixture
def watched(watched_pool: ConnectionPool) -> Database:
    """A database whose statements are recorded."""
    return Database(transactions(watched_pool, CONTEXT), views(watched_pool, CONTEXT))


@pytest.fixture
async def zoe(watched: Database, statements: Statements) -> User:
    user = make_user("zoe")
    await add_users(watched, user)
    statements.seen.clear()
    return user


def item_of(owner: User) -> Item:
    return Item(id=new_id(), owner_id=owner.id, title="Engine", created_at=NOW, updated_at=NOW)


async def stored(database: Database, item: Item) -> Any:
    async with database.read() as view:
        return await view.items.get(item.id)


async def test_a_write_of_one_statement_needs_no_begin(
    watched: Database, statements: Statements, zoe: User
) -> None:
    item = item_of(zoe)
    async with watched.write() as tx:
        await tx.items.add(item)
    assert statements.seen == ["INSERT"]
    assert await stored(watched, item) == item


async def test_two_statements_are_one_transaction(
    watched: Database, statements: Statements, zoe: User
) -> None:
    first, second = item_of(zoe), item_of(zoe)
    async with watched.write() as tx:
        await tx.items.add(first)
        await tx.items.add(second)
    assert statements.seen == ["BEGIN", "INSERT", "INSERT", "COMMIT"]
    assert [await stored(watched, each) for each in (first, second)] == [first, second]


async def test_a_write_that_fails_before_its_statement_was_sent_sends_none(
    watched: Database, statements: Statements, zoe: User
) -> None:
    with pytest.raises(ForcedRollback):
        await roll_back_after(watched, lambda tx: tx.items.add(item_of(zoe)))
    assert statements.seen == []


async def test_a_single_statement_that_is_refused_is_an_error_of_the_domain(
    watched: Database, statements: Statements
) -> None:
    with pytest.raises(InvalidToken):
        async with watched.write() as tx:
            await tx.items.add(item_of(make_user("gone")))
    assert statements.seen == ["INSERT"]


async def test_a_birthday_of_a_known_name_is_saved_by_one_statement(
    watched: Database, statements: Statements
) -> None:
    service = birthday_service(watched)
    await service.save("Zoe", BIRTH, by=None)
    statements.seen.clear()
    await service.save("Zoe", OTHER_BIRTH, by=None)
    assert statements.seen == ["WITH"]
    assert await find(watched, "zoe") == OTHER_BIRTH


async def test_a_new_task_is_one_statement(
    watched: Database, statements: Statements, zoe: User
) -> None:
    for expected in (["WITH", "BEGIN", "WITH", "UPDATE", "WITH", "COMMIT"], ["WITH"]):
        async with watched.write() as tx:
            await add_within_limit(
                tx.task_queue, TaskRequest(data={}), new_id=new_id(), owner=zoe.id, limit=9
            )
        assert statements.seen == expected  # the first counts what is live
        statements.seen.clear()


async def test_the_tasks_of_concurrent_requests_are_one_statement(
    watched_pool: ConnectionPool, statements: Statements, zoe: User
) -> None:
    service = make_service(task_database(watched_pool, CONTEXT), watched_pool)
    await service.create(TaskRequest(data={}), by=principal_of(zoe))
    statements.seen.clear()
    calls = (service.create(TaskRequest(data={}), by=principal_of(zoe)) for _ in range(3))
    await asyncio.gather(*calls)
    assert statements.seen == ["WITH"]


@pytest.mark.parametrize("items", [1, 2])
async def test_what_follows_the_commit_is_in_no_transaction(
    pool: ConnectionPool, zoe: User, items: int
) -> None:
    found = list[bool]()

    async def committed(executor: Executor) -> None:
        await executor.run(ONE)
        found.append(executor.driver.is_in_transaction())

    context = WriteContext(FakeClock(), new_id, lambda: None, committed=committed)
    async with transactions(pool, context)() as tx:
        for _ in range(items):
            await tx.items.add(item_of(zoe))
    assert found == [False]


async def complete_lost_job(pool: ConnectionPool, *, has_effect: bool) -> None:
    async with PostgresCompletion(pool, CONTEXT)(JobReference(new_id(), 1), {"n": 1}) as tx:
        if has_effect:
            await tx.executor.run(ONE)


@pytest.mark.parametrize(
    ("has_effect", "sent"), [(False, ["SELECT", "SELECT"]), (True, ["BEGIN", "SELECT", "ROLLBACK"])]
)
async def test_a_completion_without_effects_opens_no_transaction(
    watched_pool: ConnectionPool, statements: Statements, *, has_effect: bool, sent: list[str]
) -> None:
    with pytest.raises(LeaseLost):
        await complete_lost_job(watched_pool, has_effect=has_effect)
    assert statements.seen == sent
