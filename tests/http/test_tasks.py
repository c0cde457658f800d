"""Tasks over HTTP: creation and reading."""

import httpx2
import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.tasks.task import TaskStatus
from tests.conftest import Person, SignUp
from tests.fakes.store import FakeStore
from tests.http.refusals import pointers, problem
from tests.http.task_calls import create_task, post_task, set_status

MOMENT = "2026-11-20T09:00:00Z"


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
async def eve(sign_up: SignUp) -> Person:
    return await sign_up("eve")


async def test_a_new_task_is_returned_with_its_location(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    response = await post_task(client, zoe, task_id="order:4711", priority=0)
    task = response.json()
    assert response.status_code == 202
    assert response.headers["location"] == f"/api/tasks/{task['id']}"
    assert task == {
        "id": task["id"],
        "task_id": "order:4711",
        "owner_id": str(zoe.user.id),
        "kind": "echo",
        "data": {"n": 1},
        "priority": 0,
        "status": "queued",
        "attempts": 0,
        "max_attempts": 10,
        "run_at": MOMENT,
        "progress": None,
        "result": None,
        "error": None,
        "cancel_requested": False,
        "created_at": MOMENT,
        "started_at": None,
        "finished_at": None,
    }


async def test_a_task_is_found_by_its_id_and_by_its_own_name(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    task = (await post_task(client, zoe, task_id="order:4711")).json()
    for name in (task["id"], "order:4711"):
        found = await client.get(f"/tasks/{name}", headers=zoe.headers)
        assert (found.status_code, found.json()) == (200, task)


@pytest.mark.parametrize("mount", ["", "/api", "/v1/api"])
async def test_the_location_is_below_the_requested_mount(
    client: httpx2.AsyncClient, zoe: Person, mount: str
) -> None:
    url = f"http://api.test{mount}/tasks"
    response = await client.post(url, json={"data": {}}, headers=zoe.headers)
    location, task = response.headers["location"], response.json()
    assert (location, task["task_id"]) == (f"{mount}/tasks/{task['id']}", task["id"])
    found = await client.get(f"http://api.test{location}", headers=zoe.headers)
    assert found.json() == task


async def test_a_repeated_request_returns_the_same_task_in_any_state(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    task = await create_task(client, zoe, task_id="x")
    set_status(store, task, TaskStatus.SUCCEEDED)
    again = await post_task(client, zoe, task_id="x")
    assert (again.status_code, again.json()["id"]) == (202, task["id"])
    assert again.json()["status"] == "succeeded"
    assert again.headers["location"].endswith(task["id"])
    problem(await post_task(client, zoe, task_id="x", data={}), 409, "task_id_taken")


@pytest.mark.parametrize(
    "run_at", ["2026-11-20T10:00:00Z", "2026-11-20t11:00:00.000+01:00", "2026-11-20 09:00:00-01:00"]
)
async def test_run_at_is_converted_to_utc(
    client: httpx2.AsyncClient, zoe: Person, run_at: str
) -> None:
    assert (await create_task(client, zoe, run_at=run_at))["run_at"] == "2026-11-20T10:00:00Z"


@pytest.mark.parametrize("run_at", ["0001-01-01T00:00:00+14:00", "2026-11-20T08:59:59Z"])
async def test_a_past_run_at_is_now(client: httpx2.AsyncClient, zoe: Person, run_at: str) -> None:
    assert (await create_task(client, zoe, run_at=run_at))["run_at"] == MOMENT


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"task_id": ""}, "#/task_id"),
        ({"task_id": "a b"}, "#/task_id"),
        ({"task_id": "a\n"}, "#/task_id"),
        ({"task_id": "\u00e9"}, "#/task_id"),
        ({"task_id": "x" * 129}, "#/task_id"),
        ({"kind": 7}, "#/kind"),
        ({"data": None}, "#/data"),
        ({"data": []}, "#/data"),
        ({"data": {"a": ["\0"]}}, "#/data/a/0"),
        ({"priority": 10}, "#/priority"),
        ({"priority": -1}, "#/priority"),
        ({"priority": True}, "#/priority"),
        ({"priority": "5"}, "#/priority"),
        ({"run_at": "2026-11-20T10:00:00"}, "#/run_at"),
        ({"run_at": "1795168800"}, "#/run_at"),
        ({"run_at": 1795168800}, "#/run_at"),
        ({"run_at": "2026-11-31T10:00:00Z"}, "#/run_at"),
        ({"run_at": "tomorrow"}, "#/run_at"),
        ({"status": "succeeded"}, "#/status"),
    ],
)
async def test_an_invalid_task_is_not_stored(
    client: httpx2.AsyncClient,
    zoe: Person,
    store: FakeStore,
    body: dict[str, object],
    pointer: str,
) -> None:
    before = dict(store.tasks)
    assert pointers(await post_task(client, zoe, **body)) == {pointer}
    assert store.tasks == before


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"kind": "nothing"}, "unknown_kind", "#/kind"),
        ({"data": {"x": "y" * 65_529}}, "payload_too_large", "#/data"),
        ({"run_at": "2032-11-20T10:00:00Z"}, "invalid_run_at", "#/run_at"),
        ({"run_at": "9999-12-31T23:59:59-14:00"}, "invalid_run_at", "#/run_at"),
    ],
)
async def test_a_task_that_the_domain_refuses_has_a_pointer(
    client: httpx2.AsyncClient, zoe: Person, body: dict[str, object], code: str, pointer: str
) -> None:
    assert pointers(await post_task(client, zoe, **body), 422, code) == {pointer}


async def test_data_is_required_and_may_be_any_object(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    response = await client.post("/tasks", json={}, headers=zoe.headers)
    assert pointers(response) == {"#/data"}
    data = {"big": 2**63 - 1, "e": 1.5e300, "\u00fc": {"": [None, False, "\U0001f389"]}}
    assert (await create_task(client, zoe, data=data))["data"] == data
    largest = {"x": "\u00e9" * 32_764}
    assert (await create_task(client, zoe, data=largest))["data"] == largest


async def test_too_many_live_tasks_are_429_with_retry_after(
    client: httpx2.AsyncClient, zoe: Person, eve: Person
) -> None:
    for n in range(10):
        await create_task(client, zoe, task_id=str(n))
    refused = await post_task(client, zoe)
    problem(refused, 429, "too_many_tasks")
    assert int(refused.headers["retry-after"]) > 0
    await create_task(client, zoe, task_id="3")
    await create_task(client, eve)


async def test_check_34_another_users_task_is_indistinguishable_from_a_missing_one(
    client: httpx2.AsyncClient, zoe: Person, eve: Person, store: FakeStore
) -> None:
    task = await create_task(client, zoe)
    set_status(store, task, TaskStatus.DEAD)
    headers = {**eve.headers, "X-Request-ID": "same"}
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/retry")):
        url = f"/tasks/{task['id']}{path}"
        theirs = await client.request(method, url, headers=headers)
        stored = dict(store.tasks)
        store.tasks.clear()
        missing = await client.request(method, url, headers=headers)
        store.tasks.update(stored)
        problem(theirs, 404, "task_not_found")
        assert (theirs.content, theirs.headers) == (missing.content, missing.headers)


@pytest.mark.parametrize("name", ["a%20b", "a%2Fb", "x" * 129, "%C3%A9"])
async def test_a_path_without_a_valid_task_name_is_not_found(
    client: httpx2.AsyncClient, zoe: Person, name: str
) -> None:
    problem(await client.get(f"/tasks/{name}", headers=zoe.headers), 404, "path_not_found")


async def test_head_and_options_of_tasks(client: httpx2.AsyncClient, zoe: Person) -> None:
    task = await create_task(client, zoe)
    answer = await client.head(f"/tasks/{task['id']}", headers=zoe.headers)
    assert (answer.status_code, answer.content) == (200, b"")
    options = await client.options(f"/tasks/{new_id()}")
    assert options.headers["allow"] == "DELETE, GET, HEAD, OPTIONS"
    assert (await client.options("/tasks")).headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_deleting_an_account_deletes_its_tasks_over_http(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    await create_task(client, zoe)
    assert (await client.delete("/users/me", headers=zoe.headers)).status_code == 204
    assert store.tasks == {}
