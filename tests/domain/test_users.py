"""Use cases of accounts: registering, changing, deleting, and the last admin."""

from dataclasses import replace
from uuid import UUID

import pytest

from jubilee.domain.errors import DomainError, NotAllowed
from jubilee.domain.events import ItemDeleted
from jubilee.domain.passwords import PasswordChange, PasswordTooCommon, PasswordTooShort
from jubilee.domain.services import Services
from jubilee.domain.users.service import UserService
from jubilee.domain.users.user import (
    CurrentPasswordNeeded,
    EmailTaken,
    LastAdmin,
    Profile,
    UsernameTaken,
    UserNotFound,
    WrongCurrentPassword,
)
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.passwords import FakePasswordHasher
from tests.fakes.store import FakeClock, FakeStore

NEW = "another good password"
NO_PASSWORDS = PasswordChange()


@pytest.fixture
def users(services: Services) -> UserService:
    return services.users


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe", full_name="Zoe Quill")


@pytest.fixture
async def admin(sign_up: SignUp) -> Person:
    return await sign_up("ada", is_superuser=True)


async def test_registering_enqueues_the_welcome_mail(users: UserService, store: FakeStore) -> None:
    user = await users.register(Profile(email="zoe@example.com"), PASSWORD)
    assert store.users == {user.id: user}
    assert (user.is_active, user.is_superuser, user.created_at) == (True, False, store.clock.now)
    (job,) = store.jobs
    assert (job.kind, job.owner_id, job.key) == ("email.welcome", user.id, f"welcome:{user.id}")
    assert job.data == {"user_id": str(user.id)}


async def test_an_account_is_found_by_id_address_and_name(users: UserService, zoe: Person) -> None:
    for login in (str(zoe.user.id), "ZOE@example.com", "Zoe"):
        assert (await users.find(login)).id == zoe.user.id
    for login in ("", "grace", str(UUID(int=0))):
        with pytest.raises(UserNotFound):
            await users.find(login)


@pytest.mark.parametrize(
    ("profile", "refusal"),
    [
        (Profile(email="ZOE@example.com"), EmailTaken),
        (Profile(email="new@example.com", username="ZOE"), UsernameTaken),
    ],
)
async def test_a_taken_name_or_address_is_refused_without_a_trace(
    users: UserService, zoe: Person, store: FakeStore, profile: Profile, refusal: type[DomainError]
) -> None:
    with pytest.raises(refusal):
        await users.register(profile, PASSWORD)
    assert list(store.users) == [zoe.user.id]
    assert len(store.jobs) == 1


async def test_a_bad_password_is_refused_before_it_is_hashed(
    users: UserService, store: FakeStore
) -> None:
    with pytest.raises(PasswordTooCommon):
        await users.register(Profile(email="zoe@example.com"), "zoe@example.com")
    assert store.users == {}


async def test_passwords_and_hashes_are_not_part_of_a_repr(zoe: Person) -> None:
    assert PASSWORD not in repr(zoe.user)
    assert PASSWORD not in repr(PasswordChange(new=PASSWORD, current=PASSWORD))


async def test_users_cannot_learn_whether_another_account_exists(
    users: UserService, zoe: Person, sign_up: SignUp
) -> None:
    eve = await sign_up("eve")
    with pytest.raises(NotAllowed):
        await users.get(zoe.user.id, by=eve.principal)
    await users.delete(zoe.user.id, by=zoe.principal)
    with pytest.raises(NotAllowed):
        await users.get(zoe.user.id, by=eve.principal)


async def test_a_missing_account_is_not_found_by_an_admin(
    users: UserService, zoe: Person, admin: Person
) -> None:
    assert await users.get(zoe.user.id, by=admin.principal) == zoe.user
    await users.delete(zoe.user.id, by=admin.principal)
    with pytest.raises(UserNotFound):
        await users.get(zoe.user.id, by=admin.principal)


async def test_fields_absent_from_a_change_stay(
    users: UserService, zoe: Person, clock: FakeClock
) -> None:
    clock.tick(minutes=5)
    change = Profile(username=None)
    user = await users.change(zoe.user.id, change, NO_PASSWORDS, by=zoe.principal)
    assert user == replace(zoe.user, username=None, updated_at=clock.now)


@pytest.mark.parametrize(
    ("profile", "new"), [(Profile(email="z@example.com"), None), (Profile(), NEW)]
)
async def test_changing_address_or_password_needs_the_current_password(
    users: UserService, zoe: Person, store: FakeStore, profile: Profile, new: str | None
) -> None:
    with pytest.raises(CurrentPasswordNeeded):
        await users.change(zoe.user.id, profile, PasswordChange(new=new), by=zoe.principal)
    wrong = PasswordChange(new=new, current="wrong")
    with pytest.raises(WrongCurrentPassword):
        await users.change(zoe.user.id, profile, wrong, by=zoe.principal)
    assert store.users[zoe.user.id] == zoe.user
    right = PasswordChange(new=new, current=PASSWORD)
    changed = await users.change(zoe.user.id, profile, right, by=zoe.principal)
    assert changed != zoe.user


async def test_an_admin_needs_the_current_password_only_for_their_own_account(
    users: UserService, zoe: Person, admin: Person
) -> None:
    changed = await users.change(
        zoe.user.id, Profile(), PasswordChange(new=NEW), by=admin.principal
    )
    assert changed.password_hash == f"1:{NEW}"
    with pytest.raises(CurrentPasswordNeeded):
        await users.change(admin.user.id, Profile(), PasswordChange(new=NEW), by=admin.principal)


async def test_an_unchanged_address_needs_no_password(users: UserService, zoe: Person) -> None:
    same = Profile(email=zoe.user.email, full_name="Z")
    changed = await users.change(zoe.user.id, same, NO_PASSWORDS, by=zoe.principal)
    assert changed.full_name == "Z"


async def test_a_new_password_is_checked_against_the_new_address(
    users: UserService, zoe: Person
) -> None:
    given = PasswordChange(new="brand.new", current=PASSWORD)
    change = Profile(email="brand.new@example.com")
    with pytest.raises(PasswordTooCommon):
        await users.change(zoe.user.id, change, given, by=zoe.principal)


@pytest.mark.parametrize("change", [Profile(is_superuser=False), Profile(is_active=False), None])
async def test_the_last_active_admin_cannot_be_demoted_disabled_or_deleted(
    users: UserService, admin: Person, store: FakeStore, sign_up: SignUp, change: Profile | None
) -> None:
    await sign_up("max", is_superuser=True)
    (other,) = [user for user in store.users.values() if user.username == "max"]
    store.users[other.id] = replace(other, is_active=False)
    with pytest.raises(LastAdmin):
        await _weaken(users, admin, change)
    store.users[other.id] = other
    await _weaken(users, admin, change)


async def _weaken(users: UserService, admin: Person, change: Profile | None) -> None:
    if change is None:
        await users.delete(admin.user.id, by=admin.principal)
    else:
        await users.change(admin.user.id, change, NO_PASSWORDS, by=admin.principal)


async def test_the_last_admin_may_change_other_fields(users: UserService, admin: Person) -> None:
    change = Profile(full_name="Ada", is_superuser=True, is_active=True)
    changed = await users.change(admin.user.id, change, NO_PASSWORDS, by=admin.principal)
    assert changed.full_name == "Ada"


async def test_deleting_an_account_deletes_all_its_rows(
    users: UserService, services: Services, zoe: Person, store: FakeStore
) -> None:
    items = [await services.items.create("One", None, by=zoe.principal) for _ in range(2)]
    await services.items.delete(items[1].id, by=zoe.principal)
    store.events.clear()
    await users.delete(zoe.user.id, by=zoe.principal)
    assert (store.users, store.sessions, store.jobs, store.items.rows) == ({}, {}, [], {})
    assert store.birthdays.accounts == {}
    assert store.events == [ItemDeleted(item_id=items[0].id, owner_id=zoe.user.id)]


async def test_a_password_changed_during_the_check_is_refused(
    users: UserService, zoe: Person, store: FakeStore
) -> None:
    changed = replace(store.users[zoe.user.id], password_hash="1:another")

    class Slow(FakePasswordHasher):
        async def hash(self, password: str) -> str:
            store.users[zoe.user.id] = changed
            return await FakePasswordHasher.hash(self, password)

    passwords = PasswordChange(new=NEW, current=PASSWORD)
    with pytest.raises(WrongCurrentPassword):
        await replace(users, hasher=Slow()).change(zoe.user.id, {}, passwords, by=zoe.principal)
    assert store.users[zoe.user.id] == changed


async def test_the_current_password_may_be_composed_or_decomposed(
    users: UserService, zoe: Person, store: FakeStore
) -> None:
    decomposed, composed = "Zoe\u0308s geheimes Wort", "Zo\u00ebs geheimes Wort"
    for stored, typed in ((composed, decomposed), (decomposed, decomposed)):
        store.users[zoe.user.id] = replace(zoe.user, password_hash=f"1:{stored}")
        passwords = PasswordChange(new=decomposed, current=typed)
        await users.change(zoe.user.id, {}, passwords, by=zoe.principal)
        assert store.users[zoe.user.id].password_hash == f"1:{composed}"


async def test_a_passwords_length_is_measured_in_nfc(users: UserService) -> None:
    with pytest.raises(PasswordTooShort):
        await users.register(Profile(email="zoe@example.com"), "e\u0301" * 7)
