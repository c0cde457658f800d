"""Sealing of stored secrets by a new SECRET_KEY, in memory and in PostgreSQL."""

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.secret_cipher import AesSecretCipher
from jubilee.domain.factors import resealing
from jubilee.domain.factors.factor import TotpFactor
from jubilee.domain.factors.resealing import FactorResealing
from jubilee.domain.seals import SealState
from jubilee.domain.users.user import User
from tests.contracts.accounts import NOW, add_users, make_user
from tests.contracts.conftest import Database

OLD, NEW, LOST = b"o" * 32, b"n" * 32, b"l" * 32
SECRET = b"JBSWY3DPEHPK3PXP"


def sealed_by(key: bytes, user: User) -> TotpFactor:
    factor_id = new_id()
    sealed = AesSecretCipher(key).seal(factor_id.bytes, SECRET)
    return TotpFactor(
        id=factor_id, user_id=user.id, sealed_secret=sealed, created_at=NOW, confirmed_at=NOW
    )


async def add(database: Database, *keys: bytes) -> list[TotpFactor]:
    """Store an account with an app for each key that seals its secret."""
    user = make_user()
    await add_users(database, user)
    factors = [sealed_by(key, user) for key in keys]
    async with database.write() as tx:
        for factor in factors:
            await tx.factors.add(factor)
    return factors


@pytest.fixture
def reseal(database: Database) -> FactorResealing:
    return FactorResealing(database.write, database.read, AesSecretCipher(NEW, OLD))


async def test_secrets_of_a_previous_key_are_sealed_by_the_current_one_in_batches(
    database: Database, reseal: FactorResealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "BATCH_SIZE", 2)
    factors = await add(database, OLD, NEW, OLD, OLD)
    assert await reseal.count() == {SealState.PREVIOUS: 3, SealState.CURRENT: 1}
    assert [await reseal(), await reseal()] == [3, 0]
    alone = AesSecretCipher(NEW)
    async with database.read() as view:
        stored = await view.factors.list_for(factors[0].user_id)
    assert [alone.open(one.id.bytes, one.sealed_secret) for one in stored] == [SECRET] * 4


async def test_a_secret_that_no_key_opens_stays_and_stops_no_other(
    database: Database, reseal: FactorResealing
) -> None:
    await add(database, LOST, OLD)
    assert await reseal() == 1
    assert await reseal.count() == {SealState.UNREADABLE: 1, SealState.CURRENT: 1}


async def test_a_secret_that_was_replaced_or_removed_meanwhile_is_left_alone(
    database: Database,
) -> None:
    [factor] = await add(database, OLD)
    before = factor.sealed_secret
    async with database.write() as tx:
        assert await tx.sealed_factors.replace_secret(factor.id, before, b"newer")
        assert not await tx.sealed_factors.replace_secret(factor.id, before, b"older")
        assert not await tx.sealed_factors.replace_secret(new_id(), b"newer", b"older")
        [stored] = await tx.factors.list_for(factor.user_id)
    assert stored.sealed_secret == b"newer"
