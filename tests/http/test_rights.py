"""What every kind of caller may call, set beside what the registry declares; and rights in bodies.

A query that no endpoint has is refused after the rights are checked, and before anything is done:
so one account calls every route.
"""

import re
from uuid import UUID

import httpx2
import pytest

from jubilee.domain.scopes import Scope
from jubilee.entrypoints.http.framework.endpoint import JSON, Access, AnyEndpoint
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.conftest import SignUp
from tests.fakes.roles import KNOWN
from tests.fakes.store import FakeStore
from tests.http.callers import NAMES, Caller, Callers
from tests.http.refusals import pointers

WITH_TOKEN = [e for e in ENDPOINTS if e.access is not Access.ANYONE]
WITH_JSON = [e for e in ENDPOINTS if e.body is not None and JSON in e.media]
REFUSALS = {
    *("not_authenticated", "invalid_token", "not_allowed", "insufficient_scope"),
    *("session_required", "impersonation_refused"),
}
OWN = {"id": str(UUID(int=7)), "owner_id": str(UUID(int=7)), "user_id": str(UUID(int=7))}
RIGHTS = {
    **OWN,
    "is_superuser": True,
    "is_admin": True,
    "is_active": True,
    "roles": ["admin"],
    "role": "admin",
    "scopes": ["admin"],
    "email_verified": True,
    "email_verified_at": "2026-11-20T09:00:00Z",
    "locked_at": None,
    "locked_until": None,
    "created_at": "2026-11-20T09:00:00Z",
    "password_hash": "1:known",
    "oauth_provider": "here",
    "second_factor": True,
    "proved_at": "2026-11-20T09:00:00Z",
    "invited_by": str(UUID(int=7)),
    "confirmed_at": "2026-11-20T09:00:00Z",
}
DECLARED = {
    "replaceUser": {"is_superuser", "is_active"},
    "changeUser": {"is_superuser", "is_active"},
    "replaceUserRoles": {"roles"},
    "createInvite": {"role"},
    "createAccessToken": {"scopes"},
    "createServiceAccount": {"scopes"},
    "createServiceAccountToken": {"scopes"},
}
"""Members by which a request is meant to give rights; its endpoint compares them with its own."""


@pytest.fixture
async def caller(
    request: pytest.FixtureRequest, client: httpx2.AsyncClient, sign_up: SignUp, store: FakeStore
) -> Caller:
    return await Callers(client, sign_up, store).named(request.param)


async def is_let_in(client: httpx2.AsyncClient, endpoint: AnyEndpoint, caller: Caller) -> bool:
    path = re.sub(r"{\w+}", "zoe", re.sub(r"{\w*id}", str(UUID(int=7)), endpoint.path))
    answer = await client.request(
        endpoint.method, path, params={"surplus": "1"}, headers=caller.headers
    )
    if answer.status_code not in {401, 403}:
        assert pointers(answer)
        return True
    assert answer.json()["code"] in REFUSALS, answer.text
    return False


def is_declared(endpoint: AnyEndpoint, caller: Caller) -> bool:
    if endpoint.access is Access.OPTIONAL and not caller.headers:
        return True
    needed = {endpoint.scope} | ({Scope.ADMIN} if endpoint.access is Access.ADMIN else set())
    return needed <= caller.allowed


@pytest.mark.parametrize("caller", NAMES, indirect=True)
async def test_check_36_every_caller_is_let_in_where_the_registry_says_so_and_nowhere_else(
    client: httpx2.AsyncClient, caller: Caller
) -> None:
    found = {e.name: await is_let_in(client, e, caller) for e in WITH_TOKEN}
    assert found == {e.name: is_declared(e, caller) for e in WITH_TOKEN}


async def test_check_35_no_body_takes_a_member_that_gives_rights_unless_it_is_for_that(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    admin = await sign_up("ada", is_superuser=True)
    for endpoint in WITH_JSON:
        headers = {} if endpoint.access is Access.ANYONE else admin.headers
        path = re.sub(r"{\w+}", "zoe", re.sub(r"{\w*id}", str(admin.user.id), endpoint.path))
        for member in RIGHTS.keys() - DECLARED.get(endpoint.name, set()):
            body = {**(endpoint.example or {}), member: RIGHTS[member]}
            answer = await client.request(endpoint.method, path, json=body, headers=headers)
            assert f"#/{member}" in pointers(answer), (endpoint.name, member)


def test_the_bodies_that_give_rights_are_known() -> None:
    members = {e.name: e.body.model_fields.keys() & RIGHTS for e in WITH_JSON if e.body}
    assert {name: set(found) for name, found in members.items() if found} == DECLARED


ACTS_ON = {"admin": {"auditor", "support", "user"}, "support": {"user"}}
LOCKS = {"admin": {"admin", "auditor", "support", "user"}, "support": {"support", "user"}}


@pytest.mark.parametrize(("act", "expected"), [("impersonate", ACTS_ON), ("lock", LOCKS)])
async def test_a_role_acts_on_accounts_up_to_its_own_rank(
    client: httpx2.AsyncClient, sign_up: SignUp, act: str, expected: dict[str, set[str]]
) -> None:
    targets = {role: await sign_up(f"b{role}", roles=[role]) for role in KNOWN}
    found: dict[str, set[str]] = {}
    for role in KNOWN:
        caller = await sign_up(f"a{role}", roles=[role])
        for name, target in targets.items():
            path, body = f"/users/{target.user.id}/{act}", {"reason": "ticket 4711"}
            answer = await client.post(path, json=body, headers=caller.headers)
            if answer.is_success:
                found.setdefault(role, set()).add(name)
            else:
                assert answer.json()["code"] in {"not_allowed", "rank_too_high", "cannot_sign_in"}
    assert found == expected
