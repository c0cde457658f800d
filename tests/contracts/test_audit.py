"""The audit log, in memory and in PostgreSQL."""

from datetime import timedelta

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.audit.entry import AuditEntry, AuditEvent, AuditFilter
from jubilee.domain.identity import UserId
from jubilee.domain.paging import Page, Position
from tests.contracts.accounts import ForcedRollback, add_users, make_user, roll_back_after
from tests.contracts.conftest import ORIGIN, Database
from tests.fakes.store import FakeClock

ADA, ZOE = UserId(new_id()), UserId(new_id())
EVENTS = (AuditEvent.SIGN_IN, AuditEvent.SIGN_OUT, AuditEvent.ADMIN_READ)


@pytest.fixture
async def filled(database: Database, clock: FakeClock) -> Database:
    """Six entries, a second apart: Zoe's sign-ins and sign-outs, and Ada's reads of them."""
    async with database.write() as tx:
        for event in EVENTS * 2:
            actor = ADA if event is AuditEvent.ADMIN_READ else ZOE
            await tx.audit.record(event, actor=actor, subject=ZOE, session_id="s")
            clock.tick(seconds=1)
    return database


async def read_page(
    database: Database, chosen: AuditFilter, after: Position | None = None, limit: int = 10
) -> Page[AuditEntry]:
    async with database.read() as view:
        found: Page[AuditEntry] = await view.audit.page(chosen, after=after, limit=limit)
        return found


async def test_an_entry_says_who_did_what_to_whom_when_and_from_where(
    database: Database, clock: FakeClock
) -> None:
    async with database.write() as tx:
        await tx.audit.record(
            AuditEvent.ROLE_CHANGED, actor=ADA, subject=ZOE, role="admin", members="is_superuser"
        )
    [entry] = (await read_page(database, AuditFilter())).rows
    assert (entry.event, entry.actor_id, entry.subject_id) == ("role_changed", ADA, ZOE)
    assert (entry.occurred_at, entry.origin) == (clock(), ORIGIN)
    assert entry.details == {"role": "admin", "members": "is_superuser"}


async def test_the_addresses_of_entries_are_returned_once_each(filled: Database) -> None:
    async with filled.read() as view:
        sign_ins = AuditFilter(event=AuditEvent.SIGN_IN, subject_id=ZOE)
        assert await view.audit.addresses(sign_ins, limit=10) == {ORIGIN.address}
        assert await view.audit.addresses(AuditFilter(subject_id=ADA), limit=10) == frozenset()


async def test_an_entry_may_name_neither_actor_nor_subject(database: Database) -> None:
    async with database.write() as tx:
        await tx.audit.record(AuditEvent.SIGN_IN_FAILED, actor=None, subject=None)
    [entry] = (await read_page(database, AuditFilter())).rows
    assert (entry.actor_id, entry.subject_id, entry.details) == (None, None, {})


async def test_an_entry_is_rolled_back_with_the_act(database: Database) -> None:
    async def act(tx: object) -> None:
        await tx.audit.record(AuditEvent.SIGN_OUT, actor=ZOE, subject=ZOE)  # type: ignore[attr-defined]  # any transaction

    with pytest.raises(ForcedRollback):
        await roll_back_after(database, act)
    assert (await read_page(database, AuditFilter())).rows == []


async def test_entries_outlive_the_account_that_they_concern(database: Database) -> None:
    zoe = make_user("zoe")
    await add_users(database, zoe)
    async with database.write() as tx:
        await tx.audit.record(AuditEvent.ACCOUNT_DELETED, actor=zoe.id, subject=zoe.id)
        await tx.users.delete(zoe.id)
    [entry] = (await read_page(database, AuditFilter(subject_id=zoe.id))).rows
    assert entry.event == "account_deleted"


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (AuditFilter(), [5, 4, 3, 2, 1, 0]),
        (AuditFilter(event=AuditEvent.SIGN_OUT), [4, 1]),
        (AuditFilter(actor_id=ADA), [5, 2]),
        (AuditFilter(subject_id=ZOE), [5, 4, 3, 2, 1, 0]),
        (AuditFilter(subject_id=ADA), []),
        (AuditFilter(actor_id=ZOE, event=AuditEvent.SIGN_IN), [3, 0]),
        (AuditFilter(actor_id=ADA, event=AuditEvent.SIGN_IN), []),
    ],
)
async def test_entries_are_listed_newest_first_by_event_actor_and_subject(
    filled: Database, clock: FakeClock, chosen: AuditFilter, expected: list[int]
) -> None:
    start = clock() - timedelta(seconds=6)
    rows = (await read_page(filled, chosen)).rows
    assert [(row.occurred_at - start).seconds for row in rows] == expected


async def test_a_period_contains_its_first_instant_and_not_its_last(
    filled: Database, clock: FakeClock
) -> None:
    start = clock() - timedelta(seconds=6)
    since, until = start + timedelta(seconds=2), start + timedelta(seconds=4)
    rows = (await read_page(filled, AuditFilter(since=since, until=until))).rows
    assert [(row.occurred_at - start).seconds for row in rows] == [3, 2]


async def test_pages_of_entries_of_one_instant_skip_and_repeat_none(database: Database) -> None:
    async with database.write() as tx:
        for _ in range(7):
            await tx.audit.record(AuditEvent.SIGN_IN, actor=ZOE, subject=ZOE)
    whole = (await read_page(database, AuditFilter())).rows
    found: list[AuditEntry] = []
    page = await read_page(database, AuditFilter(actor_id=ZOE), limit=3)
    while page.after is not None:
        found += page.rows
        page = await read_page(database, AuditFilter(actor_id=ZOE), page.after, limit=3)
    assert [*found, *page.rows] == whole
