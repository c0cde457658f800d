"""What is read for a change is locked: in PostgreSQL by its row, in the fakes by a check.

A row that was read without a lock may have changed when it is written, or what depends on it is.
PostgreSQL carries that out, and only two transactions at a time would show it; the fakes refuse it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.transaction import transactions
from jubilee.adapters.postgres.write_context import WriteContext
from tests.contracts.account_rows import AccountRows, make_link
from tests.contracts.accounts import NOW, make_session
from tests.fakes.store import FakeClock, FakeStore

IS_FREE = "SELECT FROM {} WHERE {} = $1 FOR UPDATE SKIP LOCKED"


@dataclass(frozen=True, slots=True)
class Change:
    """How a row is read, and then written."""

    table: str
    read: Callable[..., Awaitable[object]]
    write: Callable[[Any, AccountRows], Awaitable[object]]
    key: Callable[[AccountRows], UUID]
    column: str = "id"


CHANGES = [
    Change(
        "users",
        lambda tx, rows, lock: tx.users.get(rows.user.id, lock=lock),
        lambda tx, rows: tx.users.save(rows.user),
        lambda rows: rows.user.id,
    ),
    Change(
        "birthdays",
        lambda tx, rows, lock: tx.users.get(rows.user.id, lock=lock),
        lambda tx, rows: tx.users.delete(rows.user.id),
        lambda rows: rows.user.id,
        "user_id",
    ),
    Change(
        "sessions",
        lambda tx, rows, lock: tx.sessions.find(rows.session.id, lock=lock),
        lambda tx, rows: tx.sessions.save(rows.session),
        lambda rows: rows.session.id,
    ),
    Change(
        "items",
        lambda tx, rows, lock: tx.items.get(rows.item.id, lock=lock),
        lambda tx, rows: tx.items.save(rows.item),
        lambda rows: rows.item.id,
    ),
    Change(
        "totp_factors",
        lambda tx, rows, lock: tx.factors.list_for(rows.user.id, lock=lock),
        lambda tx, rows: tx.factors.save(rows.app),
        lambda rows: rows.app.id,
    ),
    Change(
        "passkeys",
        lambda tx, rows, lock: tx.passkeys.find(rows.passkey.credential_id, lock=lock),
        lambda tx, rows: tx.passkeys.save(rows.passkey),
        lambda rows: rows.passkey.id,
    ),
    Change(
        "jobs",
        lambda tx, rows, lock: tx.tasks.get(str(rows.task.id), by=rows.principal, lock=lock),
        lambda tx, rows: tx.tasks.cancel(rows.task.id),
        lambda rows: rows.task.id,
    ),
]
OF_AN_ACCOUNT: dict[str, Callable[[Any, AccountRows], Awaitable[object]]] = {
    "a session": lambda tx, rows: tx.sessions.add(make_session(rows.user)),
    "an identity": lambda tx, rows: tx.identities.add(rows.identity),
    "an app": lambda tx, rows: tx.factors.add(rows.app),
    "no app": lambda tx, rows: tx.factors.remove(rows.app.id),
    "no factors": lambda tx, rows: tx.factors.clear(rows.user.id),
    "a passkey": lambda tx, rows: tx.passkeys.add(rows.passkey),
    "no passkey": lambda tx, rows: tx.passkeys.remove(rows.passkey.id),
    "a link": lambda tx, rows: tx.one_time.add(make_link(rows.user)),
    "roles": lambda tx, rows: tx.roles.replace_grants(rows.user.id, ["x"], by=rows.user.id, at=NOW),
    "a deletion": lambda tx, rows: tx.deletions.add(rows.user.id, NOW),
    "no deletion": lambda tx, rows: tx.deletions.remove(rows.user.id),
    "a secret": lambda tx, rows: tx.service_accounts.replace_secret(rows.user.id, b"s" * 32),
    "codes": lambda tx, rows: tx.recovery_codes.replace(rows.user.id, [b"c" * 32]),
}
COUNTS: dict[str, Callable[[Any, AccountRows], Awaitable[object]]] = {
    "api tokens": lambda tx, rows: tx.api_tokens.count(rows.user.id),
    "apps": lambda tx, rows: tx.factors.list_for(rows.user.id),
    "identities": lambda tx, rows: tx.identities.list_for(rows.user.id),
    "kinds of factors": lambda tx, rows: tx.factors.kinds_of(rows.user.id),
    "links": lambda tx, rows: tx.one_time.count(rows.user.id, rows.link.purpose, since=NOW),
    "passkeys": lambda tx, rows: tx.passkeys.list_for(rows.user.id),
}


def table_of(change: Change) -> str:
    return change.table


@pytest.fixture
def rows() -> AccountRows:
    return AccountRows.make("zoe")


@pytest.fixture
async def store(rows: AccountRows) -> FakeStore:
    store = FakeStore()
    async with store.transaction() as tx:
        await rows.add(tx)
    return store


@pytest.mark.parametrize("change", CHANGES, ids=table_of)
async def test_a_row_that_is_read_for_a_change_is_locked(
    pool: ConnectionPool, clock: FakeClock, rows: AccountRows, change: Change
) -> None:
    write = transactions(pool, WriteContext(clock, new_id, lambda: None))
    async with write() as tx:
        await rows.add(tx)
    is_free = IS_FREE.format(change.table, change.column)
    for lock in (False, True):
        async with write() as tx, pool.connection() as other:
            await change.read(tx, rows, lock)
            assert bool(await other.fetch(is_free, change.key(rows))) is not lock


@pytest.mark.parametrize("change", CHANGES, ids=table_of)
async def test_the_fakes_refuse_to_write_what_was_read_without_a_lock(
    store: FakeStore, rows: AccountRows, change: Change
) -> None:
    async def read_and_write(*, lock: bool) -> None:
        async with store.transaction() as tx:
            await change.read(tx, rows, lock)
            await change.write(tx, rows)

    with pytest.raises(AssertionError, match="without a lock"):
        await read_and_write(lock=False)
    await read_and_write(lock=True)


@pytest.mark.parametrize("write", OF_AN_ACCOUNT.values(), ids=OF_AN_ACCOUNT.keys())
async def test_the_fakes_refuse_to_give_an_account_that_is_not_locked(
    store: FakeStore, rows: AccountRows, write: Callable[[Any, AccountRows], Awaitable[object]]
) -> None:
    async with store.transaction() as tx:
        await tx.users.get(rows.user.id)
        with pytest.raises(AssertionError, match="without a lock"):
            await write(tx, rows)


@pytest.mark.parametrize("count", COUNTS.values(), ids=COUNTS.keys())
async def test_the_fakes_refuse_to_add_to_what_was_counted_without_the_lock_of_its_account(
    store: FakeStore, rows: AccountRows, count: Callable[[Any, AccountRows], Awaitable[object]]
) -> None:
    async def count_and_add(*, lock: bool) -> None:
        async with store.transaction() as tx:
            if lock:
                await tx.users.get(rows.user.id, lock=True)
            await count(tx, rows)
            await tx.one_time.add(make_link(rows.user))

    with pytest.raises(AssertionError, match="without a lock"):
        await count_and_add(lock=False)
    await count_and_add(lock=True)
