"""ETags and preconditions of accounts, tasks and saved birthdays."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from jubilee.domain.tasks.task import TaskStatus
from tests.conftest import Person, SignUp
from tests.fakes.store import FakeClock, FakeStore
from tests.http.refusals import problem
from tests.http.task_calls import create_task, set_status

BORN = {"dateOfBirth": "1990-02-28"}
LATER = {"dateOfBirth": "1991-03-01"}
STALE = '"00000000000000000000000000000000"'


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


def with_conditions(person: Person, **conditions: str) -> dict[str, str]:
    """Return the headers of a call; `if_match` is If-Match."""
    named = {name.replace("_", "-"): value for name, value in conditions.items()}
    return {**person.headers, **named}


async def read_tag(client: httpx2.AsyncClient, path: str, person: Person) -> str:
    answer = await client.get(path, headers=person.headers)
    assert answer.status_code == 200
    return str(answer.headers["etag"])


async def test_an_account_has_the_same_etag_at_every_path(
    client: httpx2.AsyncClient, zoe: Person, sign_up: SignUp
) -> None:
    admin = await sign_up("ada", is_superuser=True)
    own = f"/users/{zoe.user.id}"
    found = {await read_tag(client, path, zoe) for path in ("/users/me", "/auth/me", own)}
    assert found == {await read_tag(client, own, admin)}
    sent = {"email": "new@example.com", "password": "correct horse battery"}
    created = await client.post("/users", json=sent)
    path = f"/users/{created.json()['id']}"
    assert await read_tag(client, path, admin) == created.headers["etag"]


async def test_a_known_account_is_304(client: httpx2.AsyncClient, zoe: Person) -> None:
    known = await read_tag(client, "/users/me", zoe)
    answer = await client.get("/users/me", headers=with_conditions(zoe, if_none_match=f"W/{known}"))
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == known
    assert answer.headers["cache-control"] == "no-store"


PROFILE = {"email": "zoe@example.com", "is_superuser": True, "full_name": "Zoe Quill"}


@pytest.mark.parametrize(
    ("method", "body"),
    [("PATCH", {"full_name": "Zoe Quill"}), ("PUT", PROFILE), ("DELETE", None)],
)
async def test_a_write_to_another_version_of_an_account_is_412(
    client: httpx2.AsyncClient, sign_up: SignUp, method: str, body: Any
) -> None:
    await sign_up("ada", is_superuser=True)
    zoe = await sign_up("zoe", is_superuser=True)
    path = f"/users/{zoe.user.id}"
    known = await read_tag(client, path, zoe)
    for refused in ({"if_match": STALE}, {"if_none_match": "*"}, {"if_none_match": known}):
        answer = await client.request(
            method, path, json=body, headers=with_conditions(zoe, **refused)
        )
        problem(answer, 412, "stale")
    assert await read_tag(client, path, zoe) == known
    answer = await client.request(
        method, path, json=body, headers=with_conditions(zoe, if_match=known)
    )
    assert answer.status_code in {200, 204}
    if body:
        assert answer.headers["etag"] == await read_tag(client, path, zoe) != known


@pytest.mark.parametrize(
    ("method", "body"),
    [("PATCH", {}), ("PUT", {"email": "zoe@example.com"}), ("DELETE", None)],
)
async def test_a_write_to_another_version_of_the_own_account_is_412(
    client: httpx2.AsyncClient, zoe: Person, method: str, body: Any
) -> None:
    sent = with_conditions(zoe, if_match=STALE)
    answer = await client.request(method, "/users/me", json=body, headers=sent)
    problem(answer, 412, "stale")
    known = with_conditions(zoe, if_match=await read_tag(client, "/users/me", zoe))
    answer = await client.request(method, "/users/me", json=body, headers=known)
    assert answer.status_code in {200, 204}


async def test_repeating_a_put_keeps_the_etag(
    client: httpx2.AsyncClient, zoe: Person, clock: FakeClock
) -> None:
    profile = {"email": "zoe@example.com", "full_name": "Zoe Quill"}
    first = await client.put("/users/me", json=profile, headers=zoe.headers)
    clock.now += timedelta(minutes=1)
    known = with_conditions(zoe, if_match=first.headers["etag"])
    second = await client.put("/users/me", json=profile, headers=known)
    assert (second.status_code, second.json()) == (200, first.json())
    assert second.headers["etag"] == first.headers["etag"]


async def test_saving_a_birthday_by_name_changes_the_accounts_etag(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    known = await read_tag(client, "/users/me", zoe)
    await client.put("/hello/zoe", json=BORN, headers=zoe.headers)
    answer = await client.patch(
        "/users/me", json={"date_of_birth": None}, headers=with_conditions(zoe, if_match=known)
    )
    problem(answer, 412, "stale")


@pytest.mark.parametrize("path", ["/users/019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f", "/tasks/none"])
async def test_if_match_of_a_missing_resource_is_412(
    client: httpx2.AsyncClient, sign_up: SignUp, path: str
) -> None:
    admin = await sign_up("ada", is_superuser=True)
    answer = await client.delete(path, headers=with_conditions(admin, if_match="*"))
    assert "does not exist" in problem(answer, 412, "stale")["detail"]
    answer = await client.delete(path, headers=with_conditions(admin, if_match=STALE))
    assert answer.status_code == 404
    answer = await client.delete(path, headers=admin.headers)
    assert answer.status_code == 404


async def test_a_malformed_precondition_is_400(client: httpx2.AsyncClient, zoe: Person) -> None:
    for method, path in [
        ("PATCH", "/users/me"),
        ("DELETE", "/users/me"),
        ("DELETE", "/hello/zoe"),
        ("DELETE", "/tasks/one"),
        ("POST", "/tasks/one/retry"),
    ]:
        body: dict[str, str] | None = {} if method == "PATCH" else None
        answer = await client.request(
            method, path, json=body, headers=with_conditions(zoe, if_match="7")
        )
        problem(answer, 400, "malformed_condition")


async def test_the_etag_of_a_task_changes_with_it(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    created = await client.post("/tasks", json={"task_id": "one", "data": {}}, headers=zoe.headers)
    known = created.headers["etag"]
    assert await read_tag(client, "/tasks/one", zoe) == known
    answer = await client.get("/tasks/one", headers=with_conditions(zoe, if_none_match=known))
    assert (answer.status_code, answer.content) == (304, b"")
    set_status(store, created.json(), TaskStatus.RUNNING)
    assert await read_tag(client, "/tasks/one", zoe) != known


async def test_a_task_is_cancelled_only_at_the_known_version(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    task = await create_task(client, zoe, task_id="one")
    known = await read_tag(client, "/tasks/one", zoe)
    set_status(store, task, TaskStatus.SUCCEEDED)
    answer = await client.delete("/tasks/one", headers=with_conditions(zoe, if_match=known))
    problem(answer, 412, "stale")
    known = await read_tag(client, "/tasks/one", zoe)
    answer = await client.delete("/tasks/one", headers=with_conditions(zoe, if_match=known))
    assert answer.status_code == 204


async def test_a_task_is_retried_only_at_the_known_version(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    task = await create_task(client, zoe, task_id="one")
    set_status(store, task, TaskStatus.DEAD)
    answer = await client.post("/tasks/one/retry", headers=with_conditions(zoe, if_match=STALE))
    problem(answer, 412, "stale")
    known = await read_tag(client, "/tasks/one", zoe)
    answer = await client.post("/tasks/one/retry", headers=with_conditions(zoe, if_match=known))
    assert answer.status_code == 202
    assert answer.headers["etag"] == await read_tag(client, "/tasks/one", zoe)


async def test_if_none_match_only_creates_a_birthday(client: httpx2.AsyncClient) -> None:
    create = {"If-None-Match": "*"}
    assert (await client.put("/hello/Zoe", json=BORN, headers=create)).status_code == 204
    problem(await client.put("/hello/ZOE", json=LATER, headers=create), 412, "stale")
    assert (await client.put("/hello/Zoe", json=LATER)).status_code == 204


async def test_if_match_only_replaces_a_birthday(client: httpx2.AsyncClient) -> None:
    replace = {"If-Match": "*"}
    problem(await client.put("/hello/Zoe", json=BORN, headers=replace), 412, "stale")
    assert (await client.get("/hello/Zoe")).status_code == 404
    assert (await client.put("/hello/Zoe", json=BORN)).status_code == 204
    assert (await client.put("/hello/Zoe", json=LATER, headers=replace)).status_code == 204
    unknown = {"If-Match": '"x", ""'}
    problem(await client.put("/hello/Zoe", json=BORN, headers=unknown), 412, "stale")


async def test_an_accounts_birthday_is_created_and_deleted_once(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    create = with_conditions(zoe, if_none_match="*")
    assert (await client.put("/hello/zoe", json=BORN, headers=create)).status_code == 204
    problem(await client.put("/hello/zoe", json=BORN, headers=create), 412, "stale")
    problem(await client.delete("/hello/zoe", headers=create), 412, "stale")
    remove = with_conditions(zoe, if_match="*")
    assert (await client.delete("/hello/zoe", headers=remove)).status_code == 204
    problem(await client.delete("/hello/zoe", headers=remove), 412, "stale")


async def test_preconditions_do_not_bypass_the_rights_on_a_username(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    answer = await client.put("/hello/zoe", json=BORN, headers={"If-None-Match": "*"})
    problem(answer, 401, "not_authenticated")
    await client.put("/hello/zoe", json=BORN, headers=zoe.headers)
    answer = await client.put("/hello/zoe", json=LATER, headers={"If-Match": "*"})
    problem(answer, 401, "not_authenticated")
