"""The merge of two accounts: what moves, what stays, and what is refused."""

import asyncio
from datetime import date
from uuid import UUID

import pytest

from jubilee.domain.account_merges import SameAccount
from jubilee.domain.auth.tokens import InvalidToken
from jubilee.domain.errors import DomainError
from jubilee.domain.events import ItemUpdated
from jubilee.domain.identity import UserId
from jubilee.domain.services import Services
from jubilee.domain.tasks.task import TaskRequest
from jubilee.domain.users.user import LastAdmin, User, UserNotFound
from tests.conftest import Person, SignUp
from tests.fakes.store import FakeStore

BORN = date(1990, 2, 28)


@pytest.fixture
async def old(sign_up: SignUp) -> Person:
    return await sign_up("old", date_of_birth=BORN, time_zone="Europe/Vienna", roles=["support"])


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
async def admin(sign_up: SignUp) -> Person:
    return await sign_up("ada", is_superuser=True)


async def merge(services: Services, source: Person, into: Person, by: Person) -> User:
    merges = services.account_merges
    return await merges.merge(source.user.id, into=into.user.id, by=by.principal)


async def test_items_and_tasks_move_and_the_source_is_gone(
    services: Services, old: Person, zoe: Person, admin: Person, store: FakeStore
) -> None:
    item = await services.items.create("mine", None, by=old.principal)
    task = await services.tasks.create(TaskRequest(data={}), by=old.principal)
    await merge(services, old, zoe, admin)
    moved = store.items.rows[item.id]
    assert (moved.owner_id, moved.version) == (zoe.user.id, 2)
    assert store.events[-1] == ItemUpdated(item_id=item.id, owner_id=zoe.user.id)
    assert store.tasks[task.id].owner_id == zoe.user.id
    assert old.user.id not in store.users
    assert not [key for key in store.grants if key[0] == old.user.id]


async def test_the_sessions_of_the_source_end_and_those_of_the_other_stay(
    services: Services, old: Person, zoe: Person, admin: Person
) -> None:
    await merge(services, old, zoe, admin)
    with pytest.raises(InvalidToken):
        await services.auth.authenticate(old.headers["Authorization"].removeprefix("Bearer "))
    await services.auth.authenticate(zoe.headers["Authorization"].removeprefix("Bearer "))


async def test_a_missing_birthday_is_taken_over_and_an_own_one_kept(
    services: Services, sign_up: SignUp, old: Person, zoe: Person, admin: Person
) -> None:
    merged = await merge(services, old, zoe, admin)
    assert (merged.date_of_birth, merged.time_zone) == (BORN, "Europe/Vienna")
    assert (merged.email, merged.username) == ("zoe@example.com", "zoe")
    other = await sign_up("max", date_of_birth=date(1980, 1, 1))
    assert (await merge(services, other, zoe, admin)).date_of_birth == BORN


async def test_a_moved_task_whose_name_is_taken_gets_its_own_id_as_name(
    services: Services, old: Person, zoe: Person, admin: Person, store: FakeStore
) -> None:
    request = TaskRequest(data={}, task_id="order-1")
    kept = await services.tasks.create(request, by=zoe.principal)
    moved = await services.tasks.create(request, by=old.principal)
    await merge(services, old, zoe, admin)
    assert store.tasks[kept.id].task_id == "order-1"
    assert store.tasks[moved.id].task_id == str(moved.id)


async def test_check_42_a_merge_is_recorded_for_both_accounts(
    services: Services, old: Person, zoe: Person, admin: Person, store: FakeStore
) -> None:
    await merge(services, old, zoe, admin)
    both = [entry for entry in store.audit if entry.event == "accounts_merged"]
    named = {(entry.subject_id, UUID(entry.details["resource_id"])) for entry in both}
    assert named == {(zoe.user.id, old.user.id), (old.user.id, zoe.user.id)}
    assert {entry.actor_id for entry in both} == {admin.user.id}


async def test_parallel_merges_of_one_source_have_one_effect(
    services: Services, old: Person, zoe: Person, admin: Person, store: FakeStore
) -> None:
    await services.items.create("mine", None, by=old.principal)
    calls = (merge(services, old, zoe, admin) for _ in range(10))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(result, User) for result in results) == 1
    assert sum(isinstance(result, UserNotFound) for result in results) == 9
    assert [item.version for item in store.items.rows.values()] == [2]


async def test_no_rights_are_gained_and_the_last_admin_is_not_merged_away(
    services: Services, old: Person, zoe: Person, admin: Person, store: FakeStore
) -> None:
    await merge(services, old, zoe, admin)
    assert not [key for key in store.grants if key[0] == zoe.user.id]
    with pytest.raises(LastAdmin):
        await merge(services, admin, zoe, admin)


async def test_a_missing_or_the_same_account_is_refused(
    services: Services, zoe: Person, admin: Person, store: FakeStore
) -> None:
    missing, merges = UserId(UUID(int=7)), services.account_merges
    refusals: list[tuple[UserId, UserId, type[DomainError]]] = [
        (missing, zoe.user.id, UserNotFound),
        (zoe.user.id, missing, UserNotFound),
        (zoe.user.id, zoe.user.id, SameAccount),
    ]
    for source, into, refusal in refusals:
        with pytest.raises(refusal):
            await merges.merge(source, into=into, by=admin.principal)
    assert zoe.user.id in store.users
