"""Signing in, refreshing and signing out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn

import pytest

from jubilee.domain.audit.entry import AuditEvent, RequestOrigin
from jubilee.domain.auth.service import AuthService
from jubilee.domain.auth.sessions import MAX_SESSIONS_PER_USER, ClientInfo, SessionNotFound
from jubilee.domain.auth.tokens import InvalidGrant, InvalidToken
from jubilee.domain.identity import SessionId
from jubilee.domain.passwords import HasherBusy
from jubilee.domain.services import Services
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.passwords import FakePasswordHasher
from tests.fakes.store import FakeClock, FakeStore

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
async def test_username_and_address_sign_in_without_regard_to_case(
    auth: AuthService, zoe: Person, login: str
) -> None:
    tokens = await auth.sign_in(login, PASSWORD, PHONE)
    principal = await auth.authenticate(tokens.access)
    assert principal.user_id == zoe.user.id
    assert principal.session != zoe.principal.session


@pytest.mark.parametrize("password", [PASSWORD[:-1], PASSWORD.upper(), PASSWORD + " ", ""])
async def test_only_the_exact_password_signs_in(
    auth: AuthService, zoe: Person, password: str
) -> None:
    with pytest.raises(InvalidGrant):
        await auth.sign_in("zoe", password, PHONE)


async def test_every_refused_sign_in_checks_one_hash_and_opens_no_session(
    auth: AuthService, sign_up: SignUp, store: FakeStore, passwords: FakePasswordHasher
) -> None:
    disabled = await sign_up("max", is_active=True)
    store.users[disabled.user.id] = replace(disabled.user, is_active=False)
    sessions = dict(store.sessions)
    for login, password in [("unknown", PASSWORD), ("max", "wrong"), ("max", PASSWORD)]:
        before = passwords.checks
        with pytest.raises(InvalidGrant) as refused:
            await auth.sign_in(login, password, PHONE)
        assert passwords.checks == before + 1
        assert str(refused.value) == InvalidGrant.message()
    assert store.sessions == sessions


async def test_a_full_queue_of_hashes_refuses_a_sign_in_before_the_account_is_looked_up(
    auth: AuthService,
) -> None:
    def refuse() -> None:
        raise HasherBusy

    def unused() -> NoReturn:
        pytest.fail("looked up")

    busy = replace(auth, guard=replace(auth.guard, require_place=refuse), read=unused)
    with pytest.raises(HasherBusy):
        await busy.sign_in("zoe", PASSWORD, PHONE)


async def test_check_6_signing_in_replaces_an_outdated_hash(
    auth: AuthService, zoe: Person, store: FakeStore, passwords: FakePasswordHasher
) -> None:
    passwords.generation = 2
    await auth.sign_in("zoe", PASSWORD, PHONE)
    assert store.users[zoe.user.id].password_hash == f"2:{PASSWORD}"
    assert store.users[zoe.user.id].updated_at == zoe.user.updated_at
    assert zoe.principal.session in store.sessions


async def test_a_wrong_password_does_not_replace_the_hash(
    auth: AuthService, zoe: Person, store: FakeStore, passwords: FakePasswordHasher
) -> None:
    passwords.generation = 2
    with pytest.raises(InvalidGrant):
        await auth.sign_in("zoe", "wrong", PHONE)
    assert store.users[zoe.user.id].password_hash == f"1:{PASSWORD}"


@dataclass(slots=True)
class Interrupted(FakePasswordHasher):
    """Call `meanwhile` while a password is being checked."""

    meanwhile: Callable[[], object] = dict

    async def verify(self, password_hash: str | None, password: str) -> bool:
        self.meanwhile()
        return await FakePasswordHasher.verify(self, password_hash, password)


@pytest.mark.parametrize("change", ["password", "disabled", "deleted"])
async def test_a_change_during_the_password_check_refuses_the_sign_in(
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


async def test_a_sign_in_beyond_the_limit_ends_the_oldest_session(
    auth: AuthService, zoe: Person, clock: FakeClock, store: FakeStore
) -> None:
    for _ in range(MAX_SESSIONS_PER_USER):
        clock.tick(seconds=1)
        await auth.sign_in("zoe", PASSWORD, PHONE)
    assert len(store.sessions) == MAX_SESSIONS_PER_USER
    assert zoe.principal.session not in store.sessions


async def test_signing_out_ends_only_the_current_session(
    auth: AuthService, zoe: Person, sign_up: SignUp
) -> None:
    other = await auth.sign_in("zoe", PASSWORD, PHONE)
    await auth.sign_out(zoe.principal)
    with pytest.raises(InvalidGrant):
        await auth.refresh(zoe.refresh_token)
    assert await is_signed_in(auth, other.access)


async def test_a_session_can_be_ended_only_by_its_user(
    services: Services, zoe: Person, sign_up: SignUp
) -> None:
    eve = await sign_up("eve", is_superuser=True)
    with pytest.raises(SessionNotFound):
        await services.sessions.end(zoe.principal.session, by=eve.principal)
    await services.sessions.end(zoe.principal.session, by=zoe.principal)
    with pytest.raises(SessionNotFound):
        await services.sessions.end(zoe.principal.session, by=zoe.principal)


async def test_tokens_are_not_part_of_their_repr(auth: AuthService, zoe: Person) -> None:
    tokens = await auth.sign_in("zoe", PASSWORD, PHONE)
    assert tokens.access not in repr(tokens)
    assert tokens.refresh not in repr(tokens)


DECOMPOSED = "Zoe\u0308s geheimes Wort"  # as some keyboards write it
COMPOSED = "Zo\u00ebs geheimes Wort"


@pytest.mark.parametrize(("chosen", "typed"), [(DECOMPOSED, COMPOSED), (COMPOSED, DECOMPOSED)])
async def test_check_3_composed_and_decomposed_passwords_are_the_same(
    auth: AuthService, services: Services, chosen: str, typed: str
) -> None:
    await services.users.register({"email": "zoe@example.com"}, chosen)
    assert (await auth.sign_in("zoe@example.com", typed, PHONE)).access


async def test_a_hash_of_an_unnormalised_password_verifies_and_is_replaced(
    auth: AuthService, zoe: Person, store: FakeStore, passwords: FakePasswordHasher
) -> None:
    store.users[zoe.user.id] = replace(zoe.user, password_hash=f"1:{DECOMPOSED}")
    await auth.sign_in("zoe", DECOMPOSED, PHONE)
    assert store.users[zoe.user.id].password_hash == f"1:{COMPOSED}"
    passwords.checks = passwords.hashed = 0
    for typed in (DECOMPOSED, COMPOSED):
        await auth.sign_in("zoe", typed, PHONE)
    assert (passwords.checks, passwords.hashed) == (2, 0)


async def test_check_8_unknown_accounts_cost_as_many_checks_as_known_ones(
    auth: AuthService, zoe: Person, passwords: FakePasswordHasher
) -> None:
    for login in ("zoe", "unknown"):
        for typed, checks in (("wrong " + DECOMPOSED, 2), ("wrong " + COMPOSED, 1)):
            passwords.checks = 0
            with pytest.raises(InvalidGrant):
                await auth.sign_in(login, typed, PHONE)
            assert passwords.checks == checks


SMALL_LETTERS, FULL_WIDTH = (
    "zoes password \ufb01nds",
    "\uff5a\uff4f\uff45\uff53\u3000password finds",
)
NORMAL = "zoes password finds"


@pytest.mark.parametrize("stored", [NORMAL, SMALL_LETTERS])
async def test_check_3_compatible_spellings_are_the_same_password(
    auth: AuthService, zoe: Person, store: FakeStore, stored: str
) -> None:
    store.users[zoe.user.id] = replace(zoe.user, password_hash=f"1:{stored}")
    await auth.sign_in("zoe", SMALL_LETTERS, PHONE)
    assert store.users[zoe.user.id].password_hash == f"1:{NORMAL}"
    await auth.sign_in("zoe", FULL_WIDTH, PHONE)


async def test_each_request_notes_its_session(auth: AuthService, zoe: Person) -> None:
    noted: list[SessionId] = []
    noting = replace(auth, note_use=noted.append)
    await noting.authenticate((await noting.refresh(zoe.refresh_token)).access)
    assert noted == [zoe.principal.session]


def told(store: FakeStore) -> list[object]:
    """The values of the mails about new devices."""
    mails = [job.data for job in store.jobs if job.data.get("template") == "new_device"]
    return [mail["values"] for mail in mails]


async def test_a_sign_in_from_an_unknown_address_is_mailed_once(
    auth: AuthService, sign_up: SignUp, store: FakeStore
) -> None:
    home = ClientInfo("192.0.2.7", "laptop")
    for client in (home, PHONE, PHONE, home):
        store.origin = RequestOrigin(client.ip)
        if not store.users:
            await sign_up("zoe")
        await auth.sign_in("zoe", PASSWORD, client)
    assert told(store) == [{"device": "phone", "address": PHONE.ip, "time": "2026-11-20 09:00"}]


async def test_the_first_sign_in_of_an_account_is_not_mailed(zoe: Person, store: FakeStore) -> None:
    assert [entry.event for entry in store.audit].count(AuditEvent.SIGN_IN) == 1
    assert told(store) == []
