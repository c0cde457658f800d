"""A walk over every route by an account that acts as another one."""

from collections.abc import Sequence
from dataclasses import dataclass

import httpx2
import pytest

from jubilee.domain.scopes import USER_RIGHTS, Scope
from jubilee.entrypoints.http.framework.endpoint import Access, AnyEndpoint
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.store import FakeStore
from tests.http.refusals import problem
from tests.http.test_access import call, name_of

WITH_TOKEN = [e for e in ENDPOINTS if e.access is not Access.ANYONE]
OPEN = {
    "saveBirthday", "forgetBirthday", "whoAmI", "getMe", "replaceMe", "changeMe",
    "getUser", "listItems", "createItem", "getItem", "replaceItem", "changeItem", "deleteItem",
    "createTask", "listTasks", "getTask", "cancelTask", "retryTask", "listMyAuditEntries",
    "listMyMails",
}  # fmt: skip
"""What an account that acts as a user may call; everything else is refused."""


@dataclass(frozen=True, slots=True)
class Acting:
    """A user, the support that acts as the user, and the headers of its token."""

    zoe: Person
    support: Person
    headers: dict[str, str]


@pytest.fixture
async def acting(client: httpx2.AsyncClient, sign_up: SignUp) -> Acting:
    zoe, support = await sign_up("zoe"), await sign_up("sue", roles=["support"])
    path, body = f"/users/{zoe.user.id}/impersonate", {"reason": "ticket 4711"}
    reply = (await client.post(path, json=body, headers=support.headers)).json()
    assert (reply["expires_in"], reply["user_id"]) == (900, str(zoe.user.id))
    assert "refresh_token" not in reply
    return Acting(zoe, support, {"Authorization": f"Bearer {reply['access_token']}"})


def credentials(store: FakeStore) -> Sequence[object]:
    """What signs in, and what accounts may do."""
    users = [(u.id, u.email, u.password_hash, u.is_superuser) for u in store.users.values()]
    return [users, dict(store.sessions), dict(store.grants)]


@pytest.mark.parametrize("endpoint", WITH_TOKEN, ids=name_of)
async def test_every_answer_names_the_impersonator_and_no_route_changes_credentials(
    client: httpx2.AsyncClient, acting: Acting, store: FakeStore, endpoint: AnyEndpoint
) -> None:
    before = credentials(store)
    answer = await call(client, endpoint, acting.headers, acting.zoe.user.id)
    assert answer.headers["impersonated-by"] == str(acting.support.user.id)
    assert credentials(store) == before
    if endpoint.name not in OPEN:
        is_of_users = endpoint.scopes <= USER_RIGHTS
        problem(answer, 403, "impersonation_refused" if is_of_users else "not_allowed")
    else:
        assert answer.status_code < 500
        assert answer.is_success or answer.json()["code"] != "not_allowed"


def test_the_open_routes_are_those_of_users_without_credentials() -> None:
    allowed = USER_RIGHTS - {Scope.ACCOUNT}
    assert {e.name for e in WITH_TOKEN if e.scopes <= allowed} == OPEN


@pytest.mark.parametrize(
    "change",
    [
        {"email": "eve@example.com", "current_password": PASSWORD},
        {"password": "an engine of brass", "current_password": PASSWORD},
    ],
    ids=["email", "password"],
)
async def test_neither_address_nor_password_is_changed_even_with_the_password(
    client: httpx2.AsyncClient, acting: Acting, store: FakeStore, change: dict[str, str]
) -> None:
    before = credentials(store)
    answer = await client.patch("/users/me", json=change, headers=acting.headers)
    problem(answer, 403, "impersonation_refused")
    assert credentials(store) == before


async def test_check_42_entries_written_meanwhile_name_both_accounts(
    client: httpx2.AsyncClient, sign_up: SignUp, store: FakeStore
) -> None:
    ada, support = await sign_up("ada", is_superuser=True), await sign_up("sue", roles=["support"])
    path, body = f"/users/{support.user.id}/impersonate", {"reason": "ticket 4711"}
    reply = (await client.post(path, json=body, headers=ada.headers)).json()
    headers = {"Authorization": f"Bearer {reply['access_token']}"}
    assert (await client.get("/users", headers=headers)).status_code == 200
    entry = store.audit[-1]
    assert (entry.event, entry.actor_id) == ("admin_read", support.user.id)
    assert entry.details["impersonator"] == str(ada.user.id)
    await client.get("/users", headers=support.headers)
    assert "impersonator" not in store.audit[-1].details


async def test_the_owner_sees_that_it_was_not_oneself_but_not_who_it_was(
    client: httpx2.AsyncClient, acting: Acting
) -> None:
    page = await client.get("/users/me/audit", headers=acting.zoe.headers)
    [started] = [e for e in page.json()["items"] if e["event"] == "impersonation_started"]
    assert (started["actor"], started["address"]) == ("administrator", None)
    assert str(acting.support.user.id) not in page.text


async def test_no_banner_is_on_answers_to_other_tokens(
    client: httpx2.AsyncClient, acting: Acting
) -> None:
    for person in (acting.zoe, acting.support):
        answer = await client.get("/users/me", headers=person.headers)
        assert "impersonated-by" not in answer.headers
