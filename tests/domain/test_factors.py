"""Verification of codes of authenticator apps, and who removes factors."""

from dataclasses import replace

import pytest

from jubilee.adapters.secret_cipher import AesSecretCipher
from jubilee.domain.errors import NotAllowed
from jubilee.domain.factors.factor import FactorKind, TypedFactor
from jubilee.domain.factors.verifier import FactorVerifier
from jubilee.domain.services import Services
from tests.conftest import SignUp
from tests.fakes.authenticator_app import Authenticator
from tests.fakes.store import FakeClock, FakeStore

OLD, NEW = b"f" * 32, b"n" * 32


async def test_a_used_app_needs_the_previous_key_no_more(
    services: Services,
    verifier: FactorVerifier,
    store: FakeStore,
    clock: FakeClock,
    sign_up: SignUp,
) -> None:
    zoe = await sign_up("zoe")
    new = await services.factors.add_totp(by=zoe.principal)
    app = Authenticator.of(new, clock)
    await services.factors.confirm_totp(new.id, app.code(), by=zoe.principal)
    rotated = replace(verifier, cipher=AesSecretCipher(NEW, OLD))
    async with store.transaction() as tx:
        typed = TypedFactor(FactorKind.TOTP, app.next_code())
        await rotated.require(tx, zoe.user.id, typed)
    sealed = store.factors.totp[new.id].sealed_secret
    assert AesSecretCipher(NEW).open(new.id.bytes, sealed) == new.secret.encode()


async def test_only_admins_and_operators_remove_the_factors_of_others(
    services: Services, store: FakeStore, sign_up: SignUp
) -> None:
    zoe, max_ = await sign_up("zoe"), await sign_up("max", roles=["support"])
    await services.factors.add_totp(by=zoe.principal)
    for caller in (zoe, max_):
        with pytest.raises(NotAllowed):
            await services.factors.reset(zoe.user.id, by=caller.principal)
    assert len(store.factors.totp) == 1


async def test_the_last_recovery_code_is_kept_when_another_app_is_added(
    services: Services, store: FakeStore, clock: FakeClock, sign_up: SignUp
) -> None:
    zoe, codes = await sign_up("zoe"), list[int]()
    for _ in range(2):
        new = await services.factors.add_totp(by=zoe.principal)
        app = Authenticator.of(new, clock)
        found = await services.factors.confirm_totp(new.id, app.code(), by=zoe.principal)
        codes.append(len(found))
        for key in list(store.factors.codes)[1:]:
            del store.factors.codes[key]
    assert codes == [10, 0]
    assert len(store.factors.codes) == 1
