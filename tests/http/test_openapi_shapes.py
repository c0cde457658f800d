"""The OpenAPI document is derived from the data of the endpoints."""

from typing import Any

import pytest
from openapi_spec_validator import validate
from pydantic import BaseModel, Field
from starlette.responses import Response

from jubilee.domain.auth.tokens import InvalidGrant
from jubilee.domain.errors import Conflict, DomainError, NotFound
from jubilee.domain.scopes import Scope
from jubilee.entrypoints.http.docs.openapi import document
from jubilee.entrypoints.http.framework.endpoint import (
    FORM,
    JSON,
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Model,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.paging import PageQuery
from tests.http.references import Json, resolved


class Thing(Model):
    """A body."""

    name: str


class ThingReply(BaseModel):
    """An answer."""

    name: str


class Things(PageQuery):
    """A query."""

    color: str
    owner: str | None = None


class NoThing(NotFound):
    """There is no such thing here."""

    code = "no_thing"


class Taken(Conflict):
    """It is taken."""

    code = "taken"


class Reserved(Conflict):
    """It is reserved."""

    code = "reserved"


async def nothing(_: Call[Any, Any]) -> Response:
    return Response()


def thing(**changes: Any) -> AnyEndpoint:
    """A minimal endpoint; `changes` overrides its data."""
    defaults: Json = {
        "method": "GET",
        "path": "/things",
        "name": "things",
        "summary": "Things",
        "tag": "items",
        "handler": nothing,
        "access": Access.ANYONE,
        "replies": (ResponseSpec(status=200, description="A thing.", model=ThingReply),),
    }
    return Endpoint(**{**defaults, **changes})


def describe(endpoint: AnyEndpoint) -> tuple[Json, Json]:
    """The one operation of the document, and the document."""
    whole = document([endpoint])
    validate(whole)
    operation: Json = whole["paths"][endpoint.path][endpoint.method.lower()]
    return operation, whole


def codes(operation: Json, whole: Json) -> dict[str, list[str]]:
    """Codes of the problems by status."""
    media = "application/problem+json"
    answers = {s: resolved(r, whole).get("content", {}) for s, r in operation["responses"].items()}
    return {
        s: list(content[media]["examples"]) for s, content in answers.items() if media in content
    }


@pytest.mark.parametrize(
    ("changes", "statuses"),
    [
        ({"needs_database": False}, {400, 422, 500}),
        ({}, {400, 422, 500, 503}),
        ({"path": "/things/{id}"}, {400, 404, 422, 500, 503}),
        ({"access": Access.OPTIONAL}, {400, 401, 403, 422, 500, 503}),
        ({"access": Access.SIGNED_IN}, {400, 401, 403, 422, 500, 503}),
        ({"access": Access.ADMIN}, {400, 401, 403, 422, 500, 503}),
        ({"method": "PUT", "body": Thing}, {400, 408, 413, 415, 422, 500, 503}),
        ({"method": "DELETE", "conditional": True}, {400, 412, 422, 500, 503}),
    ],
)
def test_the_problems_of_an_operation_follow_from_its_endpoint(
    changes: Json, statuses: set[int]
) -> None:
    operation, whole = describe(thing(**changes))
    assert {int(status) for status in codes(operation, whole)} == statuses | {406, 414, 421, 429}


def test_errors_of_one_status_share_one_response() -> None:
    errors: tuple[type[DomainError], ...] = (Taken, NoThing, Reserved, Taken)
    found = codes(*describe(thing(errors=errors)))
    assert (found["409"], found["404"]) == (["reserved", "taken"], ["no_thing"])


def test_a_paged_list_documents_the_invalid_cursor() -> None:
    found = codes(*describe(thing(query=Things)))
    assert found["400"] == ["invalid_cursor", "malformed_query"]


def test_every_member_of_a_query_is_a_parameter() -> None:
    operation, whole = describe(thing(query=Things))
    found = {p["name"]: p for p in (resolved(part, whole) for part in operation["parameters"])}
    assert list(found) == ["limit", "cursor", "color", "owner"]
    assert found["limit"]["schema"] == {
        "default": 20,
        "maximum": 100,
        "minimum": 1,
        "type": "integer",
    }
    assert found["owner"]["schema"] == {"type": "string"}
    assert [name for name, part in found.items() if part.get("required")] == ["color"]
    assert "Things" not in whole["components"]["schemas"]


def test_two_queries_may_have_different_parameters_of_one_name() -> None:
    class Others(Model):
        limit: int = 7

    whole = document([thing(query=Things), thing(query=Others, path="/others", name="others")])
    validate(whole)
    other = whole["paths"]["/others"]["get"]["parameters"]
    assert other == [{"$ref": "#/components/parameters/limit.2"}]
    assert resolved(other[0], whole)["schema"] == {"default": 7, "type": "integer"}


def test_a_body_is_documented_for_its_first_content_type_only() -> None:
    changes: Json = {"body": Thing, "media": (FORM, JSON), "example": {"name": "cup"}}
    operation, whole = describe(thing(method="POST", **changes))
    body = operation["requestBody"]
    assert (body["required"], list(body["content"])) == (True, [FORM])
    assert body["content"][FORM]["example"] == {"name": "cup"}
    assert resolved(body["content"][FORM]["schema"], whole)["required"] == ["name"]


def test_the_default_of_a_member_is_part_of_its_description() -> None:
    class Lamp(Model):
        color: str = Field("red", description="its light")
        watts: int = 5
        owner: str | None = None

    operation, whole = describe(thing(method="POST", body=Lamp))
    schema = resolved(operation["requestBody"]["content"][JSON]["schema"], whole)
    members = schema["properties"]
    assert members["color"] == {"type": "string", "description": 'its light. Default: `"red"`.'}
    assert members["watts"] == {"type": "integer", "description": "Default: `5`."}
    assert "description" not in members["owner"]
    assert "required" not in schema


def test_several_examples_are_documented_by_name() -> None:
    changes: Json = {
        "body": Thing,
        "example": {"name": "cup"},
        "examples": {"jug": {"name": "jug"}},
    }
    operation, _ = describe(thing(method="POST", **changes))
    content = operation["requestBody"]["content"][JSON]
    assert content["examples"] == {"jug": {"value": {"name": "jug"}}}
    assert "example" not in content


def schemes(*scopes: str) -> list[dict[str, list[str]]]:
    """Scopes stand beside the OAuth2 scheme; a bearer token has none in the document."""
    return [{"password": [*scopes]}, {"token": []}]


def test_the_security_of_an_operation_follows_from_its_access_and_scope() -> None:
    read = {access: thing(access=access, scope=Scope.ITEMS_READ) for access in Access}
    found = {access: describe(endpoint)[0]["security"] for access, endpoint in read.items()}
    assert found == {
        Access.ANYONE: [],
        Access.OPTIONAL: [{}, *schemes("items:read")],
        Access.SIGNED_IN: schemes("items:read"),
        Access.ROLE: schemes("items:read"),
        Access.ADMIN: schemes("admin", "items:read"),
    }
    undeclared, _ = describe(thing(access=Access.SIGNED_IN))
    assert undeclared["security"] == schemes("account")


def test_refusals_document_their_headers() -> None:
    operation, whole = describe(thing(access=Access.SIGNED_IN))
    headers = {s: resolved(r, whole)["headers"] for s, r in operation["responses"].items()}
    assert "WWW-Authenticate" in headers["401"]
    assert "Retry-After" in headers["503"]
    assert set(headers["422"]) == {"X-Request-ID", "RateLimit", "RateLimit-Policy"}


def test_problems_of_a_sign_in_have_the_members_of_oauth() -> None:
    operation, whole = describe(thing(oauth=True, errors=(InvalidGrant,)))
    content = resolved(operation["responses"]["400"], whole)["content"]["application/problem+json"]
    example = resolved(content["examples"]["invalid_grant"], whole)["value"]
    assert example["error"] == "invalid_grant"
    assert {"error", "error_description"} <= set(resolved(content["schema"], whole)["required"])


def test_preconditions_are_documented_as_headers() -> None:
    known = ResponseSpec(status=304, description="Not modified.")
    read, whole = describe(thing(replies=(known,)))
    assert [resolved(p, whole)["name"] for p in read["parameters"]] == ["If-None-Match"]
    write, whole = describe(thing(method="DELETE", conditional=True))
    names = [resolved(p, whole)["name"] for p in write["parameters"]]
    assert names == ["If-Match", "If-None-Match"]


def test_a_response_without_a_body_has_no_content() -> None:
    operation, _ = describe(thing(replies=(ResponseSpec(status=204, description="Done."),)))
    assert "content" not in operation["responses"]["204"]


def test_a_html_response_is_documented_as_a_string() -> None:
    page = ResponseSpec(status=200, description="A page.", media="text/html")
    operation, _ = describe(thing(replies=(page,)))
    assert operation["responses"]["200"]["content"] == {"text/html": {"schema": {"type": "string"}}}
