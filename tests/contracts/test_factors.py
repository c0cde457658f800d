"""Second factors and unfinished sign-ins, in memory and in PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jubilee.domain.auth.pending import MAX_PENDING_PER_USER, MAX_TRIES, PendingSignIn
from jubilee.domain.factors.factor import FactorKind
from jubilee.domain.users.user import User
from tests.contracts.account_rows import make_app, make_pending
from tests.contracts.accounts import DAY, NOW, add_users, make_user
from tests.contracts.conftest import Database
from tests.fakes.store import FakeClock

LATER = NOW + DAY


@pytest.fixture
def clock() -> FakeClock:
    """The current time, since the database's clock ends rows too."""
    return FakeClock(datetime.now(UTC))


@pytest.fixture
async def zoe(database: Database) -> User:
    user = make_user("zoe")
    await add_users(database, user)
    return user


async def test_an_app_is_read_unchanged_and_replaces_one_that_was_not_confirmed(
    database: Database, zoe: User
) -> None:
    confirmed, first, second = (
        make_app(zoe, confirmed_at=NOW, last_step=7),
        make_app(zoe),
        make_app(zoe),
    )
    async with database.write() as tx:
        for factor in (confirmed, first, second):
            await tx.factors.add(factor)
        for lock in (False, True):
            assert await tx.factors.list_for(zoe.id, lock=lock) == [confirmed, second]


async def test_the_kinds_of_factors_are_those_that_can_be_used(
    database: Database, zoe: User
) -> None:
    async with database.write() as tx:
        await tx.users.get(zoe.id, lock=True)
        await tx.factors.add(make_app(zoe))
        assert set(await tx.factors.kinds_of(zoe.id)) == set()
        [factor] = await tx.factors.list_for(zoe.id)
        await tx.factors.save(replace(factor, confirmed_at=NOW))
        await tx.recovery_codes.replace(zoe.id, [b"a", b"b"])
        kinds = {FactorKind.TOTP, FactorKind.RECOVERY_CODE}
        assert set(await tx.factors.kinds_of(zoe.id)) == kinds
        await tx.factors.remove(factor.id)
        assert set(await tx.factors.kinds_of(zoe.id)) == {FactorKind.RECOVERY_CODE}


async def test_a_recovery_code_is_used_once_by_its_account(database: Database, zoe: User) -> None:
    other = make_user("max")
    await add_users(database, other)
    async with database.write() as tx:
        await tx.recovery_codes.replace(zoe.id, [b"a", b"b"])
        assert not await tx.recovery_codes.use(other.id, b"a")
        assert [await tx.recovery_codes.use(zoe.id, b"a") for _ in range(2)] == [True, False]
        assert await tx.recovery_codes.count(zoe.id) == 1
        await tx.recovery_codes.replace(zoe.id, [b"c"])
        assert not await tx.recovery_codes.use(zoe.id, b"b")


async def test_clearing_removes_the_factors_of_one_account(database: Database, zoe: User) -> None:
    other = make_user("max")
    await add_users(database, other)
    async with database.write() as tx:
        for user in (zoe, other):
            await tx.factors.add(make_app(user, confirmed_at=NOW))
            await tx.recovery_codes.replace(user.id, [b"a"])
        await tx.pending_sign_ins.add(make_pending(zoe), now=NOW)
        await tx.factors.clear(zoe.id)
        assert set(await tx.factors.kinds_of(zoe.id)) == set()
        assert len(await tx.factors.kinds_of(other.id)) == 2
        assert not await tx.pending_sign_ins.take(b"t" * 32)


async def test_the_tries_of_a_pending_sign_in_are_limited_in_parallel(
    database: Database, zoe: User
) -> None:
    row = make_pending(zoe)
    async with database.write() as tx:
        await tx.pending_sign_ins.add(row, now=NOW)

    async def count() -> PendingSignIn | None:
        async with database.write() as tx:
            found: PendingSignIn | None = await tx.pending_sign_ins.count_try(
                row.token_hash, now=NOW
            )
            return found

    found = await asyncio.gather(*(count() for _ in range(MAX_TRIES + 3)))
    assert [one for one in found if one is not None] == [row] * MAX_TRIES


async def test_a_pending_sign_in_expires_and_is_taken_once(database: Database, zoe: User) -> None:
    async with database.write() as tx:
        await tx.pending_sign_ins.add(make_pending(zoe), now=NOW)
        assert await tx.pending_sign_ins.count_try(b"t" * 32, now=LATER) is None
        assert await tx.pending_sign_ins.count_try(b"x", now=NOW) is None
        assert [await tx.pending_sign_ins.take(b"t" * 32) for _ in range(2)] == [True, False]


async def test_an_account_keeps_its_newest_pending_sign_ins(database: Database, zoe: User) -> None:
    rows = [
        make_pending(zoe, bytes([n]), expires_at=LATER + timedelta(seconds=n))
        for n in range(MAX_PENDING_PER_USER + 2)
    ]
    async with database.write() as tx:
        for row in rows:
            await tx.pending_sign_ins.add(row, now=NOW)
        taken = [await tx.pending_sign_ins.take(row.token_hash) for row in rows]
    assert taken == [False] * 2 + [True] * MAX_PENDING_PER_USER
