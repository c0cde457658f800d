"""Rotation of refresh tokens, and the end of a token family on reuse."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jubilee.domain.auth.service import AuthService
from jubilee.domain.auth.tokens import (
    InvalidGrant,
    InvalidToken,
    RefreshToken,
    decode_refresh_token,
)
from jubilee.domain.services import Services
from tests.conftest import Person, SignUp
from tests.fakes.store import FakeClock, FakeStore

IDLE_DAYS = 30
NEW_KEY = b"n" * 32


@pytest.fixture
def auth(services: Services) -> AuthService:
    return services.auth


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


async def assert_family_is_revoked(auth: AuthService, *accesses: str, refresh: str) -> None:
    for access in accesses:
        with pytest.raises(InvalidToken):
            await auth.authenticate(access)
    with pytest.raises(InvalidGrant):
        await auth.refresh(refresh)


async def test_refreshing_returns_a_new_pair_for_the_same_session(
    auth: AuthService, zoe: Person
) -> None:
    tokens = await auth.refresh(zoe.refresh_token)
    assert tokens.refresh != zoe.refresh_token
    assert await auth.authenticate(tokens.access) == zoe.principal
    assert (await auth.refresh(tokens.refresh)).refresh not in {tokens.refresh, zoe.refresh_token}


async def test_a_token_repeated_within_the_grace_period_gets_the_same_successor(
    auth: AuthService, zoe: Person, clock: FakeClock
) -> None:
    first = await auth.refresh(zoe.refresh_token)
    clock.tick(seconds=10)
    again = await auth.refresh(zoe.refresh_token)
    assert again.refresh == first.refresh
    assert await auth.authenticate(again.access) == zoe.principal


def keyed(auth: AuthService, *keys: bytes) -> AuthService:
    """The same service in an instance with these keys, the first of which signs."""
    policy = replace(auth.opener.policy, key=keys[0], previous_keys=keys[1:])
    return replace(auth, opener=replace(auth.opener, policy=policy))


async def test_a_token_of_the_previous_key_is_refreshed_to_one_of_the_new_key(
    auth: AuthService, zoe: Person
) -> None:
    old = auth.opener.policy.key
    tokens = await keyed(auth, NEW_KEY, old).refresh(zoe.refresh_token)
    with pytest.raises(InvalidGrant):
        await auth.refresh(tokens.refresh)
    await keyed(auth, NEW_KEY).refresh(tokens.refresh)


@pytest.mark.parametrize("old_first", [True, False])
async def test_a_token_repeated_at_an_instance_with_the_other_key_gets_the_same_successor(
    auth: AuthService, zoe: Person, old_first: bool
) -> None:
    old = auth.opener.policy.key
    instances = [keyed(auth, old, NEW_KEY), keyed(auth, NEW_KEY, old)]
    first, second = instances if old_first else reversed(instances)
    secrets = [
        decode_refresh_token((await each.refresh(zoe.refresh_token)).refresh, old, NEW_KEY)
        for each in (first, second)
    ]
    assert secrets[0] == secrets[1]
    await second.refresh((await second.refresh(zoe.refresh_token)).refresh)


async def test_reuse_after_the_grace_period_revokes_the_family(
    auth: AuthService, zoe: Person, clock: FakeClock, store: FakeStore
) -> None:
    tokens = await auth.refresh(zoe.refresh_token)
    clock.tick(seconds=10.1)
    with pytest.raises(InvalidGrant):
        await auth.refresh(zoe.refresh_token)
    assert store.sessions == {}
    await assert_family_is_revoked(auth, tokens.access, refresh=tokens.refresh)


async def test_reuse_after_the_successor_was_used_revokes_the_family(
    auth: AuthService, zoe: Person
) -> None:
    second = await auth.refresh(zoe.refresh_token)
    third = await auth.refresh(second.refresh)
    with pytest.raises(InvalidGrant):
        await auth.refresh(zoe.refresh_token)
    await assert_family_is_revoked(auth, second.access, third.access, refresh=third.refresh)


async def test_a_forged_token_does_not_end_its_session(
    auth: AuthService, zoe: Person, clock: FakeClock
) -> None:
    forged = RefreshToken(zoe.principal.session, 1, b"x" * 32).encode(b"not the key")
    clock.tick(minutes=1)
    for token in [forged, forged[:-1], "", "x", "\ud800", zoe.refresh_token + "="]:
        with pytest.raises(InvalidGrant):
            await auth.refresh(token)
    assert (await auth.refresh(zoe.refresh_token)).refresh


async def test_check_28_an_idle_session_expires(
    auth: AuthService, zoe: Person, clock: FakeClock
) -> None:
    clock.tick(days=IDLE_DAYS)
    with pytest.raises(InvalidGrant):
        await auth.refresh(zoe.refresh_token)


async def test_refreshing_extends_a_session(
    auth: AuthService, zoe: Person, clock: FakeClock
) -> None:
    tokens = await auth.refresh(zoe.refresh_token)
    for _ in range(3):
        clock.tick(days=IDLE_DAYS - 1)
        tokens = await auth.refresh(tokens.refresh)
    assert await auth.authenticate(tokens.access) == zoe.principal


async def test_an_access_token_expires_after_its_lifetime(
    auth: AuthService, zoe: Person, clock: FakeClock
) -> None:
    tokens = await auth.refresh(zoe.refresh_token)
    clock.tick(seconds=tokens.lifetime - 1)
    assert await auth.authenticate(tokens.access) == zoe.principal
    clock.tick(seconds=1)
    with pytest.raises(InvalidToken):
        await auth.authenticate(tokens.access)


async def test_check_27_a_disabled_account_cannot_refresh(
    auth: AuthService, zoe: Person, store: FakeStore
) -> None:
    store.users[zoe.user.id] = replace(zoe.user, is_active=False)
    with pytest.raises(InvalidGrant):
        await auth.refresh(zoe.refresh_token)
    assert store.sessions == {}


def ending_after(auth: AuthService, longest: timedelta) -> AuthService:
    """The same service with another absolute limit of sessions."""
    policy = replace(auth.opener.policy, longest=longest)
    return replace(auth, opener=replace(auth.opener, policy=policy))


async def test_check_28_a_session_ends_at_its_absolute_limit_although_it_is_used(
    auth: AuthService, zoe: Person, clock: FakeClock, store: FakeStore
) -> None:
    limited = ending_after(auth, timedelta(days=70))
    token, session_id = zoe.refresh_token, zoe.principal.session
    for _ in range(3):
        clock.tick(days=20)
        token = (await limited.refresh(token)).refresh
    session = store.sessions[session_id]
    assert session.expires_at == session.created_at + timedelta(days=70)
    clock.tick(days=10)
    with pytest.raises(InvalidGrant):
        await limited.refresh(token)


async def test_a_lower_absolute_limit_ends_sessions_that_are_older(
    auth: AuthService, zoe: Person, clock: FakeClock
) -> None:
    clock.tick(days=2)
    with pytest.raises(InvalidGrant):
        await ending_after(auth, timedelta(days=2)).refresh(zoe.refresh_token)
