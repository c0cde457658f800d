"""The headers of requests in the OpenAPI document."""

import pytest

from tests.http.generated_document import DOCUMENT
from tests.http.references import Json, resolved
from tests.http.test_openapi import operations


def headers_of(operation: Json) -> set[str]:
    """Return the names of the headers that the operation takes."""
    parameters = (resolved(given, DOCUMENT) for given in operation.get("parameters", []))
    return {given["name"] for given in parameters if given["in"] == "header"}


@pytest.mark.parametrize("header", ["Idempotency-Key", "If-Match"])
def test_a_description_names_the_header_that_changes_the_request(header: str) -> None:
    named = {name for name, operation in operations() if f"`{header}`" in operation["description"]}
    taken = {name for name, operation in operations() if header in headers_of(operation)}
    assert named == taken != set()
