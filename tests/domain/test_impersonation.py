"""The use case of impersonation, and what ends it."""

import pytest

from jubilee.domain.account_locks import InvalidReason
from jubilee.domain.auth.tokens import InvalidToken
from jubilee.domain.identity import OPERATOR, Credential
from jubilee.domain.impersonation import CannotSignIn
from jubilee.domain.passwords import PasswordChange
from jubilee.domain.roles.ranks import OwnAccountRefused
from jubilee.domain.roles.role import RankTooHigh
from jubilee.domain.scopes import USER_RIGHTS, ImpersonationRefused, Scope, SessionRequired
from jubilee.domain.services import Services
from tests.conftest import Person, SignUp
from tests.fakes.store import FakeClock, FakeStore

REASON = "ticket 4711"


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
async def support(sign_up: SignUp) -> Person:
    return await sign_up("sue", roles=["support"])


async def start(services: Services, zoe: Person, by: Person) -> str:
    token = await services.impersonation.start(zoe.user.id, REASON, by=by.principal)
    return token.access


async def test_the_token_acts_as_the_account_without_its_credentials(
    services: Services, zoe: Person, support: Person
) -> None:
    principal = await services.auth.authenticate(await start(services, zoe, support))
    assert (principal.user_id, principal.impersonator_id) == (zoe.user.id, support.user.id)
    assert principal.credential is Credential.IMPERSONATION
    assert principal.allowed == USER_RIGHTS - {Scope.ACCOUNT}
    with pytest.raises(ImpersonationRefused):
        _ = principal.session


async def test_check_42_the_start_is_recorded_with_the_reason(
    services: Services, zoe: Person, support: Person, store: FakeStore
) -> None:
    await start(services, zoe, support)
    entry = store.audit[-1]
    assert entry.event == "impersonation_started"
    assert (entry.actor_id, entry.subject_id) == (support.user.id, zoe.user.id)
    assert entry.details == {"note": REASON}


async def test_the_token_expires_after_a_quarter_of_an_hour(
    services: Services, zoe: Person, support: Person, clock: FakeClock
) -> None:
    token = await services.impersonation.start(zoe.user.id, REASON, by=support.principal)
    assert token.lifetime == 900
    clock.tick(seconds=899)
    await services.auth.authenticate(token.access)
    clock.tick(seconds=1)
    with pytest.raises(InvalidToken):
        await services.auth.authenticate(token.access)


@pytest.mark.parametrize("end", ["sign out", "lock actor", "lock account", "demote", "promote"])
async def test_check_27_the_token_ends_with_session_right_rank_or_either_account(
    services: Services, zoe: Person, support: Person, end: str
) -> None:
    token = await start(services, zoe, support)
    match end:
        case "sign out":
            await services.auth.sign_out(support.principal)
        case "lock actor":
            await services.account_locks.lock(support.user.id, by=OPERATOR)
        case "lock account":
            await services.account_locks.lock(zoe.user.id, by=OPERATOR)
        case "demote":
            await services.roles.put(support.user.id, [], by=OPERATOR)
        case _:
            await services.roles.put(zoe.user.id, ["auditor"], by=OPERATOR)
    with pytest.raises(InvalidToken):
        await services.auth.authenticate(token)


@pytest.mark.parametrize("roles", [["support"], ["auditor"], ["admin"]])
async def test_an_account_of_equal_or_higher_rank_is_refused(
    services: Services, sign_up: SignUp, support: Person, roles: list[str]
) -> None:
    other = await sign_up("eve", roles=roles)
    with pytest.raises(RankTooHigh):
        await start(services, other, support)


async def test_an_admin_acts_as_support_and_as_no_admin(
    services: Services, sign_up: SignUp, support: Person
) -> None:
    ada, eve = await sign_up("ada", is_superuser=True), await sign_up("eve", is_superuser=True)
    await services.auth.authenticate(await start(services, support, ada))
    with pytest.raises(RankTooHigh):
        await start(services, eve, ada)
    with pytest.raises(OwnAccountRefused):
        await start(services, ada, ada)


async def test_neither_a_locked_nor_a_disabled_account_is_acted_as(
    services: Services, sign_up: SignUp, zoe: Person, support: Person
) -> None:
    max_ = await sign_up("max")
    await services.account_locks.lock(zoe.user.id, by=OPERATOR)
    await services.users.change(max_.user.id, {"is_active": False}, PasswordChange(), by=OPERATOR)
    for person in (zoe, max_):
        with pytest.raises(CannotSignIn):
            await start(services, person, support)


async def test_a_reason_and_a_session_are_required(
    services: Services, zoe: Person, support: Person
) -> None:
    with pytest.raises(InvalidReason):
        await services.impersonation.start(zoe.user.id, " ", by=support.principal)
    with pytest.raises(SessionRequired):
        await services.impersonation.start(zoe.user.id, REASON, by=OPERATOR)


async def test_who_acts_as_an_account_cannot_act_as_a_third_one(
    services: Services, sign_up: SignUp, zoe: Person, support: Person
) -> None:
    ada = await sign_up("ada", is_superuser=True)
    acting = await services.auth.authenticate(await start(services, support, ada))
    with pytest.raises(ImpersonationRefused):
        await services.impersonation.start(zoe.user.id, REASON, by=acting)
