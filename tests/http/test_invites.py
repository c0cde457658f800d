"""Invites over HTTP: sending, accepting, revoking, and what strangers learn."""

import asyncio
from typing import Any

import httpx2
import pytest

from jubilee.domain.identity import OPERATOR
from jubilee.domain.one_time.secrets import LinkSecrets, readable
from jubilee.domain.scopes import USER_RIGHTS
from jubilee.domain.services import Services
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.mail_worker import FakeMailWorker
from tests.fakes.roles import SUPPORT_RIGHTS
from tests.fakes.store import FakeClock, FakeStore
from tests.http.refusals import problem

SECRETS = LinkSecrets(b"l" * 32)


@pytest.fixture
async def admin(sign_up: SignUp) -> Person:
    return await sign_up("ada", is_superuser=True)


async def invite(
    client: httpx2.AsyncClient, by: Person, email: str = "zoe@example.com", **more: str
) -> dict[str, Any]:
    body = {"email": email, "role": "user", **more}
    answer = await client.post("/invites", json=body, headers=by.headers)
    assert answer.status_code == 201, answer.text
    reply: dict[str, Any] = answer.json()
    return reply


def mailed(store: FakeStore) -> str:
    """Return the token that the mail of the only invite contains."""
    return mailed_secrets(store)[0]


def mailed_secrets(store: FakeStore) -> tuple[str, str]:
    """Return token and code of the mail of the only invite."""
    [pending] = store.invites.values()
    return SECRETS.reveal(pending)


async def accept(client: httpx2.AsyncClient, token: str, **more: str) -> httpx2.Response:
    body = {"token": token, "password": PASSWORD, **more}
    return await client.post("/invites/accept", json=body)


async def accept_by_code(
    client: httpx2.AsyncClient, code: str, email: str = "zoe@example.com"
) -> httpx2.Response:
    body = {"email": email, "code": code, "password": PASSWORD}
    return await client.post("/invites/accept", json=body)


async def test_an_invite_is_mailed_and_makes_a_verified_account_with_its_role(
    client: httpx2.AsyncClient, admin: Person, services: Services, store: FakeStore
) -> None:
    sent = await invite(client, admin, role="support")
    assert [job.data for job in store.jobs if job.kind == "email.invite"] == [
        {"invite_id": sent["id"]}
    ]
    made = await accept(client, mailed(store), username="zoe")
    assert made.status_code == 201
    [zoe] = [user for user in store.users.values() if user.username == "zoe"]
    assert (zoe.email, zoe.email_verified) == ("zoe@example.com", True)
    roles = await services.roles.get(zoe.id, by=OPERATOR)
    assert roles.rights == USER_RIGHTS | SUPPORT_RIGHTS
    changed = [entry for entry in store.audit if entry.event == "role_changed"][-1]
    assert (changed.actor_id, changed.subject_id) == (admin.user.id, zoe.id)
    assert changed.details == {"role": "support"}
    accepted = [entry.actor_id for entry in store.audit if entry.event == "invite_accepted"]
    assert accepted == [zoe.id]
    login = {"username": "zoe", "password": PASSWORD}
    assert (await client.post("/auth/token", data=login)).status_code == 200


async def test_check_14_an_invite_is_accepted_once_even_by_ten_at_a_time(
    client: httpx2.AsyncClient, admin: Person, store: FakeStore
) -> None:
    await invite(client, admin)
    token = mailed(store)
    answers = await asyncio.gather(*(accept(client, token) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201, *[400] * 9]
    problem(await accept(client, token), 400, "invalid_invite")
    assert len(store.users) == 2


async def test_check_14_an_expired_revoked_or_replaced_invite_is_refused(
    client: httpx2.AsyncClient, admin: Person, store: FakeStore, clock: FakeClock
) -> None:
    await invite(client, admin)
    first = mailed(store)
    second = await invite(client, admin)
    problem(await accept(client, first), 400, "invalid_invite")
    token = mailed(store)
    path = f"/invites/{second['id']}"
    assert (await client.delete(path, headers=admin.headers)).status_code == 204
    assert (store.audit[-1].event, store.audit[-1].actor_id) == ("invite_revoked", admin.user.id)
    problem(await client.delete(path, headers=admin.headers), 404, "invite_not_found")
    problem(await accept(client, token), 400, "invalid_invite")
    await invite(client, admin)
    clock.tick(days=7)
    problem(await accept(client, mailed(store)), 400, "invalid_invite")


async def test_an_invite_is_accepted_once_by_its_code_with_the_address_of_the_mail(
    client: httpx2.AsyncClient, admin: Person, store: FakeStore
) -> None:
    await invite(client, admin)
    token, code = mailed_secrets(store)
    problem(await accept_by_code(client, code, "max@example.com"), 400, "invalid_invite")
    assert (await accept_by_code(client, readable(code).lower())).status_code == 201
    problem(await accept_by_code(client, code), 400, "invalid_invite")
    problem(await accept(client, token), 400, "invalid_invite")


async def test_the_mail_of_an_invite_has_link_and_code_in_the_language_of_the_inviter(
    client: httpx2.AsyncClient, sign_up: SignUp, mails: FakeMailWorker
) -> None:
    ada = await sign_up("ada", is_superuser=True, locale="de")
    await invite(client, ada)
    link = await mails.link()
    assert mails.subjects[-1] == ("zoe@example.com", "Sie sind zu Jubilee eingeladen")
    assert link.page == "accept-invite"
    assert (await accept_by_code(client, link.code)).status_code == 201
    problem(await accept(client, link.token), 400, "invalid_invite")


@pytest.mark.parametrize("email", ["zoe@example.com", "max@example.com"])
async def test_check_14_ten_wrong_codes_lock_an_address_that_is_invited_or_not(
    client: httpx2.AsyncClient, admin: Person, store: FakeStore, email: str
) -> None:
    await invite(client, admin)
    token, code = mailed_secrets(store)
    for _ in range(10):
        problem(await accept_by_code(client, "AAAA-AAAA", email), 400, "invalid_invite")
    problem(await accept_by_code(client, code, email), 429, "too_many_attempts")
    refused = [entry for entry in store.audit if entry.event == "mail_code_refused"]
    assert [entry.details["reason"] for entry in refused] == ["invite"] * 10
    assert (await accept(client, token)).status_code == 201


async def test_an_invite_ends_with_the_rights_of_the_account_that_sent_it(
    client: httpx2.AsyncClient, sign_up: SignUp, admin: Person, services: Services, store: FakeStore
) -> None:
    eve = await sign_up("eve", is_superuser=True)
    await invite(client, eve, role="admin")
    await services.roles.put(eve.user.id, [], by=admin.principal)
    problem(await accept(client, mailed(store)), 400, "invalid_invite")


async def test_a_taken_address_is_told_to_the_inviters_audit_alone(
    client: httpx2.AsyncClient, sign_up: SignUp, admin: Person, store: FakeStore
) -> None:
    await sign_up("max")
    free = await invite(client, admin)
    taken = await invite(client, admin, "max@example.com")
    assert free.keys() == taken.keys()
    sent = [entry for entry in store.audit if entry.event == "invite_sent"]
    assert [entry.details.get("reason") for entry in sent] == [None, "address_taken"]
    assert {entry.subject_id for entry in sent} == {admin.user.id}


async def test_an_address_that_was_taken_since_uses_the_invite_up(
    client: httpx2.AsyncClient, sign_up: SignUp, admin: Person, store: FakeStore
) -> None:
    await invite(client, admin)
    token = mailed(store)
    await sign_up("zoe")
    problem(await accept(client, token), 409, "email_taken")
    assert store.audit[-1].details["reason"] == "address_taken"
    problem(await accept(client, token), 400, "invalid_invite")


async def test_a_refused_name_or_password_leaves_the_invite_usable(
    client: httpx2.AsyncClient, admin: Person, store: FakeStore
) -> None:
    await invite(client, admin)
    token = mailed(store)
    problem(await accept(client, token, username="ada"), 409, "username_taken")
    problem(await accept(client, token, password="short"), 422, "password_too_short")
    assert (await accept(client, token)).status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"role": "root"}, 422, "unknown_role"),
        ({"expires": "2026-11-20T08:59:59Z"}, 422, "invite_expiry_out_of_range"),
        ({"expires": "2026-12-20T09:00:01Z"}, 422, "invite_expiry_out_of_range"),
    ],
)
async def test_a_bad_invite_is_refused(
    client: httpx2.AsyncClient, admin: Person, body: dict[str, str], status: int, code: str
) -> None:
    whole = {"email": "zoe@example.com", "role": "user", **body}
    problem(await client.post("/invites", json=whole, headers=admin.headers), status, code)


async def test_pending_invites_are_listed_without_their_tokens(
    client: httpx2.AsyncClient, admin: Person, store: FakeStore
) -> None:
    sent = await invite(client, admin)
    page = (await client.get("/invites", headers=admin.headers)).json()
    assert page == {"items": [sent], "next_cursor": None}
    assert mailed(store) not in str(page)


async def test_the_number_of_pending_invites_of_an_account_is_limited(
    client: httpx2.AsyncClient, admin: Person
) -> None:
    for number in range(100):
        await invite(client, admin, f"u{number}@example.com")
    body = {"email": "zoe@example.com", "role": "user"}
    answer = await client.post("/invites", json=body, headers=admin.headers)
    problem(answer, 429, "too_many_invites")


async def test_the_mailed_page_changes_nothing_until_its_form_is_sent(
    client: httpx2.AsyncClient, admin: Person, store: FakeStore
) -> None:
    await invite(client, admin)
    token = mailed(store)
    page = await client.get("/account/accept-invite", params={"token": token})
    assert (page.status_code, token in page.text, len(store.users)) == (200, True, 1)
    form = {"token": token, "username": "zoe", "password": PASSWORD}
    answers = [await client.post("/account/accept-invite", data=form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 400]
    assert 'name="code"' in answers[1].text
    assert len(store.users) == 2
