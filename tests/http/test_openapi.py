"""The OpenAPI document of the service's own registry."""

import json
from collections.abc import Iterator
from typing import Any

from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import validate

from jubilee.entrypoints.http.docs.descriptions import DESCRIPTIONS
from jubilee.entrypoints.http.docs.openapi import document
from jubilee.entrypoints.http.framework.endpoint import FORM, JSON, Idempotency
from jubilee.entrypoints.http.framework.problems import QUOTA_EXCEEDED
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.http.generated_document import DOCUMENT
from tests.http.references import Json, resolved


def operations() -> Iterator[tuple[str, Json]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def members(part: Any, name: str) -> Iterator[Any]:
    """All members of that name at any depth."""
    if isinstance(part, dict):
        if name in part:
            yield part[name]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from members(inner, name)


def check(value: Any, schema: Json, whole: Json) -> None:
    checker = OAS31Validator(
        {**schema, "components": whole["components"]}, format_checker=oas31_format_checker
    )
    checker.validate(value)


def test_the_document_is_valid() -> None:
    validate(DOCUMENT)


def test_the_document_has_info_and_server() -> None:
    info = DOCUMENT["info"]
    assert {"title", "version", "description", "contact", "license"} <= set(info)
    assert DOCUMENT["openapi"] == "3.1.0"
    assert DOCUMENT["servers"] == [{"url": "/api"}]


def test_the_document_lists_every_endpoint_once() -> None:
    listed = [operation["operationId"] for _, operation in operations()]
    assert listed.count("getOpenApi") == 1
    assert sorted(listed) == sorted(e.name for e in ENDPOINTS if e.documented)
    assert len(set(listed)) == len(listed)


def test_every_operation_has_a_summary_and_a_description() -> None:
    for name, operation in operations():
        assert operation["summary"], name
        assert operation["description"].endswith("."), name
    assert DESCRIPTIONS.keys() == {operation["operationId"] for _, operation in operations()}


def test_a_description_says_what_a_request_needs_and_may_have() -> None:
    described = {
        operation["operationId"]: operation["description"] for _, operation in operations()
    }
    for endpoint in (one for one in ENDPOINTS if one.documented):
        said = {
            "`REAUTHENTICATION_MINUTES`": endpoint.recent_proof,
            "`If-Match`": endpoint.conditional,
            "`Prefer: return=minimal`": endpoint.honours_prefer,
            "`If-None-Match`": endpoint.is_tagged,
            "`Idempotency-Key`": endpoint.idempotency is not Idempotency.NONE,
        }
        found = {word: word in described[endpoint.name] for word in said}
        assert found == said, endpoint.name


def test_every_body_has_one_content_type() -> None:
    bodies = {w: o["requestBody"]["content"] for w, o in operations() if "requestBody" in o}
    forms = {name for name, content in bodies.items() if list(content) == [FORM]}
    assert forms == {"post /auth/token", "post /auth/oidc/{provider}/logout"}
    assert all(list(content) == [JSON] for name, content in bodies.items() if name not in forms)


def test_no_member_of_a_schema_has_a_default() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert list(members(schemas, "default")) == []


def test_the_document_omits_the_pages() -> None:
    assert not {"/docs", "/swagger", "/redoc"} & set(DOCUMENT["paths"])


def test_every_tag_is_described() -> None:
    used = {tag for _, operation in operations() for tag in operation["tags"]}
    assert used == {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}


def test_the_document_is_deterministic() -> None:
    assert json.dumps(document(ENDPOINTS)) == json.dumps(DOCUMENT)


def test_every_component_is_used_and_every_reference_resolves() -> None:
    parts = DOCUMENT["components"].items()
    shared = {f"#/components/{kind}/{name}" for kind, named in parts for name in named}
    schemes = {f"#/components/securitySchemes/{name}" for name in ("password", "token")}
    assert set(members(DOCUMENT, "$ref")) == shared - schemes


def test_every_response_has_a_request_id_and_every_problem_examples() -> None:
    for name, operation in operations():
        for status, answer in operation["responses"].items():
            response = resolved(answer, DOCUMENT)
            assert "X-Request-ID" in response["headers"], name
            problem = response.get("content", {}).get("application/problem+json")
            assert (problem is None) == (int(status) < 400), (name, status)


def test_every_example_of_a_body_matches_its_schema() -> None:
    contents = [part for found in members(DOCUMENT, "content") for part in found.values()]
    examples = [(part["example"], part["schema"]) for part in contents if "example" in part]
    named = [
        (resolved(example, DOCUMENT)["value"], part["schema"])
        for part in contents
        for example in part.get("examples", {}).values()
    ]
    assert len(examples) > 20
    assert len(named) > 20
    for value, schema in [*examples, *named]:
        check(value, schema, DOCUMENT)


def test_every_example_of_a_member_matches_its_schema() -> None:
    named = [part for found in members(DOCUMENT, "properties") for part in found.values()]
    schemas = [inner for part in named for inner in (part, *part.get("anyOf", []))]
    examples = [(value, part) for part in schemas for value in part.get("examples", [])]
    defaults = [(part["default"], part) for part in schemas if "default" in part]
    assert len(examples) > 5
    for value, schema in [*examples, *defaults]:
        check(value, schema, DOCUMENT)


def test_every_example_of_a_parameter_matches_its_schema() -> None:
    parameters = DOCUMENT["components"]["parameters"].values()
    examples = [(part["example"], part["schema"]) for part in parameters if "example" in part]
    schemas = [part["schema"] for part in parameters]
    defaults = [(schema["default"], schema) for schema in schemas if "default" in schema]
    assert len(examples) == 3
    for value, schema in [*examples, *defaults]:
        check(value, schema, DOCUMENT)


def test_every_problem_example_has_its_own_status_type_and_code() -> None:
    for _, operation in operations():
        for status, answer in operation["responses"].items():
            contents = resolved(answer, DOCUMENT).get("content", {})
            examples = contents.get("application/problem+json", {}).get("examples", {})
            for code, example in examples.items():
                value = resolved(example, DOCUMENT)["value"]
                assert (value["status"], value["code"]) == (int(status), code)
                limited = code == "rate_limited"
                assert value["type"] == (QUOTA_EXCEEDED if limited else f"/problems/{code}")


def test_the_token_url_is_an_operation_that_takes_a_form() -> None:
    flow = DOCUMENT["components"]["securitySchemes"]["password"]["flows"]["password"]
    path = flow["tokenUrl"].removeprefix(DOCUMENT["servers"][0]["url"])
    assert FORM in DOCUMENT["paths"][path]["post"]["requestBody"]["content"]


def test_only_operations_that_need_a_database_can_be_unavailable() -> None:
    live, ready = (
        DOCUMENT["paths"][f"/health/{name}"]["get"]["responses"] for name in ("live", "ready")
    )
    assert ("503" in live, "503" in ready) == (False, True)


SUCCESSES = {
    "put /hello/{username}": {"204"},
    "post /auth/token": {"200"},
    "post /auth/login": {"200"},
    "post /auth/refresh": {"200"},
    "post /auth/logout": {"204"},
    "post /auth/mfa": {"200"},
    "post /auth/reauthenticate": {"204"},
    "post /service-accounts/{id}/secret": {"200"},
    "post /auth/register": {"201", "202"},  # 202 with REGISTRATION_CONFLICT=hide
    "post /users": {"201", "202"},
    "post /auth/verify-email": {"204"},
    "post /auth/verify-email/resend": {"202"},
    "post /auth/password/forgot": {"202"},
    "post /auth/password/reset": {"204"},
    "post /users/me/email": {"202"},
    "post /auth/email/confirm": {"204"},
    "post /auth/email/undo": {"204"},
    "get /auth/oidc/{provider}/start": {"303"},
    "get /auth/oidc/{provider}/callback": {"303"},
    "post /auth/oidc/{provider}/logout": {"204"},
    "post /auth/oidc/exchange": {"200"},
    "post /users/{id}/lock": {"204"},
    "post /auth/factors/totp/{id}/confirm": {"200"},
    "post /auth/factors/recovery-codes": {"200"},
    "post /auth/passkeys/options": {"200"},
    "post /auth/passkeys/sign-in/options": {"200"},
    "post /auth/passkeys/sign-in": {"200"},
    "patch /auth/passkeys/{id}": {"200"},
    "post /users/{id}/unlock": {"204"},
    "post /users/{id}/impersonate": {"200"},
    "post /users/{id}/merge": {"200", "204"},
    "post /tasks": {"202"},
    "post /tasks/{task_id}/retry": {"202"},
    "delete /tasks/{task_id}": {"202", "204"},
    "post /users/me/export": {"202"},
    "post /users/me/restore": {"204"},
    "delete /users/me": {"202", "204"},
    "delete /users/{id}": {"202", "204"},
}
CHANGED = {"200", "204"}  # 204 with `Prefer: return=minimal`
BY_METHOD = {"get": {"200"}, "post": {"201"}, "put": CHANGED, "patch": CHANGED, "delete": {"204"}}


def test_every_operation_succeeds_by_the_status_of_its_method_or_the_one_listed() -> None:
    for name, operation in operations():
        found = {status for status in operation["responses"] if status < "304"}
        assert found == SUCCESSES.get(name, BY_METHOD[name.partition(" ")[0]]), name
