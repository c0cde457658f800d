"""Passkeys and answered challenges, in memory and in PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from jubilee.domain.factors.factor import FactorKind
from jubilee.domain.passkeys.passkey import PasskeyKnown
from tests.contracts.account_rows import passkey_of
from tests.contracts.accounts import NOW, add_users, make_user
from tests.contracts.conftest import Database

LATER = NOW + timedelta(minutes=5)


async def test_a_passkey_is_read_unchanged_renamed_and_removed(database: Database) -> None:
    zoe = make_user("zoe")
    await add_users(database, zoe)
    passkey = passkey_of(zoe)
    changed = replace(passkey, name="Key", sign_count=7, backed_up=True, last_used_at=LATER)
    async with database.write() as tx:
        await tx.users.get(zoe.id, lock=True)
        await tx.passkeys.add(passkey)
        for lock in (False, True):
            assert await tx.passkeys.find(b"credential", lock=lock) == passkey
        await tx.passkeys.save(changed)
        assert await tx.passkeys.list_for(zoe.id) == [changed]
        assert set(await tx.factors.kinds_of(zoe.id)) == {FactorKind.PASSKEY}
        await tx.passkeys.remove(passkey.id)
        assert await tx.passkeys.find(b"credential") is None


async def test_a_credential_belongs_to_one_account(database: Database) -> None:
    zoe, other = make_user("zoe"), make_user("max")
    await add_users(database, zoe, other)
    async with database.write() as tx:
        await tx.passkeys.add(passkey_of(zoe))
    with pytest.raises(PasskeyKnown):
        async with database.write() as tx:
            await tx.passkeys.add(passkey_of(other))


async def test_clearing_the_factors_of_an_account_removes_its_passkeys(database: Database) -> None:
    zoe, other = make_user("zoe"), make_user("max")
    await add_users(database, zoe, other)
    async with database.write() as tx:
        await tx.passkeys.add(passkey_of(zoe))
        await tx.passkeys.add(passkey_of(other, b"another"))
        await tx.factors.clear(zoe.id)
        assert await tx.passkeys.list_for(zoe.id) == []
        assert len(await tx.passkeys.list_for(other.id)) == 1


async def test_one_of_parallel_answers_spends_a_challenge(database: Database) -> None:
    async def spend() -> bool:
        async with database.write() as tx:
            is_new: bool = await tx.spent_challenges.spend(b"challenge", until=LATER)
            return is_new

    assert sorted(await asyncio.gather(*(spend() for _ in range(4)))) == [False] * 3 + [True]
