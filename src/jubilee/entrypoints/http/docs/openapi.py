"""Generate the OpenAPI 3.1 document from the registry, for the canonical mount `/api`."""

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus

from jubilee import __version__
from jubilee.domain.scopes import TOKEN_SCOPES, Scope
from jubilee.entrypoints.http.docs.components import Components, Json
from jubilee.entrypoints.http.docs.descriptions import describe
from jubilee.entrypoints.http.docs.parameters import parameters
from jubilee.entrypoints.http.docs.problem_schemas import (
    ErrorClass,
    OAuthProblem,
    Problem,
    errors_by_status,
    sample,
)
from jubilee.entrypoints.http.framework.endpoint import (
    JSON,
    Access,
    AnyEndpoint,
    Idempotency,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.json_bounds import MAX_DEPTH, MAX_VALUES
from jubilee.entrypoints.http.framework.problems import MEDIA
from jubilee.entrypoints.http.framework.rate_limits import HEADERS as RATE_HEADERS

INFO = {
    "title": "Jubilee",
    "summary": "Accounts, items and birthdays.",
    "description": (
        "Sign in by `POST /auth/token` and send the access token as `Authorization: Bearer …`. "
        "A program sends a personal access token instead, which has the scopes that its requests "
        "need. "
        "Every error is a problem document (RFC 9457) whose `code` stays the same, and whose "
        "`type` leads to a page that explains it: [all problems](/problems). "
        "Every response has an `X-Request-ID`; the client may choose it. "
        "Requests are counted for each user, or else for each client address, by the class that "
        "`x-rate-limit-class` names; `RateLimit` says what is left, and 429 when there is nothing. "
        "All routes are available under `/api`, under `/v1/api` and at the root."
    ),
    "contact": {"name": "The Jubilee authors"},
    "license": {"name": "MIT", "identifier": "MIT"},
}
TAGS = {
    "hello": "Save birthdays under names, and greet them.",
    "birthdays": "Lists of birthdays, for admins.",
    "auth": "Sign in and out; sessions and tokens.",
    "service accounts": "Accounts of machines and their tokens, for admins.",
    "factors": "Second factors: authenticator apps, recovery codes, passkeys.",
    "users": "Accounts: one's own, and all accounts for admins.",
    "roles": "Roles, and which account has which.",
    "invites": "Invitations to register.",
    "items": "Items with a title and a description.",
    "tasks": "Durable background tasks.",
    "audit": "The audit log: who did what, when and from where.",
    "meta": "Health, metrics and documentation.",
}
MOUNT = "/api"
SIGN_IN_PATH = "/auth/token"
SCOPES = {
    Scope.PROFILE_READ: "read one's own account",
    Scope.PROFILE_WRITE: "change one's own profile, without e-mail address and password",
    Scope.ITEMS_READ: "read items",
    Scope.ITEMS_WRITE: "create, change and delete items",
    Scope.TASKS_READ: "read tasks",
    Scope.TASKS_WRITE: "create, cancel and retry tasks",
    Scope.BIRTHDAYS_READ: "list birthdays",
    Scope.BIRTHDAYS_WRITE: "save and delete birthdays",
    Scope.USERS_READ: "read accounts by their ids",
    Scope.USERS_WRITE: "change accounts by their ids",
    Scope.USERS_LOCK: "lock and unlock accounts",
    Scope.USERS_IMPERSONATE: "act as accounts of lower rank; no token can have it",
    Scope.AUDIT_READ: "read the audit log",
    Scope.ROLES_READ: "read roles",
    Scope.ROLES_WRITE: "grant roles; no token can have it",
    Scope.INVITES_READ: "read invites",
    Scope.INVITES_WRITE: "send and revoke invites; no token can have it",
    Scope.ADMIN: "have the rights of an admin, in addition to the other scopes",
    Scope.ACCOUNT: "change credentials, end sessions, delete accounts; no token can have it",
}
TOKEN_ONLY = {scope: text for scope, text in SCOPES.items() if scope in TOKEN_SCOPES}
HEADERS = {
    "X-Request-ID": "id of the request: the client's own if it is well-formed, else a new one",
    "WWW-Authenticate": "the authentication scheme",
    "Accept-Encoding": "the accepted content codings of a body",
    "Retry-After": "seconds to wait before repeating the request",
}

MINIMAL = "The change is made; the client asked for no body (`Prefer: return=minimal`)."
REPLAYED = {
    "Idempotent-Replayed": "`true` if this is the stored answer to an earlier request with the key"
}


def document(
    endpoints: Iterable[AnyEndpoint], version: str = __version__, *, public_url: str = ""
) -> Json:
    """Generate the document as JSON types; deterministic for a registry.

    Without a `public_url` its URLs are relative to the host that serves it.
    """
    documented = [endpoint for endpoint in endpoints if endpoint.documented]
    components = Components(documented)
    paths: dict[str, Json] = {}
    for endpoint in documented:
        operation = _operation(endpoint, components)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    tags = {endpoint.tag for endpoint in documented}
    return {
        "openapi": "3.1.0",
        "info": {**INFO, "version": version},
        "servers": [{"url": public_url + MOUNT}],
        "tags": [{"name": tag, "description": TAGS[tag]} for tag in TAGS if tag in tags],
        "paths": paths,
        "components": {**components.contents(), "securitySchemes": _schemes(public_url)},
    }


def _schemes(public_url: str) -> Json:
    token_url = public_url + MOUNT + SIGN_IN_PATH
    return {
        "password": {
            "type": "oauth2",
            "description": "Sign in with username or e-mail address and password; as a machine "
            "with client id and client secret.",
            "flows": {
                "password": {"tokenUrl": token_url, "scopes": SCOPES},
                "clientCredentials": {"tokenUrl": token_url, "scopes": TOKEN_ONLY},
            },
        },
        "token": {
            "type": "http",
            "description": "An access token from a sign-in, or a personal access token; it needs "
            "the scopes that are listed for `password`.",
            "scheme": "bearer",
        },
    }


def _operation(endpoint: AnyEndpoint, components: Components) -> Json:
    parts = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "description": describe(endpoint),
        "tags": [endpoint.tag],
        "parameters": parameters(endpoint, components),
        "requestBody": _body(endpoint, components),
        "responses": _responses(endpoint, components),
        "x-rate-limit-class": endpoint.route_class,
    }
    present = {name: part for name, part in parts.items() if part}
    deprecated = {"deprecated": True} if endpoint.deprecation is not None else {}
    return {**present, **deprecated, "security": _security(endpoint)}


def _security(endpoint: AnyEndpoint) -> list[Json]:
    """Return what authenticates; sessions have every scope, tokens some.

    Scopes stand beside the OAuth2 scheme alone: linters know no scopes of a bearer scheme.
    """
    if endpoint.access is Access.ANYONE:
        return []
    known: list[Json] = [{"password": sorted(endpoint.scopes)}, {"token": []}]
    return [{}, *known] if endpoint.access is Access.OPTIONAL else known


def _body(endpoint: AnyEndpoint, components: Components) -> Json | None:
    if endpoint.body is None:
        return None
    schema = components.schema(endpoint.body_schema or endpoint.body, "validation")
    content = _content(schema, endpoint.example)
    if endpoint.examples:
        examples = {name: {"value": value} for name, value in endpoint.examples.items()}
        content = {"schema": schema, "examples": examples}
    return {
        "description": _bounds(endpoint.max_body_bytes),
        "required": endpoint.body_required,
        # Client generators fail on an operation that offers more than one content type.
        "content": {endpoint.media[0]: content},
    }


def _bounds(max_bytes: int | None) -> str:
    size = f"{max_bytes >> 10} KiB" if max_bytes else "1 MiB, or MAX_BODY_BYTES if it is set"
    return f"At most {size}; JSON with at most {MAX_VALUES} values in {MAX_DEPTH} levels."


def _responses(endpoint: AnyEndpoint, components: Components) -> Json:
    limits = {} if endpoint.route_class is None else RATE_HEADERS
    more = {**dict(_more_headers(endpoint)), **limits}
    found = {reply.status: _reply(reply, components, more) for reply in endpoint.replies}
    if endpoint.honours_prefer and HTTPStatus.OK in found:
        minimal = ResponseSpec(status=HTTPStatus.NO_CONTENT, description=MINIMAL)
        found.setdefault(minimal.status, _reply(minimal, components, more))
    for status, errors in errors_by_status(endpoint).items():
        problem = _problem(errors, components, limits, oauth=endpoint.oauth)
        name = f"{'oauth.' if endpoint.oauth else ''}{status}.{'.'.join(e.code for e in errors)}"
        found[status] = components.refer("responses", name, problem)
    return {str(status): found[status] for status in sorted(found)}


def _more_headers(endpoint: AnyEndpoint) -> Iterator[tuple[str, str]]:
    if endpoint.idempotency is not Idempotency.NONE:
        yield from REPLAYED.items()
    if endpoint.honours_prefer:
        yield "Preference-Applied", "the preference of `Prefer` that was applied"
    if endpoint.deprecation is not None:
        yield "Deprecation", "when the endpoint was deprecated, as `@` and seconds since 1970"
        yield "Sunset", "when the endpoint is removed"


def _reply(reply: ResponseSpec, components: Components, more: Mapping[str, str]) -> Json:
    names = {"X-Request-ID": HEADERS["X-Request-ID"], **reply.headers, **more}
    headers = {name: components.header(name, text) for name, text in names.items()}
    response: Json = {"description": reply.description, "headers": headers}
    if reply.model is not None:
        schema = components.schema(reply.model, "serialization")
    elif reply.media != JSON:
        binary = {} if reply.media.startswith("text/") else {"format": "binary"}
        schema = {"type": "string", **binary}
    else:
        return response
    content = _content(schema, reply.example)
    response["content"] = dict.fromkeys((reply.media, *reply.other_media), content)
    return response


def _content(schema: Json, example: object) -> Json:
    return {"schema": schema} if example is None else {"schema": schema, "example": example}


def _problem(
    errors: list[ErrorClass], components: Components, more: Mapping[str, str], *, oauth: bool
) -> Json:
    """Return the response for these errors of one status."""
    prefix = "oauth." if oauth else ""
    examples: Json = {}
    names = {"x-request-id"}
    for error in errors:
        value, headers = sample(error, oauth=oauth)
        part = {"summary": error.message(), "value": value}
        examples[error.code] = components.refer("examples", prefix + error.code, part)
        names.update(headers)
    schema = components.schema(OAuthProblem if oauth else Problem, "serialization")
    found = {name: text for name, text in HEADERS.items() if name.lower() in names}
    return {
        "description": ", ".join(f"`{error.code}`" for error in errors),
        "headers": {
            name: components.header(name, text) for name, text in {**found, **more}.items()
        },
        "content": {MEDIA: {"schema": schema, "examples": examples}},
    }
