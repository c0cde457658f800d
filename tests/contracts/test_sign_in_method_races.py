"""Parallel removals of what accounts sign in by: something always remains."""

import asyncio
from secrets import token_bytes

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.webauthn_passkeys import RelyingParty, WebAuthnPasskeys
from jubilee.bootstrap.identities import make_provider
from jubilee.domain.factors.factor import MfaRequirement
from jubilee.domain.identities.provider import issuers_of
from jubilee.domain.identities.service import IdentityService
from jubilee.domain.identity import Principal, SessionId
from jubilee.domain.passkeys.challenges import ChallengeSigner
from jubilee.domain.passkeys.service import PasskeyService
from jubilee.domain.users.sign_in_methods import LastSignInMethod
from jubilee.domain.users.user import User
from jubilee.settings.identity_providers import ProviderSettings
from tests.contracts.account_rows import passkey_of
from tests.contracts.accounts import NOW, add_users, make_user
from tests.contracts.conftest import Database
from tests.fakes.identities import make_identity
from tests.fakes.issuer import CLIENT_ID, ISSUER, FakeIssuer

ACCOUNTS = 8
PROVIDERS = {
    "here": make_provider(
        ProviderSettings(name="here", issuer=ISSUER, client_id=CLIENT_ID), FakeIssuer()
    )
}


@pytest.fixture
def identities(database: Database) -> IdentityService:
    return IdentityService(PROVIDERS, database.write, database.read, lambda: NOW, new_id)


@pytest.fixture
def passkeys(database: Database) -> PasskeyService:
    return PasskeyService(
        write=database.write,
        read=database.read,
        verifier=WebAuthnPasskeys(RelyingParty("localhost", "Jubilee", ["http://localhost"])),
        challenges=ChallengeSigner((b"w" * 32,), lambda: token_bytes(32)),
        requirement=MfaRequirement.OFF,
        issuers=issuers_of(PROVIDERS),
        clock=lambda: NOW,
        new_id=new_id,
    )


async def test_of_two_removals_at_once_of_the_last_two_ways_in_one_is_refused(
    database: Database, identities: IdentityService, passkeys: PasskeyService
) -> None:
    async def remove_both(user: User) -> tuple[BaseException | None, ...]:
        identity, passkey = make_identity(user.id, user.email), passkey_of(user, user.id.bytes)
        async with database.write() as tx:
            await tx.identities.add(identity)
            await tx.passkeys.add(passkey)
        by = Principal(user.id, SessionId(new_id()))
        removals = identities.unlink(identity.id, by=by), passkeys.remove(passkey.id, by=by)
        return await asyncio.gather(*removals, return_exceptions=True)

    users = [make_user(f"zoe{n}") for n in range(ACCOUNTS)]
    await add_users(database, *users)
    found = await asyncio.gather(*map(remove_both, users))
    outcomes = [sorted(type(one).__name__ for one in both) for both in found]
    assert outcomes == [[LastSignInMethod.__name__, "NoneType"]] * ACCOUNTS
