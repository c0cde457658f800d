"""What requests add to the audit log."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from jubilee.domain.audit.entry import AuditEntry
from jubilee.domain.services import Services
from jubilee.domain.tasks.task import TaskRequest
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.store import FakeClock, FakeStore

NEW = "another good password"


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
async def admin(sign_up: SignUp) -> Person:
    return await sign_up("ada", is_superuser=True)


@pytest.fixture
def people(zoe: Person, admin: Person) -> tuple[Person, Person]:
    return zoe, admin


class Recorded:
    """The entries that a test adds."""

    def __init__(self, store: FakeStore) -> None:
        self._store, self._before = store, len(store.audit)

    @property
    def rows(self) -> Sequence[AuditEntry]:
        return self._store.audit[self._before :]

    @property
    def events(self) -> list[str]:
        return [entry.event for entry in self.rows]


@pytest.fixture
def recorded(zoe: Person, admin: Person, store: FakeStore) -> Recorded:
    """What is recorded once Zoe and the admin Ada have signed up."""
    return Recorded(store)


async def test_signing_up_and_in_is_recorded(zoe: Person, store: FakeStore) -> None:
    registered, signed_in = store.audit
    assert (registered.event, signed_in.event) == ("account_registered", "sign_in")
    assert signed_in.actor_id == signed_in.subject_id == zoe.user.id
    assert signed_in.details == {"session_id": str(zoe.principal.session_id)}


@pytest.mark.parametrize(("login", "reason"), [("zoe", "wrong_password"), ("eve", "unknown_login")])
async def test_check_42_a_refused_sign_in_is_audited_without_what_was_typed(
    client: httpx2.AsyncClient,
    zoe: Person,
    recorded: Recorded,
    login: str,
    reason: str,
) -> None:
    await client.post("/auth/token", data={"username": login, "password": "wrong"})
    [entry] = recorded.rows
    assert (entry.event, entry.actor_id) == ("sign_in_failed", None)
    assert entry.details["reason"] == reason
    assert entry.subject_id == (zoe.user.id if login == "zoe" else None)
    assert ("login_hash" in entry.details) == (login == "eve")
    assert login not in entry.details.get("login_hash", "")


async def test_an_unknown_login_has_the_same_hash_each_time(
    client: httpx2.AsyncClient, recorded: Recorded
) -> None:
    for login in ("eve", "EVE", "mallory"):
        await client.post("/auth/token", data={"username": login, "password": PASSWORD})
    first, same, other = [entry.details["login_hash"] for entry in recorded.rows]
    assert first == same != other
    assert len(first) == 32


async def test_a_disabled_account_is_the_reason_of_a_refused_sign_in(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore, recorded: Recorded
) -> None:
    store.users[zoe.user.id] = replace(zoe.user, is_active=False)
    await client.post("/auth/token", data={"username": "zoe", "password": PASSWORD})
    [entry] = recorded.rows
    assert (entry.subject_id, entry.details) == (zoe.user.id, {"reason": "account_disabled"})


async def test_check_27_the_ends_of_sessions_are_audited(
    client: httpx2.AsyncClient, zoe: Person, recorded: Recorded
) -> None:
    other = str(uuid4())
    assert (await client.delete(f"/auth/sessions/{other}", headers=zoe.headers)).status_code == 404
    own = str(zoe.principal.session_id)
    second = (
        await client.post("/auth/token", data={"username": "zoe", "password": PASSWORD})
    ).json()
    bearer = {"Authorization": f"Bearer {second['access_token']}"}
    await client.delete(f"/auth/sessions/{own}", headers=bearer)
    await client.delete("/auth/sessions?keep_current=true", headers=bearer)
    await client.post("/auth/logout", headers=bearer)
    assert recorded.events == ["sign_in", "session_ended", "sessions_ended", "sign_out"]
    assert recorded.rows[1].details == {"session_id": own}


async def test_check_26_a_reused_refresh_token_is_audited(
    client: httpx2.AsyncClient, zoe: Person, clock: FakeClock, recorded: Recorded
) -> None:
    form = {"refresh_token": zoe.refresh_token}
    await client.post("/auth/refresh", json=form)
    clock.tick(seconds=11)
    assert (await client.post("/auth/refresh", json=form)).status_code == 400
    [entry] = recorded.rows
    assert (entry.event, entry.actor_id, entry.subject_id) == ("refresh_reused", None, zoe.user.id)
    assert entry.details == {"session_id": str(zoe.principal.session_id)}


async def test_a_refresh_of_a_disabled_account_ends_the_session_and_is_recorded(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore, recorded: Recorded
) -> None:
    store.users[zoe.user.id] = replace(zoe.user, is_active=False)
    form = {"refresh_token": zoe.refresh_token}
    assert (await client.post("/auth/refresh", json=form)).status_code == 400
    [entry] = recorded.rows
    assert (entry.event, entry.actor_id) == ("session_ended", None)
    assert entry.details["reason"] == "account_disabled"


async def test_changes_of_the_own_password_and_address_are_recorded(
    client: httpx2.AsyncClient, zoe: Person, recorded: Recorded
) -> None:
    for body, status in (
        ({"email": "new@example.com", "current_password": "wrong"}, 403),
        ({"email": "new@example.com", "current_password": PASSWORD}, 200),
        ({"password": NEW, "current_password": PASSWORD}, 200),
        ({"full_name": "Zoe Quill"}, 200),
    ):
        answer = await client.patch("/users/me", json=body, headers=zoe.headers)
        assert answer.status_code == status
    assert recorded.events == [
        "reauthentication_failed",
        "email_changed",
        "password_changed",
        "sessions_ended",
    ]
    assert {(entry.actor_id, entry.subject_id) for entry in recorded.rows} == {
        (zoe.user.id, zoe.user.id)
    }


@pytest.mark.parametrize(
    ("body", "events"),
    [
        ({"is_superuser": True}, ["role_changed"]),
        ({"is_active": False}, ["account_disabled", "sessions_ended"]),
        ({"password": NEW}, ["password_changed", "sessions_ended"]),
        ({"email": "a@b.example", "full_name": "Z"}, ["email_changed"]),
        ({}, []),
    ],
)
async def test_an_admins_change_of_an_account_is_recorded_with_its_members(
    client: httpx2.AsyncClient,
    people: tuple[Person, Person],
    recorded: Recorded,
    body: dict[str, Any],
    events: list[str],
) -> None:
    zoe, admin = people
    answer = await client.patch(f"/users/{zoe.user.id}", json=body, headers=admin.headers)
    assert answer.status_code == 200, answer.text
    assert sorted(recorded.events) == sorted([*events, "admin_write"])
    assert {(entry.actor_id, entry.subject_id) for entry in recorded.rows} == {
        (admin.user.id, zoe.user.id)
    }
    [write] = [entry for entry in recorded.rows if entry.event == "admin_write"]
    assert write.details == {"resource": "account", "members": " ".join(body)}


async def test_a_refused_change_is_not_recorded(
    client: httpx2.AsyncClient, zoe: Person, admin: Person, recorded: Recorded
) -> None:
    stale = {**admin.headers, "If-Match": '"x"'}
    url = f"/users/{zoe.user.id}"
    assert (await client.patch(url, json={"full_name": "Z"}, headers=stale)).status_code == 412
    assert (await client.delete(url, headers=stale)).status_code == 412
    assert (await client.get(f"/users/{uuid4()}", headers=admin.headers)).status_code == 404
    assert recorded.events == []


@pytest.mark.parametrize("by_admin", [False, True])
async def test_the_deletion_of_an_account_is_recorded(
    client: httpx2.AsyncClient, zoe: Person, admin: Person, recorded: Recorded, *, by_admin: bool
) -> None:
    by = admin if by_admin else zoe
    await client.delete(f"/users/{zoe.user.id}", headers=by.headers)
    [entry] = recorded.rows
    assert (entry.event, entry.actor_id) == ("account_deleted", by.user.id)
    assert entry.subject_id == zoe.user.id


async def test_what_an_admin_reads_of_others_is_recorded(
    client: httpx2.AsyncClient,
    services: Services,
    zoe: Person,
    admin: Person,
    recorded: Recorded,
) -> None:
    task = await services.tasks.create(TaskRequest(data={}), by=zoe.principal)
    lists = ("/users", "/tasks", "/birthdays/today", "/birthdays/upcoming", "/audit")
    account = f"/users/{zoe.user.id}"
    paths = (*lists, account, f"{account}/roles", f"/tasks/{task.id}")
    for path in paths:
        assert (await client.get(path, headers=admin.headers)).status_code == 200
    assert recorded.events == ["admin_read"] * len(paths)
    resources = ["accounts", "tasks", "birthdays", "birthdays", "audit", "account", "roles", "task"]
    assert [entry.details["resource"] for entry in recorded.rows] == resources
    subjects = [*[None] * len(lists), *[zoe.user.id] * 3]
    assert [entry.subject_id for entry in recorded.rows] == subjects
    assert recorded.rows[-1].details["resource_id"] == str(task.id)


async def test_what_an_admin_changes_of_others_is_recorded(
    client: httpx2.AsyncClient,
    services: Services,
    zoe: Person,
    admin: Person,
    recorded: Recorded,
) -> None:
    task = await services.tasks.create(TaskRequest(data={}), by=zoe.principal)
    item = await services.items.create("Zoe's", None, by=zoe.principal)
    birth = {"dateOfBirth": "1990-02-28"}
    for method, path, body in (
        ("PATCH", f"/items/{item.id}", {"title": "Ada's"}),
        ("DELETE", f"/tasks/{task.id}", None),
        ("PUT", "/hello/zoe", birth),
        ("DELETE", "/hello/zoe", None),
    ):
        answer = await client.request(method, path, json=body, headers=admin.headers)
        assert answer.is_success, answer.text
    assert recorded.events == ["admin_write"] * 4
    resources = [entry.details["resource"] for entry in recorded.rows]
    assert resources == ["item", "task", "birthday", "birthday"]
    assert {entry.subject_id for entry in recorded.rows} == {zoe.user.id}


async def test_what_users_and_admins_do_with_their_own_is_not_an_access(
    client: httpx2.AsyncClient, services: Services, admin: Person, recorded: Recorded
) -> None:
    await services.tasks.create(TaskRequest(data={}), by=admin.principal)
    item = (await client.post("/items", json={"title": "x"}, headers=admin.headers)).json()
    for path in ("/users/me", f"/users/{admin.user.id}", "/items", f"/tasks?owner={admin.user.id}"):
        assert (await client.get(path, headers=admin.headers)).status_code == 200
    await client.delete(f"/items/{item['id']}", headers=admin.headers)
    assert (await client.get("/users/me/audit", headers=admin.headers)).status_code == 200
    assert recorded.events == []
