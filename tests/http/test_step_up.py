"""Changes of what signs in need a recent proof, for accounts without a password as well."""

from dataclasses import replace

import httpx2
import pytest

from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.users.user import EmailPolicy, EmailVerification
from jubilee.entrypoints.http.framework.endpoint import Access
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.mail_worker import FakeMailWorker
from tests.fakes.store import FakeClock, FakeStore
from tests.http.factor_calls import add_passkey
from tests.http.refusals import problem
from tests.support.authenticator import SoftAuthenticator

UNPROVED = {
    "content of an account, which gives no access": {
        *("saveBirthday", "forgetBirthday", "createItem", "replaceItem", "changeItem"),
        *("deleteItem", "createTask", "cancelTask", "retryTask"),
    },
    "a label": {"renamePasskey"},
    "takes access away, and must be quick": {
        *("signOut", "endSession", "endSessions", "lockUser", "revokeInvite"),
    },
    "gives back what the account had before its lock": {"unlockUser"},
    "the proof itself": {"reauthenticate"},
    "its use case wants the password or a recent proof, where the body changes what signs in": {
        *("replaceMe", "changeMe", "replaceUser", "changeUser", "changeEmail"),
    },
}
"""Writes of signed-in callers that need no recent proof, by the reason."""

PROOF_IN_BODY = {
    *("createToken", "signIn", "refreshToken", "completeSignIn", "exchangeSignInCode"),
    *("endProviderSessions", "passkeySignInOptions", "passkeySignIn", "verifyEmail"),
    *("resendVerification", "forgotPassword", "resetPassword", "confirmEmail", "undoEmail"),
    *("register", "createUser", "restoreMe", "acceptInvite"),
}
"""Writes that anyone may send: they prove something in the body, change nothing, or register."""

NEW_PASSWORD = {"password": "an engine of copper"}
REQUIRED = "reauthentication_required"


@pytest.fixture
def device() -> SoftAuthenticator:
    return SoftAuthenticator()


@pytest.fixture
async def zoe(
    client: httpx2.AsyncClient, sign_up: SignUp, device: SoftAuthenticator, store: FakeStore
) -> Person:
    """An account with a passkey and without a password."""
    person = await sign_up("zoe")
    await add_passkey(client, person, device)
    store.users[person.user.id] = replace(store.users[person.user.id], password_hash=None)
    return person


async def prove(
    client: httpx2.AsyncClient, person: Person, device: SoftAuthenticator
) -> httpx2.Response:
    asked = await client.post("/auth/passkeys/sign-in/options", json={})
    body = {"credential": device.get(asked.json()["public_key"])}
    return await client.post("/auth/reauthenticate", json=body, headers=person.headers)


def test_every_write_of_an_account_needs_a_recent_proof_or_is_listed_with_the_reason() -> None:
    writes = [e for e in ENDPOINTS if e.documented and e.method != "GET"]
    anyone = {e.name for e in writes if e.access is Access.ANYONE}
    unproved = {e.name for e in writes if not e.recent_proof} - anyone
    assert (anyone, unproved) == (PROOF_IN_BODY, set().union(*UNPROVED.values()))


async def test_an_invite_which_gives_a_role_needs_a_recent_proof(
    client: httpx2.AsyncClient, sign_up: SignUp, clock: FakeClock, store: FakeStore
) -> None:
    ada = await sign_up("ada", is_superuser=True)
    clock.tick(minutes=15)
    body = {"email": "max@example.com", "role": "admin"}
    problem(await client.post("/invites", json=body, headers=ada.headers), 403, REQUIRED)
    assert store.invites == {}
    await client.post("/auth/reauthenticate", json={"password": PASSWORD}, headers=ada.headers)
    assert (await client.post("/invites", json=body, headers=ada.headers)).status_code == 201


async def test_an_account_without_a_password_sets_one_by_a_recent_proof(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator, clock: FakeClock
) -> None:
    clock.tick(minutes=15)
    refused = await client.patch("/users/me", json=NEW_PASSWORD, headers=zoe.headers)
    problem(refused, 403, REQUIRED)
    assert (await prove(client, zoe, device)).status_code == 204
    set_ = await client.patch("/users/me", json=NEW_PASSWORD, headers=zoe.headers)
    assert set_.status_code == 200
    form = {"username": "zoe", **NEW_PASSWORD}
    assert (await client.post("/auth/login", json=form)).status_code == 200


@pytest.mark.parametrize("email_policy", [EmailPolicy(EmailVerification.OPTIONAL)])
async def test_an_account_without_a_password_changes_its_address_by_a_recent_proof(
    client: httpx2.AsyncClient, zoe: Person, clock: FakeClock, mails: FakeMailWorker
) -> None:
    body = {"email": "zoe@example.org"}
    answer = await client.post("/users/me/email", json=body, headers=zoe.headers)
    assert answer.status_code == 202
    assert (await mails.link()).page == "confirm-email"
    clock.tick(minutes=15)
    problem(await client.post("/users/me/email", json=body, headers=zoe.headers), 403, REQUIRED)


async def test_a_new_address_needs_the_password_of_an_account_that_has_one(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    max_ = await sign_up("max")
    body = {"email": "max@example.org"}
    answer = await client.post("/users/me/email", json=body, headers=max_.headers)
    problem(answer, 422, "current_password_needed")


async def test_the_passkey_of_another_account_is_no_proof(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator, sign_up: SignUp
) -> None:
    max_ = await sign_up("max")
    problem(await prove(client, max_, device), 403, REQUIRED)
    assert (await prove(client, zoe, device)).status_code == 204


async def test_the_answer_of_a_passkey_is_a_proof_once(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator, store: FakeStore
) -> None:
    asked = await client.post("/auth/passkeys/sign-in/options", json={})
    body = {"credential": device.get(asked.json()["public_key"])}
    first = await client.post("/auth/reauthenticate", json=body, headers=zoe.headers)
    assert (first.status_code, store.audit[-1].event) == (204, AuditEvent.REAUTHENTICATED)
    again = await client.post("/auth/reauthenticate", json=body, headers=zoe.headers)
    problem(again, 403, REQUIRED)
    assert store.audit[-1].event == AuditEvent.REAUTHENTICATION_FAILED


@pytest.mark.parametrize(
    "body", [NEW_PASSWORD, {"email": "max@example.org"}, {"is_superuser": True}]
)
async def test_an_admin_changes_what_signs_in_by_a_recent_proof(
    client: httpx2.AsyncClient, sign_up: SignUp, clock: FakeClock, body: dict[str, object]
) -> None:
    ada, max_ = await sign_up("ada", is_superuser=True), await sign_up("max")
    clock.tick(minutes=15)
    path = f"/users/{max_.user.id}"
    problem(await client.patch(path, json=body, headers=ada.headers), 403, REQUIRED)
    proof = {"password": PASSWORD}
    await client.post("/auth/reauthenticate", json=proof, headers=ada.headers)
    assert (await client.patch(path, json=body, headers=ada.headers)).status_code == 200


async def test_an_admin_changes_a_profile_without_a_recent_proof(
    client: httpx2.AsyncClient, sign_up: SignUp, clock: FakeClock
) -> None:
    ada, max_ = await sign_up("ada", is_superuser=True), await sign_up("max")
    clock.tick(minutes=15)
    path, body = f"/users/{max_.user.id}", {"full_name": "Max Quill", "is_active": False}
    assert (await client.patch(path, json=body, headers=ada.headers)).status_code == 200


async def test_a_personal_access_token_reaches_nothing_that_needs_a_recent_proof(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    ada = await sign_up("ada", is_superuser=True)
    scopes = ["admin", "users:read", "users:write", "users:lock", "profile:write", "roles:read"]
    new = {"name": "import", "scopes": scopes}
    made = await client.post("/auth/access-tokens", json=new, headers=ada.headers)
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    for endpoint in ENDPOINTS:
        if endpoint.recent_proof:
            path = endpoint.path.replace("{id}", str(ada.user.id))
            path = path.replace("{token_id}", str(ada.user.id))
            answer = await client.request(endpoint.method, path, headers=headers)
            assert answer.status_code == 403, endpoint.name
