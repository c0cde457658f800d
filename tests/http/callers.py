"""Every kind of caller that the service knows, signed in over the fakes, for the tests."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

import httpx2

from jubilee.adapters.ids import new_id
from jubilee.domain.api_tokens.text import hashed, secret_text
from jubilee.domain.api_tokens.token import PREFIX, ApiToken, ApiTokenId
from jubilee.domain.identity import UserId
from jubilee.domain.scopes import TOKEN_SCOPES, Scope
from tests.conftest import Person, SignUp
from tests.fakes.roles import KNOWN
from tests.fakes.store import FakeStore
from tests.http.factor_calls import add_app, first_step

MACHINE_SCOPES = frozenset({Scope.ITEMS_READ, Scope.TASKS_WRITE})


@dataclass(frozen=True, slots=True)
class Caller:
    """The headers of a caller, and the scopes that roles and credential allow together."""

    headers: dict[str, str]
    allowed: frozenset[Scope]


def token_of(store: FakeStore, account: UserId, scopes: Collection[Scope]) -> dict[str, str]:
    """Return the headers of a new token of the account that has only these scopes."""
    token_id = ApiTokenId(new_id())
    text = secret_text(PREFIX, token_id.bytes + bytes(8))
    store.api_tokens[token_id] = ApiToken(
        id=token_id,
        user_id=account,
        name="limited",
        token_hash=hashed(text),
        scopes=frozenset(scopes),
        created_at=store.clock(),
        expires_at=store.clock() + timedelta(days=1),
    )
    return {"Authorization": f"Bearer {text}"}


@dataclass(frozen=True, slots=True)
class Callers:
    """Makes callers by their descriptions."""

    client: httpx2.AsyncClient
    sign_up: SignUp
    store: FakeStore

    async def named(self, name: str) -> Caller:
        """Return the caller of a name of `NAMES`."""
        kind, _, detail = name.partition(" ")
        made: Caller = await getattr(self, f"_{kind}")(detail)
        return made

    async def _session(self, role: str) -> Caller:
        return Caller((await self._account(role)).headers, rights_of(role))

    async def _token(self, detail: str) -> Caller:
        """Return a token of an account of this role that has one scope, or all that tokens have."""
        role, _, scope = detail.partition(" ")
        scopes = {Scope(scope)} if scope else TOKEN_SCOPES
        headers = token_of(self.store, (await self._account(role)).user.id, scopes)
        return Caller(headers, rights_of(role) & scopes)

    async def _machine(self, _: str) -> Caller:
        """Return a service account with a granted token."""
        admin = await self._account("admin")
        new = {"name": "import", "scopes": sorted(MACHINE_SCOPES)}
        made = await self.client.post("/service-accounts", json=new, headers=admin.headers)
        form = {"client_id": made.json()["id"], "client_secret": made.json()["client_secret"]}
        grant = {"grant_type": "client_credentials", **form}
        token = (await self.client.post("/auth/token", data=grant)).json()["access_token"]
        return Caller({"Authorization": f"Bearer {token}"}, MACHINE_SCOPES)

    async def _acting(self, role: str) -> Caller:
        """Return an admin that acts as an account of this role."""
        admin, target = await self._account("admin"), await self.sign_up("target", roles=[role])
        path, body = f"/users/{target.user.id}/impersonate", {"reason": "ticket 4711"}
        reply = (await self.client.post(path, json=body, headers=admin.headers)).json()
        headers = {"Authorization": f"Bearer {reply['access_token']}"}
        return Caller(headers, rights_of(role) & TOKEN_SCOPES)

    async def _waiting(self, _: str) -> Caller:
        """Return an admin whose second factor is missing."""
        await add_app(self.client, await self._account("admin"), self.store.clock)
        token = (await first_step(self.client, "caller"))["mfa_token"]
        return Caller({"Authorization": f"Bearer {token}"}, frozenset())

    async def _stranger(self, _: str) -> Caller:
        return Caller({}, frozenset())

    async def _account(self, role: str) -> Person:
        return await self.sign_up("caller", roles=[role])


def rights_of(role: str) -> frozenset[Scope]:
    """Return what an account of the role may do."""
    return KNOWN[role].scopes | KNOWN["user"].scopes


NAMES = [
    *(f"session {role}" for role in KNOWN),
    *(f"token {role}" for role in KNOWN),
    *(f"token admin {scope}" for scope in sorted(TOKEN_SCOPES)),
    *(f"acting {role}" for role in ("auditor", "support", "user")),
    *("machine", "waiting", "stranger"),
]
