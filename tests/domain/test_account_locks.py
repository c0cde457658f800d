"""Use cases of locks that are put on accounts."""

from datetime import timedelta

import pytest

from jubilee.domain.account_locks import InvalidReason, LockEndsInPast
from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.auth.tokens import InvalidGrant, InvalidToken
from jubilee.domain.identity import OPERATOR
from jubilee.domain.roles.ranks import OwnAccountRefused
from jubilee.domain.roles.role import RankTooHigh
from jubilee.domain.services import Services
from jubilee.domain.users.user import LastAdmin
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.store import FakeClock, FakeStore

DAY = timedelta(days=1)
HOME = ClientInfo("192.0.2.7", "test")


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
async def support(sign_up: SignUp) -> Person:
    return await sign_up("sue", roles=["support"])


async def test_check_27_a_lock_ends_every_session_and_refuses_sign_in_and_refresh(
    services: Services, zoe: Person, support: Person
) -> None:
    await services.account_locks.lock(zoe.user.id, by=support.principal)
    with pytest.raises(InvalidToken):
        await services.auth.authenticate(zoe.headers["Authorization"].removeprefix("Bearer "))
    with pytest.raises(InvalidGrant):
        await services.auth.refresh(zoe.refresh_token)
    with pytest.raises(InvalidGrant):
        await services.auth.sign_in("zoe", PASSWORD, HOME)


async def test_an_unlocked_account_signs_in_again(
    services: Services, zoe: Person, support: Person, store: FakeStore
) -> None:
    await services.account_locks.lock(zoe.user.id, by=support.principal, reason="stolen")
    assert await services.account_locks.unlock(zoe.user.id, by=support.principal)
    assert not await services.account_locks.unlock(zoe.user.id, by=support.principal)
    assert store.users[zoe.user.id].lock_reason is None
    await services.auth.sign_in("zoe", PASSWORD, HOME)


async def test_a_lock_ends_at_its_time_and_the_next_sign_in_forgets_it(
    services: Services, zoe: Person, support: Person, clock: FakeClock, store: FakeStore
) -> None:
    until = clock() + DAY
    await services.account_locks.lock(zoe.user.id, by=support.principal, until=until)
    clock.tick(hours=23)
    with pytest.raises(InvalidGrant):
        await services.auth.sign_in("zoe", PASSWORD, HOME)
    clock.tick(hours=1)
    await services.auth.sign_in("zoe", PASSWORD, HOME)
    assert store.users[zoe.user.id].locked_at is None


async def test_check_42_a_lock_and_its_end_are_recorded_with_the_reason(
    services: Services, zoe: Person, support: Person, clock: FakeClock, store: FakeStore
) -> None:
    before, until = len(store.audit), clock() + DAY
    locks = services.account_locks
    await locks.lock(zoe.user.id, by=support.principal, reason="stolen", until=until)
    await locks.unlock(zoe.user.id, by=support.principal)
    locked, ended, unlocked = store.audit[before:]
    assert locked.event == "account_locked"
    assert locked.details == {"reason": "operator", "note": "stolen", "until": until.isoformat()}
    assert (ended.event, unlocked.event) == ("sessions_ended", "account_unlocked")
    assert unlocked.details == {"reason": "operator"}
    assert {entry.actor_id for entry in (locked, ended, unlocked)} == {support.user.id}


async def test_a_refused_sign_in_of_a_locked_account_is_recorded_as_such(
    services: Services, zoe: Person, store: FakeStore
) -> None:
    await services.account_locks.lock(zoe.user.id, by=OPERATOR)
    with pytest.raises(InvalidGrant):
        await services.auth.sign_in("zoe", PASSWORD, HOME)
    assert store.audit[-1].details == {"reason": "account_locked"}


@pytest.mark.parametrize("roles", [["admin"], ["auditor"]])
async def test_support_locks_and_unlocks_no_account_with_scopes_that_it_lacks(
    services: Services, sign_up: SignUp, support: Person, roles: list[str]
) -> None:
    await sign_up("ada", roles=["admin"])
    other = await sign_up("eve", roles=roles)
    with pytest.raises(RankTooHigh):
        await services.account_locks.lock(other.user.id, by=support.principal)
    await services.account_locks.lock(other.user.id, by=OPERATOR)
    with pytest.raises(RankTooHigh):
        await services.account_locks.unlock(other.user.id, by=support.principal)


async def test_neither_the_own_account_nor_the_last_admin_is_locked(
    services: Services, sign_up: SignUp
) -> None:
    ada = await sign_up("ada", is_superuser=True)
    with pytest.raises(OwnAccountRefused):
        await services.account_locks.lock(ada.user.id, by=ada.principal)
    with pytest.raises(LastAdmin):
        await services.account_locks.lock(ada.user.id, by=OPERATOR)
    eve = await sign_up("eve", is_superuser=True)
    await services.account_locks.lock(eve.user.id, by=ada.principal)
    with pytest.raises(LastAdmin):
        await services.account_locks.lock(ada.user.id, by=OPERATOR)


async def test_a_malformed_reason_or_a_past_end_changes_nothing(
    services: Services, zoe: Person, clock: FakeClock, store: FakeStore
) -> None:
    for reason in ("", " ", "a\nb", "x" * 201):
        with pytest.raises(InvalidReason):
            await services.account_locks.lock(zoe.user.id, by=OPERATOR, reason=reason)
    with pytest.raises(LockEndsInPast):
        await services.account_locks.lock(zoe.user.id, by=OPERATOR, until=clock())
    assert store.users[zoe.user.id] == zoe.user
