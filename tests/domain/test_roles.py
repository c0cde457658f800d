"""Use cases of roles: granting, what is beyond one's own, and the last admin."""

from dataclasses import replace
from uuid import UUID

import pytest

from jubilee.domain.errors import Stale
from jubilee.domain.identity import OPERATOR, UserId
from jubilee.domain.roles.role import RoleBeyondOwn, UnknownRole
from jubilee.domain.scopes import USER_RIGHTS, Scope
from jubilee.domain.services import Services
from jubilee.domain.users.user import LastAdmin, UserNotFound
from tests.conftest import Person, SignUp
from tests.fakes.roles import KNOWN, SUPPORT_RIGHTS
from tests.fakes.store import FakeStore


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
async def admin(sign_up: SignUp) -> Person:
    return await sign_up("ada", is_superuser=True)


async def test_an_account_gets_exactly_the_named_roles_and_that_of_users(
    services: Services, zoe: Person, admin: Person
) -> None:
    for names, expected in (
        (["support", "auditor"], {"auditor", "support", "user"}),
        (["auditor", "user"], {"auditor", "user"}),
        ([], {"user"}),
    ):
        roles = await services.roles.put(zoe.user.id, names, by=admin.principal)
        assert roles.names == expected
        assert await services.roles.get(zoe.user.id, by=admin.principal) == roles


async def test_a_role_is_the_flag_of_superusers_and_the_flag_is_the_role(
    services: Services, zoe: Person, admin: Person, store: FakeStore
) -> None:
    roles = await services.roles.put(zoe.user.id, ["admin"], by=admin.principal)
    assert roles.rights == frozenset(Scope)
    assert store.users[zoe.user.id].is_superuser
    await services.roles.put(zoe.user.id, ["support"], by=admin.principal)
    assert not store.users[zoe.user.id].is_superuser


async def test_a_changed_role_is_recorded_and_an_unchanged_one_is_not(
    services: Services, zoe: Person, admin: Person, store: FakeStore
) -> None:
    for _ in range(2):
        await services.roles.put(zoe.user.id, ["support"], by=admin.principal)
    [entry] = [entry for entry in store.audit if entry.event == "role_changed"][1:]
    assert (entry.actor_id, entry.subject_id) == (admin.user.id, zoe.user.id)
    assert entry.details == {"role": "support user"}


async def test_an_unknown_role_or_account_is_refused(
    services: Services, zoe: Person, admin: Person
) -> None:
    with pytest.raises(UnknownRole) as refused:
        await services.roles.put(zoe.user.id, ["support", "root"], by=admin.principal)
    assert refused.value.pointer == "/roles/1"
    missing = UserId(UUID(int=7))
    for names in ([], ["admin"]):
        with pytest.raises(UserNotFound):
            await services.roles.put(missing, names, by=admin.principal)


@pytest.mark.parametrize("names", [["admin"], ["auditor"], []])
async def test_a_role_beyond_ones_own_is_neither_granted_nor_taken_away(
    services: Services,
    zoe: Person,
    sign_up: SignUp,
    monkeypatch: pytest.MonkeyPatch,
    names: list[str],
) -> None:
    support = KNOWN["support"].scopes | {Scope.ROLES_WRITE}
    monkeypatch.setitem(KNOWN, "support", replace(KNOWN["support"], scopes=support))
    sue = await sign_up("sue", roles=["support"])
    await services.roles.put(zoe.user.id, ["auditor"] if names == [] else [], by=OPERATOR)
    with pytest.raises(RoleBeyondOwn):
        await services.roles.put(zoe.user.id, names, by=sue.principal)


async def test_the_last_admin_keeps_the_role(services: Services, admin: Person) -> None:
    with pytest.raises(LastAdmin):
        await services.roles.put(admin.user.id, ["support"], by=admin.principal)
    roles = await services.roles.put(admin.user.id, ["admin", "support"], by=admin.principal)
    assert roles.names == {"admin", "support", "user"}


async def test_a_stale_version_is_refused(services: Services, zoe: Person, admin: Person) -> None:
    with pytest.raises(Stale):
        await services.roles.put(
            zoe.user.id, ["support"], by=admin.principal, expects=lambda _: False
        )


async def test_the_rights_of_a_session_follow_the_roles_at_once(
    services: Services, zoe: Person
) -> None:
    token = zoe.headers["Authorization"].removeprefix("Bearer ")
    await services.roles.put(zoe.user.id, ["support"], by=OPERATOR)
    assert (await services.auth.authenticate(token)).rights == USER_RIGHTS | SUPPORT_RIGHTS
    await services.roles.put(zoe.user.id, [], by=OPERATOR)
    assert (await services.auth.authenticate(token)).rights == USER_RIGHTS
