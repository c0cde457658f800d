"""Endpoints of what an account does by mail."""

from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from jubilee.domain.users.user import EmailPolicy, EmailVerification
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.mail_worker import FakeMailWorker
from tests.http.refusals import pointers, problem

NEW_PASSWORD = "an engine of copper"
VOLATILE = {"x-request-id", "date"}
OPTIONAL = pytest.mark.parametrize(
    "email_policy", [EmailPolicy(EmailVerification.OPTIONAL)], ids=["optional"]
)
REQUIRED = pytest.mark.parametrize(
    "email_policy", [EmailPolicy(EmailVerification.REQUIRED)], ids=["required"]
)
HIDDEN = pytest.mark.parametrize(
    "email_policy", [EmailPolicy(EmailVerification.REQUIRED, hides_accounts=True)], ids=["hidden"]
)


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


def comparable(answer: httpx2.Response) -> tuple[int, bytes, Mapping[str, str]]:
    headers = {k: v for k, v in answer.headers.items() if k not in VOLATILE}
    return answer.status_code, answer.content, headers


async def sign_in(client: httpx2.AsyncClient, login: str, password: str) -> httpx2.Response:
    return await client.post("/auth/login", json={"username": login, "password": password})


async def test_a_forgotten_password_is_set_by_the_mailed_link(
    client: httpx2.AsyncClient, zoe: Person, mails: FakeMailWorker
) -> None:
    answer = await client.post("/auth/password/forgot", json={"email": "zoe@example.com"})
    assert answer.status_code == 202
    body = {"token": (await mails.link()).token, "password": NEW_PASSWORD}
    assert (await client.post("/auth/password/reset", json=body)).status_code == 204
    assert (await sign_in(client, "zoe", NEW_PASSWORD)).status_code == 200
    assert (await sign_in(client, "zoe", PASSWORD)).status_code == 400
    assert (await client.get("/users/me", headers=zoe.headers)).status_code == 401
    problem(await client.post("/auth/password/reset", json=body), 400, "invalid_link")


async def test_an_address_is_verified_by_the_mailed_code(
    client: httpx2.AsyncClient, zoe: Person, mails: FakeMailWorker
) -> None:
    address = {"email": "zoe@example.com"}
    await client.post("/auth/verify-email/resend", json=address)
    body = {**address, "code": (await mails.link()).code}
    assert not (await client.get("/users/me", headers=zoe.headers)).json()["email_verified"]
    assert (await client.post("/auth/verify-email", json=body)).status_code == 204
    assert (await client.get("/users/me", headers=zoe.headers)).json()["email_verified"]


@pytest.mark.parametrize("path", ["/auth/password/forgot", "/auth/verify-email/resend"])
async def test_check_8_a_request_for_a_mail_is_answered_alike_for_every_address(
    client: httpx2.AsyncClient, zoe: Person, mails: FakeMailWorker, path: str
) -> None:
    answers = [
        await client.post(path, json={"email": address})
        for address in ("zoe@example.com", "unknown@example.com")
    ]
    assert answers[0].status_code == 202
    assert comparable(answers[0]) == comparable(answers[1])


async def test_check_9_a_change_to_a_taken_address_is_answered_as_to_a_free_one(
    client: httpx2.AsyncClient, zoe: Person, sign_up: SignUp
) -> None:
    await sign_up("max")
    answers = [
        await client.post(
            "/users/me/email",
            json={"email": address, "current_password": PASSWORD},
            headers=zoe.headers,
        )
        for address in ("max@example.com", "free@example.com")
    ]
    assert answers[0].status_code == 202
    assert comparable(answers[0]) == comparable(answers[1])


async def test_an_address_is_changed_confirmed_and_restored(
    client: httpx2.AsyncClient, zoe: Person, mails: FakeMailWorker
) -> None:
    body = {"email": "new@example.com", "current_password": PASSWORD}
    await client.post("/users/me/email", json=body, headers=zoe.headers)
    token = {"token": (await mails.link()).token}
    assert (await client.post("/auth/email/confirm", json=token)).status_code == 204
    me = (await client.get("/users/me", headers=zoe.headers)).json()
    assert (me["email"], me["email_verified"]) == ("new@example.com", True)
    undo = {"token": (await mails.link()).token}
    assert (await client.post("/auth/email/undo", json=undo)).status_code == 204
    assert (await client.get("/users/me", headers=zoe.headers)).status_code == 401
    assert (await sign_in(client, "zoe@example.com", PASSWORD)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": "x", "email": "zoe@example.com", "code": "AAAA-AAAA"},
        {"token": "x", "email": "zoe@example.com"},
        {"email": "zoe@example.com"},
        {"code": "AAAA-AAAA"},
        {"token": ""},
        {"token": "x" * 201},
    ],
)
async def test_a_proof_is_a_token_or_an_address_with_its_code(
    client: httpx2.AsyncClient, body: dict[str, Any]
) -> None:
    problem(await client.post("/auth/verify-email", json=body), 422, "invalid_request")


async def test_a_mail_server_that_is_away_delays_no_request(
    client: httpx2.AsyncClient, zoe: Person, mails: FakeMailWorker
) -> None:
    mails.sender.broken = OSError("no mail server")
    answer = await client.post("/auth/password/forgot", json={"email": "zoe@example.com"})
    assert answer.status_code == 202
    mails.sender.broken = None
    assert (await mails.link()).page == "reset-password"


async def test_the_language_of_the_browser_becomes_that_of_the_account(
    client: httpx2.AsyncClient,
) -> None:
    body = {"email": "max@example.com", "password": PASSWORD}
    german = {"Accept-Language": "de-AT,en;q=0.5"}
    answer = await client.post("/auth/register", json=body, headers=german)
    assert answer.json()["locale"] == "de"
    chosen = {**body, "email": "moe@example.com", "locale": "en"}
    answer = await client.post("/auth/register", json=chosen, headers=german)
    assert answer.json()["locale"] == "en"


async def test_the_language_is_one_that_we_have(client: httpx2.AsyncClient, zoe: Person) -> None:
    for locale, status in (("de", 200), (None, 200), ("fr", 422)):
        answer = await client.patch("/users/me", json={"locale": locale}, headers=zoe.headers)
        assert answer.status_code == status


@OPTIONAL
async def test_an_address_is_changed_only_by_its_confirmation(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    body = {"email": "new@example.com", "current_password": PASSWORD}
    answer = await client.patch("/users/me", json=body, headers=zoe.headers)
    problem(answer, 422, "unconfirmed_email")
    same = {"email": "ZOE@example.com", "current_password": PASSWORD}
    answer = await client.patch("/users/me", json=same, headers=zoe.headers)
    assert answer.status_code == 200


@REQUIRED
async def test_sign_in_is_refused_until_the_address_is_verified(
    client: httpx2.AsyncClient, mails: FakeMailWorker
) -> None:
    body = {"email": "zoe@example.com", "password": PASSWORD}
    await client.post("/auth/register", json=body)
    problem(await sign_in(client, "zoe@example.com", "wrong"), 400, "invalid_grant")
    refused = await sign_in(client, "zoe@example.com", PASSWORD)
    problem(refused, 403, "email_not_verified")
    await client.post("/auth/verify-email", json={"token": (await mails.link()).token})
    assert (await sign_in(client, "zoe@example.com", PASSWORD)).status_code == 200


@HIDDEN
async def test_check_9_a_taken_address_is_answered_as_a_free_one_and_its_owner_is_told(
    client: httpx2.AsyncClient, mails: FakeMailWorker
) -> None:
    body = {"email": "zoe@example.com", "password": PASSWORD, "date_of_birth": "1990-02-28"}
    answers = [await client.post("/auth/register", json=body)]
    await mails.run()
    answers.append(await client.post("/auth/register", json={**body, "password": "x" * 20}))
    assert answers[0].status_code == 202
    assert comparable(answers[0]) == comparable(answers[1])
    await mails.run()
    assert mails.subjects == [
        ("zoe@example.com", "Confirm your e-mail address"),
        ("zoe@example.com", "Your address already has an account"),
    ]


@HIDDEN
async def test_the_account_is_made_as_it_was_requested(
    client: httpx2.AsyncClient, mails: FakeMailWorker
) -> None:
    profile = {
        "email": "zoe@example.com",
        "username": "zoe",
        "date_of_birth": "1990-02-28",
        "locale": "de",
    }
    await client.post("/auth/register", json={**profile, "password": PASSWORD})
    await client.post("/auth/verify-email", json={"token": (await mails.link()).token})
    tokens = (await sign_in(client, "zoe", PASSWORD)).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    me = (await client.get("/users/me", headers=headers)).json()
    assert {name: me[name] for name in profile} == profile
    [made] = [entry for entry in mails.store.audit if entry.event == "account_registered"]
    assert str(made.subject_id) == me["id"]


@HIDDEN
async def test_a_taken_username_is_refused_and_one_taken_meanwhile_is_left_out(
    client: httpx2.AsyncClient, mails: FakeMailWorker
) -> None:
    names = ("a", "b", "c")
    bodies = [
        {"email": f"{name}@example.com", "username": "zoe", "password": PASSWORD} for name in names
    ]
    for body in bodies[:2]:
        assert (await client.post("/auth/register", json=body)).status_code == 202
    await mails.run()
    problem(await client.post("/auth/register", json=bodies[2]), 409, "username_taken")
    stored = {user.email: user.username for user in mails.store.users.values()}
    assert stored == {"a@example.com": "zoe", "b@example.com": None}


@HIDDEN
@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("date_of_birth", "2999-01-01", "not_born_yet"),
        ("full_name", " ", "invalid_request"),
        ("username", "a b", "invalid_request"),
    ],
)
async def test_a_hidden_registration_with_a_wrong_profile_is_refused(
    client: httpx2.AsyncClient, mails: FakeMailWorker, name: str, value: str, code: str
) -> None:
    body = {"email": "zoe@example.com", "password": PASSWORD, name: value}
    refused = await client.post("/auth/register", json=body)
    assert pointers(refused, code=code) == {f"#/{name}"}
    assert mails.store.jobs == []


@HIDDEN
async def test_a_job_of_a_registration_tells_nothing_in_clear(
    client: httpx2.AsyncClient, mails: FakeMailWorker
) -> None:
    body = {"email": "zoe@example.com", "full_name": "Zoe Quill", "password": PASSWORD}
    await client.post("/auth/register", json=body)
    stored = repr(mails.store.jobs)
    assert "zoe@" not in stored
    assert "Quill" not in stored
    assert PASSWORD not in stored


@HIDDEN
async def test_check_9_a_sign_in_does_not_tell_whether_a_registration_made_an_account(
    client: httpx2.AsyncClient, mails: FakeMailWorker
) -> None:
    body = {"email": "zoe@example.com", "password": PASSWORD}
    await client.post("/auth/register", json=body)
    await mails.run()
    refused = await sign_in(client, "zoe@example.com", PASSWORD)
    problem(refused, 400, "invalid_grant")
    for _ in range(9):
        await sign_in(client, "zoe@example.com", PASSWORD)
    problem(await sign_in(client, "zoe@example.com", PASSWORD), 429, "too_many_attempts")
