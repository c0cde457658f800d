"""Every example request of the OpenAPI document succeeds after a sign-in."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import asyncpg
import httpx2
import pytest

from jubilee.entrypoints.http.framework.endpoint import FORM
from tests.http.generated_document import DOCUMENT
from tests.http.references import Json, resolved
from tests.support.api import Api, bearer

KILL = (
    "UPDATE jobs SET status = 'dead', attempts = max_attempts, finished_at = now() "
    "WHERE task_id = 'order-4711'"
)
EMAIL = "zoe@example.com"
INVITED = "max@example.com"
MAKE_ADMIN = "UPDATE users SET is_superuser = true WHERE email = $1"


LINKS = {
    "verifyEmail": "verify_email",
    "resetPassword": "reset_password",
    "confirmEmail": "change_email",
    "undoEmail": "undo_email",
}
"""Purposes of the mailed links that operations take."""

REFUSED = {
    "addPasskey": "invalid_passkey",
    "completeSignIn": "invalid_mfa_token",
    "confirmTotp": "path_not_found",
    "endProviderSessions": "provider_not_found",
    "exchangeSignInCode": "invalid_grant",
    "finishProviderSignIn": "provider_not_found",
    "getIssuerMetadata": "path_not_found",
    "getMyExport": "export_not_found",
    "getOpenIdConfiguration": "path_not_found",
    "impersonateUser": "own_account",
    "linkIdentity": "invalid_grant",
    "lockUser": "own_account",
    "mergeUsers": "user_not_found",
    "passkeySignIn": "invalid_passkey",
    "reauthenticate": "reauthentication_required",
    "removeFactor": "method_not_allowed",
    "renewRecoveryCodes": "no_factor",
    "restoreMe": "invalid_grant",
    "startProviderSignIn": "provider_not_found",
    "unlinkIdentity": "method_not_allowed",
}
"""Operations on what zoe has not, such as a second factor, another provider or a second account,
or that need the signature of an authenticator: their examples are understood, and refused with
this code."""

ADD_LINK = """
    INSERT INTO one_time_links (id, user_id, purpose, recipient, recipient_key, payload,
                                token_hash, code_hash, created_at, expires_at)
    SELECT gen_random_uuid(), id, $2, email, email_key, '{}', sha256(convert_to($3, 'UTF8')), '',
           now(), now() + interval '1 hour' FROM users WHERE email = $1
"""
ADD_PASSKEY = """
    INSERT INTO passkeys (id, user_id, credential_id, public_key, sign_count, name, backed_up,
                          created_at)
    SELECT gen_random_uuid(), id, '', '', 0, 'Phone', true, now() FROM users WHERE email = $1
    RETURNING id
"""
SET_INVITE_TOKEN = "UPDATE invites SET token_hash = sha256(convert_to($2, 'UTF8')) WHERE email = $1"


class Operation(NamedTuple):
    """An operation of the document."""

    name: str
    method: str
    path: str
    parameters: list[Json]
    content: Json

    def changes(self) -> bool:
        """Return whether it may change data."""
        return self.method not in {"GET", "HEAD"}

    def example_parameters(self, place: str) -> dict[str, str]:
        """Return the examples of the header, path or query parameters."""
        return {
            part["name"]: str(value)
            for part in self.parameters
            if part["in"] == place
            and (value := part.get("example", part["schema"].get("default"))) is not None
        }

    def bodies(self) -> list[Any]:
        """Return every example of the body; [None] without a body."""
        if not self.content:
            return [None]
        (media,) = self.content.values()
        named = media.get("examples", {"": {"value": media.get("example")}})
        return [example["value"] for example in named.values()]

    def send(self, client: httpx2.Client, path: str, body: Any) -> httpx2.Response:
        """Send the body with the documented content type."""
        sent = {"data": body} if FORM in self.content else {"json": body}
        headers, query = self.example_parameters("header"), self.example_parameters("query")
        return client.request(self.method, path, headers=headers, params=query, **sent)


def operations() -> dict[str, Operation]:
    """Return all operations by id."""
    found = {}
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            parameters = [resolved(part, DOCUMENT) for part in operation.get("parameters", [])]
            name = operation["operationId"]
            found[name] = Operation(name, method.upper(), path, parameters, content)
    return found


OPERATIONS = operations()


class ExampleData:
    """The data of the examples: zoe, an admin, with an item, a task and a birthday."""

    def __init__(self, client: httpx2.Client, root: dict[str, str]) -> None:
        self._client, self._root = client, root
        self.ids: dict[str, str] = {}
        self.tokens: dict[str, str] = {}

    def example(self, name: str) -> dict[str, Any]:
        """Send the first example of an operation and return the JSON."""
        operation = OPERATIONS[name]
        answer = operation.send(self._client, self.path(operation), operation.bodies()[0])
        assert answer.is_success, (name, answer.text)
        reply: dict[str, Any] = answer.json() if answer.content else {}
        return reply

    def path(self, operation: Operation) -> str:
        """Return the path with example parameters and with ids of the service."""
        collection = operation.path.partition("/{id}")[0].rpartition("/")[2]
        known = self.ids
        values = {"id": known.get(collection, ""), "token_id": known.get("token_id", "")}
        values.update(operation.example_parameters("path"))
        return operation.path.format_map(values)

    def remove(self) -> None:
        """Delete zoe and everything of hers, and the account that she has invited."""
        self._client.headers.update(self._root)
        for user in self._client.get("/users").json()["items"]:
            if user["email"] in {EMAIL, INVITED}:
                assert self._client.delete(f"/users/{user['id']}").status_code == 204
        self._client.delete("/hello/Zoë")
        del self._client.headers["Authorization"]

    async def make(self, connection: Any) -> None:
        """Create zoe and sign in."""
        self.ids["users"] = self.example("register")["id"]
        await connection.execute(MAKE_ADMIN, EMAIL)
        self.tokens = self.example("signIn")
        self._client.headers.update(bearer(self.tokens))
        self.example("saveBirthday")
        self.ids["items"] = self.example("createItem")["id"]
        self.ids["sessions"] = self.example("listSessions")["items"][0]["id"]
        self.ids["access-tokens"] = self.example("createAccessToken")["id"]
        self.ids["service-accounts"] = self.example("createServiceAccount")["id"]
        self.ids["token_id"] = self.example("createServiceAccountToken")["id"]
        self.example("createTask")
        self.ids["passkeys"] = await connection.fetchval(ADD_PASSKEY, EMAIL)

    async def invite(self, connection: Any, token: str) -> None:
        """Invite a second person by a link with this token."""
        self.ids["invites"] = self.example("createInvite")["id"]
        await connection.execute(SET_INVITE_TOKEN, INVITED, token)


@pytest.fixture
def data(api: Api) -> Iterator[tuple[httpx2.Client, ExampleData]]:
    """A client at the canonical mount, and the example data."""
    root = bearer(api.add_admin("root"))
    with httpx2.Client(base_url=f"{api.url}/api", timeout=10) as client:
        yield client, ExampleData(client, root)


def with_real_tokens(body: Any, tokens: dict[str, str]) -> Any:
    """Return the body with the service's tokens in place of the examples."""
    if isinstance(body, dict) and "refresh_token" in body:
        return {**body, "refresh_token": tokens["refresh_token"]}
    return body


def is_refused(operation: Operation, body: Any, answer: httpx2.Response) -> bool:
    """Whether the refusal is the expected one; only the mail and the service's key have a code.

    No deletion waits for `restoreMe`, whose link is thus refused, too.
    """
    members = body.keys() if isinstance(body, dict) else set()
    is_mailed = {"email", "code"} <= members or (operation.name, *members) == ("restoreMe", "token")
    wrong_proof = "invalid_invite" if operation.name == "acceptInvite" else "invalid_link"
    expected = wrong_proof if is_mailed else REFUSED.get(operation.name)
    return bool(answer.json()["code"] == expected)


async def prepare(connection: Any, examples: ExampleData, operation: Operation) -> None:
    """Make new data of the examples, in the state that the operation needs."""
    examples.remove()
    if operation.name not in {"register", "createUser"}:
        await examples.make(connection)
    if operation.name == "retryTask":
        await connection.execute(KILL)
    if operation.name in LINKS:
        token = operation.bodies()[0]["token"]
        await connection.execute(ADD_LINK, EMAIL, LINKS[operation.name], token)
    if operation.name in {"acceptInvite", "revokeInvite"}:
        await examples.invite(connection, OPERATIONS["acceptInvite"].bodies()[0]["token"])


async def test_every_example_request_succeeds(
    data: tuple[httpx2.Client, ExampleData], database_url: str
) -> None:
    client, examples = data
    connection = await asyncpg.connect(database_url)
    try:
        # Those that change nothing come first, on the same data.
        for operation in sorted(OPERATIONS.values(), key=Operation.changes):
            for body in operation.bodies():
                if operation.changes() or not examples.tokens:
                    await prepare(connection, examples, operation)
                sent = with_real_tokens(body, examples.tokens)
                answer = operation.send(client, examples.path(operation), sent)
                assert answer.is_success or is_refused(operation, body, answer), (
                    operation.name,
                    body,
                    answer.text,
                )
    finally:
        await connection.close()
