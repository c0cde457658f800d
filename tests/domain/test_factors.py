"""Verification of codes of authenticator apps."""

from dataclasses import replace

from jubilee.adapters.secret_cipher import AesSecretCipher
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
    app = Authenticator(str(new.id), new.secret, [], clock)
    await services.factors.confirm_totp(new.id, app.code(), by=zoe.principal)
    rotated = replace(verifier, cipher=AesSecretCipher(NEW, OLD))
    async with store.transaction() as tx:
        typed = TypedFactor(FactorKind.TOTP, app.next_code())
        await rotated.require(tx, zoe.user.id, typed)
    sealed = store.factors.totp[new.id].sealed_secret
    assert AesSecretCipher(NEW).open(new.id.bytes, sealed) == new.secret.encode()
