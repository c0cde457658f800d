"""Access control of every endpoint of the registry at every mount."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import httpx2
import pytest
from starlette.types import ASGIApp

from jubilee.domain.api_tokens.service import NewApiToken
from jubilee.domain.api_tokens.token import ApiTokenId
from jubilee.domain.factors.factor import TotpFactor
from jubilee.domain.identity import UserId
from jubilee.domain.invites.invite import Invite
from jubilee.domain.passkeys.passkey import Passkey
from jubilee.domain.scopes import Scope
from jubilee.domain.services import Services
from jubilee.domain.tasks.task import TaskRequest, TaskStatus
from jubilee.entrypoints.http.framework.edge import MOUNTS
from jubilee.entrypoints.http.framework.endpoint import Access, AnyEndpoint
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.conftest import Person, SignUp
from tests.fakes.identities import make_identity
from tests.fakes.store import START, FakeStore
from tests.http.refusals import problem

GUARDED = [e for e in ENDPOINTS if e.access not in {Access.ANYONE, Access.OPTIONAL}]
WITH_TOKEN = [e for e in ENDPOINTS if e.access is not Access.ANYONE]
ADMIN_ONLY = [e for e in ENDPOINTS if e.access in {Access.ROLE, Access.ADMIN}]
OWNED = [e for e in ENDPOINTS if e.access is not Access.ANYONE and "{" in e.path]
MALFORMED_TOKEN = {"Authorization": "Bearer garbage"}

FOREIGN_STATUS = {
    "saveBirthday": 403,
    "forgetBirthday": 403,
    "endSession": 404,
    "deleteAccessToken": 404,
    "unlinkIdentity": 404,
    "getServiceAccount": 403,
    "deleteServiceAccount": 403,
    "replaceClientSecret": 403,
    "listServiceAccountTokens": 403,
    "createServiceAccountToken": 403,
    "deleteServiceAccountToken": 403,
    "confirmTotp": 404,
    "removeFactor": 404,
    "resetFactors": 403,
    "renamePasskey": 404,
    "removePasskey": 404,
    "getUser": 403,
    "replaceUser": 403,
    "changeUser": 403,
    "deleteUser": 403,
    "lockUser": 403,
    "unlockUser": 403,
    "impersonateUser": 403,
    "mergeUsers": 403,
    "revokeInvite": 403,
    "getUserRoles": 403,
    "replaceUserRoles": 403,
    "getItem": 200,
    "replaceItem": 403,
    "changeItem": 403,
    "deleteItem": 403,
    "getTask": 404,
    "cancelTask": 404,
    "retryTask": 404,
}
"""Response to a user without rights on the resource of another account."""

WITH_A_SECRET = {"confirmTotp"}
"""Operations that take a code, which no example has; their own tests call them."""


def name_of(endpoint: AnyEndpoint) -> str:
    return endpoint.name


@pytest.fixture(params=["", *MOUNTS])
async def mounted(
    request: pytest.FixtureRequest, app: ASGIApp
) -> AsyncIterator[httpx2.AsyncClient]:
    """Calls the API at each of its mounts."""
    base = f"http://api.test{request.param}"
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=base) as client:
        yield client


async def call(
    client: httpx2.AsyncClient,
    endpoint: AnyEndpoint,
    headers: dict[str, str],
    resource: UUID | None = None,
) -> httpx2.Response:
    """Call the endpoint with a valid body, for the resource `resource` or the name `zoe`."""
    path = re.sub(r"{\w+}", "zoe", re.sub(r"{\w*id}", str(resource or UUID(int=0)), endpoint.path))
    json = endpoint.example if endpoint.body else None
    return await client.request(endpoint.method, path, headers=headers, json=json)


def test_the_registry_names_every_operation_once() -> None:
    assert len({endpoint.name for endpoint in ENDPOINTS}) == len(ENDPOINTS)
    assert len({(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}) == len(ENDPOINTS)


@pytest.mark.parametrize("endpoint", GUARDED, ids=name_of)
async def test_check_36_a_request_without_a_token_is_refused(
    mounted: httpx2.AsyncClient, endpoint: AnyEndpoint
) -> None:
    answer = await call(mounted, endpoint, {})
    problem(answer, 401, "not_authenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="jubilee"'


@pytest.mark.parametrize("endpoint", WITH_TOKEN, ids=name_of)
async def test_a_request_with_a_malformed_token_is_refused(
    mounted: httpx2.AsyncClient, endpoint: AnyEndpoint
) -> None:
    for authorization in ("Bearer garbage", "Bearer", "Bearer ", "Basic em9lOnpvZQ==", "", "x"):
        answer = await call(mounted, endpoint, {"Authorization": authorization})
        problem(answer, 401, "invalid_token")
        challenge = 'Bearer realm="jubilee", error="invalid_token"'
        assert answer.headers["www-authenticate"] == challenge


@pytest.mark.parametrize("endpoint", ADMIN_ONLY, ids=name_of)
async def test_check_36_an_admin_endpoint_refuses_a_plain_user(
    mounted: httpx2.AsyncClient, sign_up: SignUp, endpoint: AnyEndpoint
) -> None:
    zoe = await sign_up("zoe")
    for resource in (zoe.user.id, None):
        problem(await call(mounted, endpoint, zoe.headers, resource), 403, "not_allowed")


@pytest.mark.parametrize("endpoint", WITH_TOKEN, ids=name_of)
async def test_the_token_of_an_ended_session_is_refused(
    client: httpx2.AsyncClient, sign_up: SignUp, services: Services, endpoint: AnyEndpoint
) -> None:
    admin = await sign_up("ada", is_superuser=True)
    await services.auth.sign_out(admin.principal)
    problem(await call(client, endpoint, admin.headers), 401, "invalid_token")


def test_every_endpoint_of_an_owned_resource_has_an_expected_status() -> None:
    assert {endpoint.name for endpoint in OWNED} == FOREIGN_STATUS.keys()


async def create_program(
    services: Services, owner: Person, endpoint: AnyEndpoint, store: FakeStore
) -> UUID:
    """Id of a token, or of a service account and its token: the path of that has both."""
    scopes, by = frozenset({Scope.ITEMS_READ, Scope.TASKS_WRITE}), owner.principal
    new = NewApiToken(name="backup", scopes=scopes)
    if endpoint.path.startswith("/auth"):
        return (await services.api_tokens.create(new, owner=owner.user.id, by=by)).token.id
    machine = (await services.service_accounts.create("import", scopes, by=by)).account
    token = (await services.service_accounts.create_token(machine.id, new, by=by)).token
    del store.api_tokens[token.id]
    token_id = ApiTokenId(machine.id)
    store.api_tokens[token_id] = replace(token, id=token_id)
    return machine.id


async def create_resource(
    services: Services, owner: Person, endpoint: AnyEndpoint, store: FakeStore
) -> UUID:
    """Id of the owner's resource at the endpoint's path."""
    if endpoint.path.startswith("/tasks"):
        task = await services.tasks.create(TaskRequest(data={}), by=owner.principal)
        store.tasks[task.id] = replace(task, status=TaskStatus.DEAD)
        return task.id
    if endpoint.path.startswith("/items"):
        return (await services.items.create("Zoe's", None, by=owner.principal)).id
    if "access-tokens" in endpoint.path or endpoint.path.startswith("/service-accounts"):
        return await create_program(services, owner, endpoint, store)
    return stored_resource(owner, endpoint, store)


def stored_resource(owner: Person, endpoint: AnyEndpoint, store: FakeStore) -> UUID:
    """Id of a resource that no use case creates by itself."""
    if endpoint.path.startswith("/auth/identities"):
        identity = make_identity(owner.user.id)
        store.identities[identity.id] = identity
        return identity.id
    if endpoint.path.startswith("/auth/sessions"):
        return owner.principal.session
    if endpoint.path.startswith(("/auth/factors", "/auth/passkeys")):
        return add_factor(store, owner)
    if endpoint.path.startswith("/invites"):
        return add_invite(store, owner)
    if endpoint.name == "mergeUsers":
        add_source(store, owner, UserId(UUID(endpoint.example["source_id"])))
    return owner.user.id


def add_source(store: FakeStore, owner: Person, source: UserId) -> None:
    """Store a second account of the owner."""
    store.users[source] = replace(owner.user, id=source, email="old@example.com", username=None)
    store.birthdays.put_account(store.users[source])


def add_invite(store: FakeStore, owner: Person) -> UUID:
    """Store an invite of the owner, and return its id."""
    times = {"created_at": store.clock(), "expires_at": store.clock() + timedelta(days=1)}
    invite_id, address = UUID(int=6), "max@example.com"
    store.invites[invite_id] = Invite(
        id=invite_id,
        email=address,
        role="user",
        invited_by=owner.user.id,
        token_hash=b"t" * 32,
        code_hash=b"c" * 32,
        **times,
    )
    return invite_id


def add_factor(store: FakeStore, owner: Person) -> UUID:
    """Store an authenticator app and a passkey of the owner, both by the id that is returned."""
    factor = TotpFactor(
        id=UUID(int=5),
        user_id=owner.user.id,
        sealed_secret=b"",
        created_at=START,
        confirmed_at=START,
    )
    store.factors.totp[factor.id] = factor
    store.factors.passkeys[factor.id] = Passkey(
        id=factor.id,
        user_id=owner.user.id,
        credential_id=b"c",
        public_key=b"",
        sign_count=0,
        name="Phone",
        backed_up=False,
        created_at=START,
    )
    return factor.id


@pytest.mark.parametrize("endpoint", OWNED, ids=name_of)
async def test_check_34_another_users_resource_is_refused_and_unchanged(
    client: httpx2.AsyncClient,
    sign_up: SignUp,
    services: Services,
    store: FakeStore,
    endpoint: AnyEndpoint,
) -> None:
    zoe, eve = await sign_up("zoe", date_of_birth=date(1990, 2, 28)), await sign_up("eve")
    resource = await create_resource(services, zoe, endpoint, store)
    programs = (store.api_tokens, store.service_accounts)
    accounts = (store.users, store.sessions, *programs, store.factors.totp, store.factors.passkeys)
    tables = (*accounts, store.items.rows, store.tasks)
    before = [*(dict(table) for table in tables), [*store.events]]
    answer = await call(client, endpoint, eve.headers, resource)
    assert answer.status_code == FOREIGN_STATUS[endpoint.name], answer.text
    assert [*tables, store.events] == before


@pytest.mark.parametrize("endpoint", [e for e in OWNED if e.name not in WITH_A_SECRET], ids=name_of)
async def test_the_owner_or_an_admin_is_allowed(
    client: httpx2.AsyncClient,
    sign_up: SignUp,
    services: Services,
    store: FakeStore,
    endpoint: AnyEndpoint,
) -> None:
    zoe = await sign_up("zoe", date_of_birth=date(1990, 2, 28))
    admin = await sign_up("ada", is_superuser=True)
    by = admin if endpoint in ADMIN_ONLY else zoe
    resource = await create_resource(services, zoe, endpoint, store)
    answer = await call(client, endpoint, by.headers, resource)
    assert answer.is_success, answer.text


@pytest.mark.parametrize("endpoint", [e for e in OWNED if e.path.startswith("/users")], ids=name_of)
async def test_a_plain_user_cannot_tell_existing_from_missing_accounts(
    client: httpx2.AsyncClient, sign_up: SignUp, endpoint: AnyEndpoint
) -> None:
    zoe, eve = await sign_up("zoe"), await sign_up("eve")
    for resource in (zoe.user.id, UUID(int=7)):
        problem(await call(client, endpoint, eve.headers, resource), 403, "not_allowed")


@pytest.mark.parametrize(
    "endpoint", [e for e in ENDPOINTS if e.access is Access.ANYONE], ids=name_of
)
async def test_an_anonymous_endpoint_ignores_tokens(
    client: httpx2.AsyncClient, endpoint: AnyEndpoint
) -> None:
    answer = await call(client, endpoint, MALFORMED_TOKEN)
    assert answer.status_code not in {401, 403}
