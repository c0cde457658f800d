"""Signing in, refreshing and signing out."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from jubilee.domain.auth.service import AuthService, InvalidGrant
from jubilee.domain.auth.sessions import SESSIONS_PER_USER, ClientInfo, SessionNotFound
from jubilee.domain.auth.tokens import InvalidToken
from jubilee.domain.services import Services
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.store import FakeClock, FakePasswords, FakeStore

PHONE = ClientInfo("192.0.2.8", "phone")


@pytest.fixture
def auth(services: Services) -> AuthService:
    return services.auth


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


async def is_signed_in(auth: AuthService, access: str) -> bool:
    try:
        await auth.authenticate(access)
    except InvalidToken:
        return False
    return True


@pytest.mark.parametrize("login", ["zoe", "ZOE", "zoe@example.com", "Zoe@Example.COM"])
async def test_one_signs_in_by_username_or_address_in_any_case(
    auth: AuthService, zoe: Person, login: str
) -> None:
    tokens = await auth.sign_in(login, PASSWORD, PHONE)
    principal = await auth.authenticate(tokens.access)
    assert principal.user_id == zoe.user.id
    assert principal.session_id != zoe.principal.session_id


@pytest.mark.parametrize("password", [PASSWORD[:-1], PASSWORD.upper(), PASSWORD + " ", ""])
async def test_only_the_exact_password_will_do(
    auth: AuthService, zoe: Person, password: str
) -> None:
    with pytest.raises(InvalidGrant):
        await auth.sign_in("zoe", password, PHONE)


async def test_whoever_is_refused_costs_the_same_work_and_leaves_no_session(
    auth: AuthService, sign_up: SignUp, store: FakeStore, passwords: FakePasswords
) -> None:
    disabled = await sign_up("max", is_active=True)
    store.users[disabled.user.id] = replace(disabled.user, is_active=False)
    sessions = dict(store.sessions)
    for login, password in [("nobody", PASSWORD), ("max", "wrong"), ("max", PASSWORD)]:
        before = passwords.checks
        with pytest.raises(InvalidGrant) as refused:
            await auth.sign_in(login, password, PHONE)
        assert passwords.checks == before + 1
        assert str(refused.value) == InvalidGrant.message()
    assert store.sessions == sessions


async def test_signing_in_makes_an_old_hash_stronger(
    auth: AuthService, zoe: Person, store: FakeStore, passwords: FakePasswords
) -> None:
    passwords.generation = 2
    await auth.sign_in("zoe", PASSWORD, PHONE)
    assert store.users[zoe.user.id].password_hash == f"2:{PASSWORD}"
    assert store.users[zoe.user.id].updated_at == zoe.user.updated_at
    assert zoe.principal.session_id in store.sessions


async def test_a_wrong_password_makes_no_hash_stronger(
    auth: AuthService, zoe: Person, store: FakeStore, passwords: FakePasswords
) -> None:
    passwords.generation = 2
    with pytest.raises(InvalidGrant):
        await auth.sign_in("zoe", "wrong", PHONE)
    assert store.users[zoe.user.id].password_hash == f"1:{PASSWORD}"


@dataclass(slots=True)
class Interrupted(FakePasswords):
    """While a password is checked, something else happens."""

    meanwhile: Callable[[], object] = dict

    async def verify(self, password_hash: str | None, password: str) -> bool:
        self.meanwhile()
        return await FakePasswords.verify(self, password_hash, password)


@pytest.mark.parametrize("change", ["password", "disabled", "deleted"])
async def test_what_changed_while_the_password_was_checked_counts(
    auth: AuthService, zoe: Person, store: FakeStore, change: str
) -> None:
    def meanwhile() -> None:
        user = store.users.pop(zoe.user.id)
        if change == "password":
            store.users[user.id] = replace(user, password_hash="1:another one")
        elif change == "disabled":
            store.users[user.id] = replace(user, is_active=False)

    slow = replace(auth, hasher=Interrupted(meanwhile=meanwhile))
    with pytest.raises(InvalidGrant):
        await slow.sign_in("zoe", PASSWORD, PHONE)
    assert len(store.sessions) == 1


async def test_the_oldest_session_makes_room_for_the_hundred_and_first(
    auth: AuthService, zoe: Person, clock: FakeClock, store: FakeStore
) -> None:
    for _ in range(SESSIONS_PER_USER):
        clock.tick(seconds=1)
        await auth.sign_in("zoe", PASSWORD, PHONE)
    assert len(store.sessions) == SESSIONS_PER_USER
    assert zoe.principal.session_id not in store.sessions


async def test_signing_out_ends_this_session_alone(
    auth: AuthService, zoe: Person, sign_up: SignUp
) -> None:
    other = await auth.sign_in("zoe", PASSWORD, PHONE)
    await auth.sign_out(zoe.principal)
    with pytest.raises(InvalidGrant):
        await auth.refresh(zoe.refresh_token)
    assert await is_signed_in(auth, other.access)


async def test_nobody_ends_the_session_of_somebody_else(
    auth: AuthService, zoe: Person, sign_up: SignUp
) -> None:
    eve = await sign_up("eve", is_superuser=True)
    with pytest.raises(SessionNotFound):
        await auth.end_session(zoe.principal.session_id, by=eve.principal)
    await auth.end_session(zoe.principal.session_id, by=zoe.principal)
    with pytest.raises(SessionNotFound):
        await auth.end_session(zoe.principal.session_id, by=zoe.principal)


async def test_the_tokens_of_a_pair_show_in_no_log(auth: AuthService, zoe: Person) -> None:
    tokens = await auth.sign_in("zoe", PASSWORD, PHONE)
    assert tokens.access not in repr(tokens)
    assert tokens.refresh not in repr(tokens)


APART = "Zoe\u0308s geheimes Wort"  # as some keyboards write it
WHOLE = "Zo\u00ebs geheimes Wort"


@pytest.mark.parametrize(("chosen", "typed"), [(APART, WHOLE), (WHOLE, APART)])
async def test_a_password_is_the_same_on_every_keyboard(
    auth: AuthService, services: Services, chosen: str, typed: str
) -> None:
    await services.users.register({"email": "zoe@example.com"}, chosen)
    assert (await auth.sign_in("zoe@example.com", typed, PHONE)).access


async def test_a_hash_from_before_passwords_were_normalised_still_fits_and_is_made_anew(
    auth: AuthService, zoe: Person, store: FakeStore, passwords: FakePasswords
) -> None:
    store.users[zoe.user.id] = replace(zoe.user, password_hash=f"1:{APART}")
    await auth.sign_in("zoe", APART, PHONE)
    assert store.users[zoe.user.id].password_hash == f"1:{WHOLE}"
    passwords.checks = passwords.hashed = 0
    for typed in (APART, WHOLE):
        await auth.sign_in("zoe", typed, PHONE)
    assert (passwords.checks, passwords.hashed) == (2, 0)


async def test_a_second_form_is_tried_for_unknown_accounts_alike(
    auth: AuthService, zoe: Person, passwords: FakePasswords
) -> None:
    for login in ("zoe", "unknown"):
        for typed, checks in (("wrong " + APART, 2), ("wrong " + WHOLE, 1)):
            passwords.checks = 0
            with pytest.raises(InvalidGrant):
                await auth.sign_in(login, typed, PHONE)
            assert passwords.checks == checks
