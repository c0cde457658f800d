"""Leaving over HTTP: exports, deletion with grace, and the way back."""

from datetime import timedelta

import httpx2
import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.leaving.export import Export
from jubilee.domain.one_time.issuing import LinkIssuer
from jubilee.domain.one_time.link import LinkPurpose
from jubilee.domain.services import Services
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.leaving import StoredExport
from tests.fakes.mail_worker import FakeMailWorker
from tests.fakes.store import START, FakeClock, FakeStore
from tests.http.refusals import problem

CREDENTIALS = {"username": "zoe", "password": PASSWORD}


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


async def test_an_export_is_a_task_of_its_account(client: httpx2.AsyncClient, zoe: Person) -> None:
    answer = await client.post("/users/me/export", headers=zoe.headers)
    assert answer.status_code == 202
    task = await client.get(answer.headers["location"].removeprefix("/api"), headers=zoe.headers)
    assert task.json() == answer.json()
    assert (task.json()["kind"], task.json()["status"]) == ("account.export", "queued")
    again = await client.post("/users/me/export", headers=zoe.headers)
    assert again.json()["id"] == task.json()["id"]


async def test_clients_cannot_create_an_export_as_another_task(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    body = {"kind": "account.export", "data": {}}
    answer = await client.post("/tasks", json=body, headers=zoe.headers)
    assert answer.status_code in {403, 422}


async def test_check_45_an_archive_is_downloaded_by_its_owner_alone(
    client: httpx2.AsyncClient, services: Services, zoe: Person, sign_up: SignUp, store: FakeStore
) -> None:
    max_, chunks = await sign_up("max"), (b"PK first", b"second")
    export = Export(zoe.user.id, zoe.user.id, 14, 2, START + timedelta(days=7))
    sealed = {n: services.exports.cipher.seal(export.id, n, c) for n, c in enumerate(chunks)}
    store.exports[export.id] = StoredExport(export, sealed)
    answer = await client.get("/users/me/export", headers=zoe.headers)
    assert (answer.status_code, answer.content) == (200, b"".join(chunks))
    assert answer.headers["content-type"] == "application/zip"
    octets = {**zoe.headers, "Accept": "application/octet-stream"}
    answer = await client.get("/users/me/export", headers=octets)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.content == b"".join(chunks)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == 'attachment; filename="account.zip"'
    head = await client.head("/users/me/export", headers=zoe.headers)
    assert (head.headers["content-length"], head.content) == ("14", b"")
    problem(await client.get("/users/me/export", headers=max_.headers), 404, "export_not_found")


async def test_a_deletion_with_grace_is_202_and_can_be_undone(
    client: httpx2.AsyncClient, services: Services, zoe: Person
) -> None:
    object.__setattr__(services.deletions, "grace", timedelta(days=30))
    answer = await client.delete("/users/me", headers=zoe.headers)
    assert (answer.status_code, answer.json()) == (202, {"due_at": "2026-12-20T09:00:00Z"})
    problem(await client.get("/users/me", headers=zoe.headers), 401, "invalid_token")
    problem(await client.post("/auth/login", json=CREDENTIALS), 400, "invalid_grant")
    restored = await client.post("/users/me/restore", json=CREDENTIALS)
    assert (restored.status_code, restored.content) == (204, b"")
    assert (await client.post("/auth/login", json=CREDENTIALS)).status_code == 200
    problem(await client.post("/users/me/restore", json=CREDENTIALS), 400, "invalid_grant")


async def test_a_deletion_is_undone_on_the_page_that_its_mail_links_to(
    client: httpx2.AsyncClient, services: Services, zoe: Person
) -> None:
    object.__setattr__(services.deletions, "grace", timedelta(days=30))
    await client.delete("/users/me", headers=zoe.headers)
    wrong = await client.post("/account/restore", data={**CREDENTIALS, "password": "wrong"})
    assert (wrong.status_code, 'role="alert"' in wrong.text) == (400, True)
    answer = await client.post("/account/restore", data=CREDENTIALS)
    assert (answer.status_code, "Account kept" in answer.text) == (200, True)
    assert (await client.post("/auth/login", json=CREDENTIALS)).status_code == 200


async def test_a_deletion_is_undone_by_the_code_of_its_mail(
    client: httpx2.AsyncClient, services: Services, zoe: Person, mails: FakeMailWorker
) -> None:
    object.__setattr__(services.deletions, "grace", timedelta(days=30))
    await client.delete("/users/me", headers=zoe.headers)
    body = {"email": "zoe@example.com", "code": (await mails.link()).code}
    wrong = await client.post("/users/me/restore", json={**body, "code": "K7QM-3XWT"})
    problem(wrong, 400, "invalid_link")
    restored = await client.post("/users/me/restore", json=body)
    assert (restored.status_code, restored.content) == (204, b"")
    problem(await client.post("/users/me/restore", json=body), 400, "invalid_link")


@pytest.mark.parametrize("more", [{"token": "x"}, {"email": "zoe@example.com"}])
async def test_a_restoration_takes_one_proof(
    client: httpx2.AsyncClient, more: dict[str, str]
) -> None:
    answer = await client.post("/users/me/restore", json={**CREDENTIALS, **more})
    problem(answer, 422, "invalid_request")


async def test_check_14_opening_the_link_of_a_deletion_changes_nothing_and_its_form_restores_once(
    client: httpx2.AsyncClient, services: Services, zoe: Person, mails: FakeMailWorker
) -> None:
    object.__setattr__(services.deletions, "grace", timedelta(days=30))
    await client.delete("/users/me", headers=zoe.headers)
    token = {"token": (await mails.link()).token}
    for _ in range(2):
        page = await client.get("/account/restore", params=token)
        assert (page.status_code, 'name="password"' in page.text) == (200, False)
    answer = await client.post("/account/restore", data=token)
    assert (answer.status_code, "Account kept" in answer.text) == (200, True)
    again = await client.post("/account/restore", data=token)
    assert (again.status_code, 'name="code"' in again.text) == (400, True)


async def test_a_deletion_is_undone_on_its_page_by_address_and_code(
    client: httpx2.AsyncClient, services: Services, zoe: Person, mails: FakeMailWorker
) -> None:
    object.__setattr__(services.deletions, "grace", timedelta(days=30))
    await client.delete("/users/me", headers=zoe.headers)
    form = {"username": "zoe@example.com", "code": (await mails.link()).code}
    wrong = await client.post("/account/restore", data={**form, "code": "K7QM-3XWT"})
    assert (wrong.status_code, 'role="alert"' in wrong.text) == (400, True)
    answer = await client.post("/account/restore", data=form)
    assert (answer.status_code, "Account kept" in answer.text) == (200, True)


async def test_without_grace_a_deletion_is_204(client: httpx2.AsyncClient, zoe: Person) -> None:
    answer = await client.delete("/users/me", headers=zoe.headers)
    assert (answer.status_code, answer.content) == (204, b"")
    problem(await client.post("/users/me/restore", json=CREDENTIALS), 400, "invalid_grant")


async def test_check_14_opening_the_link_of_an_export_changes_nothing_and_its_form_works_once(
    client: httpx2.AsyncClient, services: Services, zoe: Person, store: FakeStore, clock: FakeClock
) -> None:
    export = Export(zoe.user.id, zoe.user.id, 2, 1, START + timedelta(days=7))
    sealed = services.exports.cipher.seal(export.id, 0, b"PK")
    store.exports[export.id] = StoredExport(export, {0: sealed})
    secrets = services.exports.prover.secrets
    async with store.transaction() as tx:
        issuer = LinkIssuer(secrets, clock, new_id)
        link = await issuer.issue(tx, LinkPurpose.EXPORT, zoe.user.id, recipient=zoe.user.email)
    token = secrets.reveal(link)[0]
    for _ in range(2):
        page = await client.get("/account/export", params={"token": token})
        assert (page.status_code, page.headers["content-type"][:9]) == (200, "text/html")
    file = await client.post("/account/export", data={"token": token})
    assert (file.status_code, file.content) == (200, b"PK")
    assert file.headers["content-disposition"] == 'attachment; filename="account.zip"'
    again = await client.post("/account/export", data={"token": token})
    assert (again.status_code, again.headers["content-type"][:9]) == (400, "text/html")
