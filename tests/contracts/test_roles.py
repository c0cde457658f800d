"""Roles and grants, in memory and in PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.auth.sessions import ActingRights, Session
from jubilee.domain.auth.tokens import TokenClaims
from jubilee.domain.identity import OPERATOR, Credential, UserId
from jubilee.domain.scopes import USER_RIGHTS, Scope
from jubilee.domain.users.user import User
from tests.contracts.accounts import DAY, NOW, add_sessions, add_users, make_session, make_user
from tests.contracts.conftest import Database
from tests.fakes.roles import ROLES, SUPPORT_RIGHTS
from tests.fakes.store import FakeClock

ADDED = {"by": OPERATOR.user_id, "at": NOW}


@pytest.fixture
def clock() -> FakeClock:
    """The current time, since the database's clock ends sessions and locks."""
    return FakeClock(datetime.now(UTC))


@pytest.fixture
async def zoe(database: Database) -> User:
    user = make_user("zoe")
    await add_users(database, user)
    return user


async def grant(database: Database, user: User, *names: str) -> None:
    async with database.write() as tx:
        await tx.roles.replace_grants(user.id, names, **ADDED)


async def rights(database: Database, user_id: UserId) -> frozenset[Scope]:
    async with database.read() as view:
        found: frozenset[Scope] = await view.roles.rights(user_id)
        return found


async def acting(database: Database, session: Session, user: User) -> ActingRights | None:
    claims = TokenClaims(user.id, session.id, actor_id=session.user_id)
    async with database.read() as view:
        found: ActingRights | None = await view.sessions.acting_rights(claims)
        return found


async def test_the_shipped_roles_are_listed_by_name(database: Database) -> None:
    async with database.read() as view:
        assert list(await view.roles.all()) == list(ROLES)


async def test_an_account_has_the_rights_of_users_and_of_what_is_granted(
    database: Database, zoe: User
) -> None:
    assert await rights(database, zoe.id) == USER_RIGHTS
    await grant(database, zoe, "support", "auditor")
    assert await rights(database, zoe.id) == USER_RIGHTS | SUPPORT_RIGHTS | {Scope.AUDIT_READ}
    await grant(database, zoe, "support")
    assert await rights(database, zoe.id) == USER_RIGHTS | SUPPORT_RIGHTS
    async with database.read() as view:
        assert set(await view.roles.granted(zoe.id)) == {"support"}


async def test_a_superuser_has_every_right_and_a_missing_account_none(
    database: Database, zoe: User
) -> None:
    async with database.write() as tx:
        await tx.users.save(replace(zoe, is_superuser=True))
    assert await rights(database, zoe.id) == frozenset(Scope)
    assert await rights(database, UserId(new_id())) == frozenset()


async def test_grants_end_with_the_account(database: Database, zoe: User) -> None:
    await grant(database, zoe, "support")
    async with database.write() as tx:
        await tx.users.delete(zoe.id)
    async with database.read() as view:
        assert set(await view.roles.granted(zoe.id)) == set()


async def test_the_check_of_a_session_reads_the_rights(database: Database, zoe: User) -> None:
    session = make_session(zoe)
    await add_sessions(database, session)
    await grant(database, zoe, "auditor")
    async with database.read() as view:
        principal = await view.sessions.check(TokenClaims(zoe.id, session.id))
    assert principal is not None
    assert principal.rights == USER_RIGHTS | {Scope.AUDIT_READ, Scope.ROLES_READ}
    assert not principal.is_admin


@pytest.mark.parametrize("until", [None, NOW + DAY], ids=["lifted", "timed"])
async def test_a_locked_account_has_no_valid_session_until_the_lock_ends(
    database: Database, zoe: User, until: datetime | None
) -> None:
    session = make_session(zoe)
    claims = TokenClaims(zoe.id, session.id)
    await add_sessions(database, session)
    for ends, is_valid in ((until, False), (NOW - DAY, True)):
        async with database.write() as tx:
            await tx.users.save(replace(zoe, locked_at=NOW - 2 * DAY, locked_until=ends))
        async with database.read() as view:
            assert (await view.sessions.check(claims) is not None) == is_valid


async def test_a_lock_is_stored_and_a_locked_admin_is_not_counted(
    database: Database, zoe: User
) -> None:
    locked = replace(
        zoe, is_superuser=True, locked_at=NOW, locked_until=NOW + DAY, lock_reason="stolen"
    )
    async with database.write() as tx:
        await tx.users.save(locked)
        assert await tx.users.get(zoe.id) == locked
        assert set(await tx.users.lock_admins()) == set()
        await tx.users.save(replace(locked, locked_until=NOW - DAY))
        assert set(await tx.users.lock_admins()) == {zoe.id}


async def test_acting_needs_the_session_of_the_actor_and_reads_both_rights(
    database: Database, zoe: User
) -> None:
    sue = make_user("sue")
    await add_users(database, sue)
    await grant(database, sue, "support")
    session, expired = make_session(sue), make_session(sue, expires_at=NOW - DAY)
    await add_sessions(database, session, expired, own := make_session(zoe))
    found = await acting(database, session, zoe)
    assert found == ActingRights(USER_RIGHTS | SUPPORT_RIGHTS, USER_RIGHTS)
    assert await acting(database, expired, zoe) is None
    assert await acting(database, replace(own, user_id=sue.id), zoe) is None
    assert await acting(database, session, make_user("eve")) is None


@pytest.mark.parametrize("ended", ["actor", "account"])
@pytest.mark.parametrize(
    "change", [{"is_active": False}, {"locked_at": NOW}], ids=["disabled", "locked"]
)
async def test_acting_ends_with_either_account(
    database: Database, zoe: User, ended: str, change: dict[str, object]
) -> None:
    sue = make_user("sue")
    await add_users(database, sue)
    await add_sessions(database, session := make_session(sue))
    async with database.write() as tx:
        user = sue if ended == "actor" else zoe
        await tx.users.save(replace(user, **change))  # type: ignore[arg-type]  # the test says which
    assert await acting(database, session, zoe) is None


def test_only_a_higher_rank_with_the_right_to_impersonate_gives_a_principal() -> None:
    claims = TokenClaims(UserId(new_id()), make_session(make_user()).id, UserId(new_id()))
    support = USER_RIGHTS | SUPPORT_RIGHTS
    principal = ActingRights(support, USER_RIGHTS).principal(claims)
    assert principal is not None
    assert (principal.session_id, principal.impersonator_id) == (None, claims.actor_id)
    assert principal.credential is Credential.IMPERSONATION
    assert Scope.ACCOUNT not in principal.allowed
    for actor, account in (
        (support, support),
        (support, USER_RIGHTS | {Scope.AUDIT_READ}),
        (support - {Scope.USERS_IMPERSONATE}, USER_RIGHTS),
        (USER_RIGHTS, USER_RIGHTS),
    ):
        assert ActingRights(actor, account).principal(claims) is None
