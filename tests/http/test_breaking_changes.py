"""The OpenAPI document breaks no client of the last release."""

import json
from collections.abc import Callable
from copy import deepcopy

import pytest

from tests.http.breaking_changes import breaking_changes
from tests.http.generated_document import DOCUMENT
from tests.http.references import Json
from tests.http.released_openapi import RELEASED, without_texts

NOW = without_texts(DOCUMENT)


ACCEPTED: dict[str, str] = {
    "POST /auth/token 200.refresh_token: no longer always present": (
        "only the client credentials grant has none, which the last release refused"
    ),
}
"""Breaking changes since the last release, each with its reason; emptied by the next release."""


def schema(whole: Json, name: str) -> Json:
    found: Json = whole["components"]["schemas"][name]
    return found


def remove_operation(whole: Json) -> None:
    del whole["paths"]["/items/{id}"]["delete"]


def require_member(whole: Json) -> None:
    schema(whole, "WholeItem")["required"] = ["description", "title"]


def remove_request_member(whole: Json) -> None:
    del schema(whole, "WholeItem")["properties"]["description"]


def remove_response_member(whole: Json) -> None:
    del schema(whole, "ItemReply")["properties"]["owner_id"]


def make_response_member_optional(whole: Json) -> None:
    schema(whole, "ItemReply")["required"].remove("title")


def narrow_type(whole: Json) -> None:
    schema(whole, "WholeItem")["properties"]["title"]["type"] = "integer"


def shorten_text(whole: Json) -> None:
    schema(whole, "WholeItem")["properties"]["title"]["maxLength"] = 10


def refuse_null(whole: Json) -> None:
    description = schema(whole, "WholeItem")["properties"]["description"]
    description["anyOf"] = description["anyOf"][:1]


def widen_response(whole: Json) -> None:
    schema(whole, "ItemReply")["properties"]["title"]["type"] = ["string", "null"]


def require_parameter(whole: Json) -> None:
    parameter = {"in": "query", "name": "tenant", "required": True, "schema": {"type": "string"}}
    whole["paths"]["/items"]["get"].setdefault("parameters", []).append(parameter)


def remove_response(whole: Json) -> None:
    del whole["paths"]["/items"]["post"]["responses"]["201"]


BREAKS = [
    (remove_operation, "DELETE /items/{id}: removed"),
    (require_member, "POST /items body.description: required"),
    (remove_request_member, "POST /items body.description: removed"),
    (remove_response_member, "GET /items/{id} 200.owner_id: removed"),
    (make_response_member_optional, "GET /items/{id} 200.title: no longer always present"),
    (narrow_type, "POST /items body.title: type string against ['integer']"),
    (shorten_text, "POST /items body.title: maxLength changed"),
    (refuse_null, "POST /items body.description: choices changed"),
    (widen_response, "GET /items/{id} 200.title: type null against ['string']"),
    (require_parameter, "GET /items: parameter query tenant required"),
    (remove_response, "POST /items: response 201 removed"),
]


def test_the_document_breaks_no_client_of_the_last_release() -> None:
    found = breaking_changes(json.loads(RELEASED.read_text()), NOW)
    assert sorted(found) == sorted(ACCEPTED)


@pytest.mark.parametrize(("change", "found"), BREAKS)
def test_a_breaking_change_is_named(change: Callable[[Json], None], found: str) -> None:
    changed = deepcopy(NOW)
    change(changed)
    assert found in breaking_changes(NOW, changed)


def test_refusing_other_members_is_a_breaking_change() -> None:
    before = deepcopy(NOW)
    del schema(before, "WholeItem")["additionalProperties"]
    assert "POST /items body: other members refused" in breaking_changes(before, NOW)


def test_additions_are_compatible() -> None:
    changed = deepcopy(NOW)
    schema(changed, "WholeItem")["properties"]["colour"] = {"type": "string"}
    schema(changed, "ItemReply")["properties"]["colour"] = {"type": "string"}
    schema(changed, "WholeItem")["properties"]["title"]["maxLength"] = 1000
    changed["paths"]["/colours"] = changed["paths"]["/items"]
    assert breaking_changes(NOW, changed) == []
