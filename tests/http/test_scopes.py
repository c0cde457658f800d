"""Scopes of tokens at every endpoint of the registry."""

from collections.abc import Callable, Collection
from dataclasses import replace
from uuid import UUID

import httpx2
import pytest

from jubilee.domain.scopes import TOKEN_SCOPES, Scope
from jubilee.entrypoints.http.framework.endpoint import Access, AnyEndpoint
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.conftest import Person, SignUp
from tests.fakes.store import FakeStore
from tests.http.callers import token_of
from tests.http.refusals import problem
from tests.http.test_access import call, name_of

AUTHENTICATED = [e for e in ENDPOINTS if e.access is not Access.ANYONE]
FOR_TOKENS = [e for e in AUTHENTICATED if e.scope in TOKEN_SCOPES]
FOR_SESSIONS = [e for e in AUTHENTICATED if e.scope not in TOKEN_SCOPES]

Limit = Callable[[Collection[Scope]], Person]


@pytest.fixture
async def account(sign_up: SignUp) -> Person:
    return await sign_up("ada", is_superuser=True)


@pytest.fixture
def limit(account: Person, store: FakeStore) -> Limit:
    """Return the admin with a token that has only these scopes, in place of the session."""

    def limited(scopes: Collection[Scope]) -> Person:
        return replace(account, headers=token_of(store, account.user.id, scopes))

    return limited


@pytest.mark.parametrize("endpoint", FOR_TOKENS, ids=name_of)
async def test_a_token_without_the_scope_of_a_route_is_refused_and_told_the_scope(
    client: httpx2.AsyncClient, limit: Limit, endpoint: AnyEndpoint
) -> None:
    needed = " ".join(sorted(endpoint.scopes))
    for missing in endpoint.scopes:
        admin = limit(TOKEN_SCOPES - {missing})
        answer = await call(client, endpoint, admin.headers, admin.user.id)
        problem(answer, 403, "insufficient_scope")
        challenge = f'Bearer realm="jubilee", error="insufficient_scope", scope="{needed}"'
        assert answer.headers["www-authenticate"] == challenge


@pytest.mark.parametrize("endpoint", FOR_TOKENS, ids=name_of)
async def test_a_token_with_the_scope_of_a_route_alone_may_call_it(
    client: httpx2.AsyncClient, limit: Limit, endpoint: AnyEndpoint
) -> None:
    admin = limit(endpoint.scopes)
    answer = await call(client, endpoint, admin.headers, admin.user.id)
    assert answer.status_code < 500
    assert answer.is_success or answer.json()["code"] != "insufficient_scope"


@pytest.mark.parametrize("endpoint", FOR_SESSIONS, ids=name_of)
async def test_no_token_may_call_what_needs_a_session(
    client: httpx2.AsyncClient, limit: Limit, endpoint: AnyEndpoint
) -> None:
    admin = limit(TOKEN_SCOPES)
    answer = await call(client, endpoint, admin.headers, UUID(int=1))
    problem(answer, 403, "session_required")
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="jubilee", error="insufficient_scope"'
    )


@pytest.mark.parametrize(
    "change",
    [
        {"email": "new@example.com", "current_password": "correct horse battery"},
        {"password": "an engine of brass", "current_password": "correct horse battery"},
    ],
)
async def test_check_30_a_token_changes_neither_password_nor_address(
    client: httpx2.AsyncClient, limit: Limit, change: dict[str, str]
) -> None:
    admin = limit(TOKEN_SCOPES)
    for path in ("/users/me", f"/users/{admin.user.id}"):
        answer = await client.patch(path, json=change, headers=admin.headers)
        problem(answer, 403, "session_required")


async def test_a_token_changes_no_role(
    client: httpx2.AsyncClient, sign_up: SignUp, limit: Limit
) -> None:
    eve = await sign_up("eve")
    admin = limit(TOKEN_SCOPES)
    path = f"/users/{eve.user.id}"
    answer = await client.patch(path, json={"is_superuser": True}, headers=admin.headers)
    problem(answer, 403, "session_required")
    answer = await client.patch(path, json={"is_active": False}, headers=admin.headers)
    assert answer.status_code == 200


def test_every_scope_of_a_token_opens_a_route() -> None:
    assert {scope for endpoint in FOR_TOKENS for scope in endpoint.scopes} == TOKEN_SCOPES
