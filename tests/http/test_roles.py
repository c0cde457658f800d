"""Roles over HTTP: what each role may call, and the endpoints of roles."""

from uuid import UUID

import httpx2
import pytest

from jubilee.domain.scopes import Scope
from jubilee.entrypoints.http.framework.endpoint import Access, AnyEndpoint
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.conftest import Person, SignUp
from tests.http.refusals import problem
from tests.http.test_access import call, name_of

PRIVILEGED = [e for e in ENDPOINTS if e.access in {Access.ROLE, Access.ADMIN}]
OF_USERS = [e for e in ENDPOINTS if e.access in {Access.SIGNED_IN, Access.OPTIONAL}]
READ_ROLES = {"listRoles", "getUserRoles"}
OPEN_TO = {
    "user": set(),
    "auditor": {"listAuditEntries"} | READ_ROLES,
    "support": {"listUsers", "lockUser", "unlockUser", "impersonateUser"} | READ_ROLES,
    "admin": {endpoint.name for endpoint in PRIVILEGED},
}
"""The endpoints that not every account may call, by role."""


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
async def admin(sign_up: SignUp) -> Person:
    return await sign_up("ada", is_superuser=True)


@pytest.mark.parametrize("role", OPEN_TO)
@pytest.mark.parametrize("endpoint", PRIVILEGED, ids=name_of)
async def test_check_36_a_role_opens_its_own_routes_and_no_other(
    client: httpx2.AsyncClient, sign_up: SignUp, zoe: Person, endpoint: AnyEndpoint, role: str
) -> None:
    caller = await sign_up("eve", roles=[role])
    answer = await call(client, endpoint, caller.headers, zoe.user.id)
    refused = answer.status_code == 403 and answer.json()["code"] == "not_allowed"
    assert refused == (endpoint.name not in OPEN_TO[role]), answer.text


@pytest.mark.parametrize("endpoint", OF_USERS, ids=name_of)
async def test_the_role_user_opens_every_route_that_needs_no_other(endpoint: AnyEndpoint) -> None:
    assert endpoint.scope in {*Scope} - {Scope.USERS_READ, Scope.USERS_WRITE, Scope.ADMIN}


async def test_support_reads_any_account_and_changes_none(
    client: httpx2.AsyncClient, sign_up: SignUp, zoe: Person
) -> None:
    support = await sign_up("sue", roles=["support"])
    path = f"/users/{zoe.user.id}"
    assert (await client.get(path, headers=support.headers)).json()["username"] == "zoe"
    for method, body in (("PATCH", {"full_name": "Eve"}), ("DELETE", None)):
        answer = await client.request(method, path, json=body, headers=support.headers)
        problem(answer, 403, "not_allowed")
    problem(
        await client.get(f"/users/{UUID(int=7)}", headers=support.headers), 404, "user_not_found"
    )


async def test_the_roles_are_listed_with_their_scopes(
    client: httpx2.AsyncClient, admin: Person
) -> None:
    page = (await client.get("/roles", headers=admin.headers)).json()
    assert [role["name"] for role in page["items"]] == ["admin", "auditor", "support", "user"]
    assert page["items"][1]["scopes"] == ["audit:read", "roles:read"]
    assert page["items"][0]["scopes"] == sorted(Scope)


async def test_roles_are_replaced_by_their_version(
    client: httpx2.AsyncClient, zoe: Person, admin: Person
) -> None:
    path, body = f"/users/{zoe.user.id}/roles", {"roles": ["support"]}
    before = await client.get(path, headers=admin.headers)
    assert before.json()["roles"] == ["user"]
    current = {**admin.headers, "If-Match": before.headers["etag"]}
    granted = await client.put(path, json=body, headers=current)
    assert granted.json()["roles"] == ["support", "user"]
    assert "users:lock" in granted.json()["scopes"]
    problem(await client.put(path, json={"roles": []}, headers=current), 412, "stale")
    known = {**admin.headers, "If-None-Match": granted.headers["etag"]}
    assert (await client.get(path, headers=known)).status_code == 304


async def test_superusers_are_admins_on_the_wire_and_the_other_way_round(
    client: httpx2.AsyncClient, zoe: Person, admin: Person
) -> None:
    path = f"/users/{zoe.user.id}"
    body = {"is_superuser": True}
    assert (await client.patch(path, json=body, headers=admin.headers)).status_code == 200
    roles = (await client.get(f"{path}/roles", headers=admin.headers)).json()
    assert roles["roles"] == ["admin", "user"]
    await client.put(f"{path}/roles", json={"roles": []}, headers=admin.headers)
    assert not (await client.get(path, headers=admin.headers)).json()["is_superuser"]


async def test_an_unknown_role_is_named_by_its_pointer(
    client: httpx2.AsyncClient, zoe: Person, admin: Person
) -> None:
    body = {"roles": ["support", "root"]}
    path = f"/users/{zoe.user.id}/roles"
    answer = await client.put(path, json=body, headers=admin.headers)
    [error] = problem(answer, 422, "unknown_role")["errors"]
    assert error["pointer"] == "#/roles/1"
