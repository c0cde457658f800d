"""Parameters of an operation in the OpenAPI document: path, query, precondition headers."""

from collections.abc import Iterator
from string import Formatter

from jubilee.domain.tasks.task import TASK_ID
from jubilee.entrypoints.http.docs.components import Components, Json
from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint, Idempotency
from jubilee.entrypoints.http.framework.idempotency import KEY

PATH: dict[str, Json] = {
    "id": {
        "description": "id of the resource",
        "schema": {"type": "string", "format": "uuid"},
    },
    "provider": {
        "description": "name of a provider, as `GET /auth/providers` lists it",
        "schema": {"type": "string", "minLength": 1},
        "example": "google",
    },
    "task_id": {
        "description": "`id` of the task, or the `task_id` chosen by its owner",
        "schema": {"type": "string", "pattern": f"^{TASK_ID}$"},
        "example": "order-4711",
    },
    "token_id": {
        "description": "id of the token",
        "schema": {"type": "string", "format": "uuid"},
    },
    "username": {
        "description": "a name: a letter, then letters and marks",
        "schema": {"type": "string", "minLength": 1},
        "example": "Zoë",
    },
}
SOME_TEXT: Json = {"schema": {"type": "string", "minLength": 1}}
TAGS: Json = {
    "type": "string",
    "pattern": r'^(\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)$',
    "examples": ['"1"'],
}
IF_MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "description": 'apply only if the ETag is one of these, such as `"1"`; `*` matches any',
    "schema": TAGS,
}
IF_NONE_MATCH: Json = {
    "name": "If-None-Match",
    "in": "header",
    "description": 'apply only if the ETag is none of these, such as `"1"`; `*` matches any',
    "schema": TAGS,
}

IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": (
        "a new random string, such as a UUID, for each request that is not a repetition; with or "
        "without quotation marks, at most 255 characters"
    ),
    "schema": {
        "type": "string",
        "pattern": rf"^{KEY}$",
        "examples": ["8e03978e-40d5-43dd-bc93-6894a57f9324"],
    },
}


def parameters(endpoint: AnyEndpoint, components: Components) -> list[Json]:
    """Return references to the parameters: path, query, headers."""
    found = [*_path(endpoint), *_query(endpoint, components), *_headers(endpoint)]
    return [components.refer("parameters", part["name"], part) for part in found]


def _path(endpoint: AnyEndpoint) -> Iterator[Json]:
    for _, name, _, _ in Formatter().parse(endpoint.path):
        if name:
            yield {"name": name, "in": "path", "required": True, **PATH.get(name, SOME_TEXT)}


def _query(endpoint: AnyEndpoint, components: Components) -> Iterator[Json]:
    if endpoint.query is None:
        return
    schema = components.query(endpoint.query)
    for name, member in schema.get("properties", {}).items():
        value = _without_null(member)
        described = {"description": value.pop("description")} if "description" in value else {}
        required = {"required": True} if name in schema.get("required", []) else {}
        yield {"name": name, "in": "query", **described, **required, "schema": value}


def _without_null(member: Json) -> Json:
    """Return the schema of a parameter, which may be absent but is never null."""
    schema = dict(member)
    types = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    if len(types) == 1:
        return {**types[0], **schema}
    return {**schema, "anyOf": types} if types else schema


def _headers(endpoint: AnyEndpoint) -> Iterator[Json]:
    if endpoint.conditional:
        yield IF_MATCH
    if endpoint.conditional or endpoint.is_tagged:
        yield IF_NONE_MATCH
    if endpoint.idempotency is not Idempotency.NONE:
        yield IDEMPOTENCY_KEY
