"""Tasks over HTTP: lists, waiting, cancellation, retries."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic
from uuid import UUID

import httpx2
import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.services import Services
from jubilee.domain.tasks.task import TaskStatus
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.framework.context import BodyLimits, InFlightRequests
from tests.conftest import Person, SignUp
from tests.fakes.store import FakeStore
from tests.http.refusals import pointers, problem
from tests.http.task_calls import create_task, set_status

MOMENT = "2026-11-20T09:00:00Z"


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
async def eve(sign_up: SignUp) -> Person:
    return await sign_up("eve")


async def test_a_list_has_the_callers_tasks_and_for_admins_all(
    client: httpx2.AsyncClient, zoe: Person, eve: Person, sign_up: SignUp, store: FakeStore
) -> None:
    admin = await sign_up("ada", is_superuser=True)
    first, second = await create_task(client, zoe), await create_task(client, zoe)
    theirs = await create_task(client, eve)
    set_status(store, first, TaskStatus.DEAD)
    assert await list_ids(client, zoe) == [second["id"], first["id"]]
    assert await list_ids(client, eve) == [theirs["id"]]
    assert await list_ids(client, admin, kind="echo") == [theirs["id"], second["id"], first["id"]]
    assert await list_ids(client, zoe, status="dead") == [first["id"]]
    queued = await list_ids(client, admin, status="queued", kind="echo")
    assert queued == [theirs["id"], second["id"]]
    assert await list_ids(client, zoe, kind="echo", status="dead") == [first["id"]]
    assert await list_ids(client, zoe, kind="other") == []


async def list_ids(client: httpx2.AsyncClient, by: Person, **query: str) -> list[str]:
    """Return the ids of the tasks of all pages."""
    found, params = [], {**query, "limit": "2"}
    while True:
        response = await client.get("/tasks", params=params, headers=by.headers)
        assert response.status_code == 200, response.text
        page = response.json()
        found += [task["id"] for task in page["items"]]
        assert ("link" in response.headers) == (page["next_cursor"] is not None)
        if page["next_cursor"] is None:
            return found
        params["cursor"] = page["next_cursor"]


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/tasks?status=waiting", "query/status"),
        ("/tasks?kind=", "query/kind"),
        ("/tasks?owner=x", "query/owner"),
        ("/tasks/x?wait=61", "query/wait"),
        ("/tasks/x?wait=-1", "query/wait"),
        ("/tasks/x?wait=nan", "query/wait"),
        ("/tasks/x?wait=long", "query/wait"),
    ],
)
async def test_an_invalid_query_is_refused(
    client: httpx2.AsyncClient, zoe: Person, path: str, pointer: str
) -> None:
    assert pointers(await client.get(path, headers=zoe.headers)) == {pointer}


async def test_a_wait_ends_with_the_task(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    task = await create_task(client, zoe)
    url = f"/tasks/{task['id']}"
    wait = asyncio.create_task(client.get(url, params={"wait": "20"}, headers=zoe.headers))
    await asyncio.sleep(0.05)
    assert not wait.done()
    set_status(store, task, TaskStatus.SUCCEEDED)
    answer = await asyncio.wait_for(wait, 15)
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")


async def test_a_wait_times_out(client: httpx2.AsyncClient, zoe: Person) -> None:
    task = await create_task(client, zoe)
    began = monotonic()
    answer = await client.get(f"/tasks/{task['id']}?wait=0.1", headers=zoe.headers)
    assert 0.1 <= monotonic() - began < 15
    assert (answer.status_code, answer.json()) == (200, task)


async def test_a_task_deleted_during_a_wait_is_not_found(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    task = await create_task(client, zoe)
    url = f"/tasks/{task['id']}?wait=20"
    wait = asyncio.create_task(client.get(url, headers=zoe.headers))
    await asyncio.sleep(0.05)
    store.tasks.clear()
    problem(await asyncio.wait_for(wait, 15), 404, "task_not_found")


@pytest.fixture
def in_flight() -> InFlightRequests:
    return InFlightRequests()


@pytest.fixture
async def draining(
    services: Services, in_flight: InFlightRequests
) -> AsyncIterator[httpx2.AsyncClient]:
    """Client of an API that a test can drain."""
    options = HttpOptions(limits=BodyLimits(1 << 20, 5), cursor_keys=(b"c" * 32,))
    transport = httpx2.ASGITransport(build_app(services, options, in_flight))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


async def test_a_waiting_request_is_answered_when_the_service_drains(
    draining: httpx2.AsyncClient, in_flight: InFlightRequests, zoe: Person
) -> None:
    task = await create_task(draining, zoe)
    url = f"/tasks/{task['id']}?wait=60"
    waits = [asyncio.create_task(draining.get(url, headers=zoe.headers)) for _ in range(3)]
    await asyncio.sleep(0.05)
    await asyncio.wait_for(in_flight.drain(60, until=lambda: False), 15)
    for answer in await asyncio.wait_for(asyncio.gather(*waits), 15):
        assert (answer.status_code, answer.json()) == (200, task)
    late = await asyncio.wait_for(draining.get(url, headers=zoe.headers), 15)
    assert late.json() == task


async def test_deleting_a_task_cancels_stops_or_removes_it_by_its_status(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    queued, running = (
        await create_task(client, zoe, task_id="waits"),
        await create_task(client, zoe, task_id="runs"),
    )
    set_status(store, running, TaskStatus.RUNNING)
    answer = await client.delete("/tasks/waits", headers=zoe.headers)
    assert (answer.status_code, answer.content) == (204, b"")
    found = (await client.get("/tasks/waits", headers=zoe.headers)).json()
    assert found == {**queued, "status": "cancelled", "finished_at": MOMENT}
    answer = await client.delete("/tasks/runs", headers=zoe.headers)
    assert answer.status_code == 202
    assert answer.json() == {**running, "status": "running", "cancel_requested": True}
    assert (await client.delete("/tasks/waits", headers=zoe.headers)).status_code == 204
    problem(await client.delete("/tasks/waits", headers=zoe.headers), 404, "task_not_found")
    assert await list_ids(client, zoe) == [running["id"]]


async def test_only_a_dead_task_is_retried(
    client: httpx2.AsyncClient, zoe: Person, store: FakeStore
) -> None:
    task = await create_task(client, zoe, task_id="x")
    for status in TaskStatus:
        set_status(store, task, status)
        answer = await client.post("/tasks/x/retry", headers=zoe.headers)
        if status is TaskStatus.DEAD:
            assert (answer.status_code, answer.json()) == (202, task)
        else:
            problem(answer, 409, "not_dead")


async def test_an_admin_gets_any_task_by_its_id(
    client: httpx2.AsyncClient, zoe: Person, sign_up: SignUp, store: FakeStore
) -> None:
    admin = await sign_up("ada", is_superuser=True)
    task = await create_task(client, zoe, task_id="x")
    url = f"/tasks/{task['id']}"
    assert (await client.get(url, headers=admin.headers)).json() == task
    problem(await client.get("/tasks/x", headers=admin.headers), 404, "task_not_found")
    set_status(store, task, TaskStatus.DEAD)
    assert (await client.post(f"{url}/retry", headers=admin.headers)).status_code == 202
    assert (await client.delete(url, headers=admin.headers)).status_code == 204
    assert store.tasks[UUID(task["id"])].status is TaskStatus.CANCELLED


async def add_unowned(store: FakeStore, kind: str = "email.greeting", **data: object) -> str:
    """Add a job without an owner and return its id."""
    job = NewJob(id=new_id(), kind=kind, data=data)
    async with store.transaction() as tx:
        await tx.jobs.add(job)
    return str(job.id)


async def test_an_admin_lists_unowned_tasks(
    client: httpx2.AsyncClient, zoe: Person, sign_up: SignUp, store: FakeStore
) -> None:
    admin = await sign_up("ada", is_superuser=True)
    welcome_mails = await list_ids(client, admin, owner="none")
    job, task = await add_unowned(store), await create_task(client, zoe)
    assert len(welcome_mails) == 2
    assert await list_ids(client, admin) == [task["id"], job, *welcome_mails]
    assert await list_ids(client, admin, owner="none") == [job, *welcome_mails]
    assert await list_ids(client, admin, owner="none", kind="email.greeting") == [job]
    assert await list_ids(client, admin, owner="none", status="dead") == []
    assert await list_ids(client, admin, owner=str(zoe.user.id)) == [task["id"]]
    found = (await client.get(f"/tasks/{job}", headers=admin.headers)).json()
    assert (found["id"], found["task_id"], found["owner_id"]) == (job, job, None)


async def test_an_admin_retries_cancels_and_discards_an_unowned_task(
    client: httpx2.AsyncClient, sign_up: SignUp, store: FakeStore
) -> None:
    admin = await sign_up("ada", is_superuser=True)
    job = await add_unowned(store)
    set_status(store, {"id": job}, TaskStatus.DEAD)
    again = await client.post(f"/tasks/{job}/retry", headers=admin.headers)
    assert (again.status_code, again.json()["status"]) == (202, "queued")
    for status in ("cancelled", None):
        assert (await client.delete(f"/tasks/{job}", headers=admin.headers)).status_code == 204
        found = await client.get(f"/tasks/{job}", headers=admin.headers)
        assert found.json().get("status") == (status or 404)


async def test_unowned_tasks_are_hidden_from_plain_accounts(
    client: httpx2.AsyncClient, zoe: Person, eve: Person, store: FakeStore
) -> None:
    job = await add_unowned(store)
    before = dict(store.tasks)
    assert await list_ids(client, zoe, owner=str(zoe.user.id)) == []
    for owner in ("none", str(eve.user.id)):
        answer = await client.get("/tasks", params={"owner": owner}, headers=zoe.headers)
        problem(answer, 403, "not_allowed")
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/retry")):
        answer = await client.request(method, f"/tasks/{job}{path}", headers=zoe.headers)
        problem(answer, 404, "task_not_found")
    assert store.tasks == before
