"""What an operation takes beside a body: parts of its path, its query, preconditions."""

from collections.abc import Iterator
from http import HTTPStatus
from string import Formatter

from jubilee.domain.tasks.task import TASK_ID
from jubilee.entrypoints.http.docs.components import Components, Json
from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint

PATH: dict[str, Json] = {
    "id": {
        "description": "the id that the service gave it",
        "schema": {"type": "string", "format": "uuid"},
    },
    "task_id": {
        "description": "the id that the service gave it, or the `task_id` that its owner did",
        "schema": {"type": "string", "pattern": f"^{TASK_ID}$"},
        "example": "order-4711",
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
    "description": 'go on only if it still bears one of these ETags, such as `"1"`; `*` is any',
    "schema": TAGS,
}
IF_NONE_MATCH: Json = {
    "name": "If-None-Match",
    "in": "header",
    "description": 'go on only if it bears none of these ETags, such as `"1"`; `*` is any',
    "schema": TAGS,
}


def parameters(endpoint: AnyEndpoint, components: Components) -> list[Json]:
    """References to all of them, in the order in which a URL has them."""
    found = [*_path(endpoint), *_query(endpoint, components), *_conditions(endpoint)]
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
        value = _present(member)
        described = {"description": value.pop("description")} if "description" in value else {}
        required = {"required": True} if name in schema.get("required", []) else {}
        yield {"name": name, "in": "query", **described, **required, "schema": value}


def _present(member: Json) -> Json:
    """The schema of a parameter that is there: it may be left out, but it is never null."""
    kept = dict(member)
    kinds = [kind for kind in kept.pop("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        return {**kinds[0], **kept}
    return {**kept, "anyOf": kinds} if kinds else kept


def _conditions(endpoint: AnyEndpoint) -> Iterator[Json]:
    if endpoint.conditional and endpoint.method != "GET":
        yield IF_MATCH
    if endpoint.conditional or any(
        reply.status == HTTPStatus.NOT_MODIFIED for reply in endpoint.replies
    ):
        yield IF_NONE_MATCH
