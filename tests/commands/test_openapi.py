"""`jubilee openapi` in each format."""

import json

import pytest

from tests.commands.conftest import Jubilee


@pytest.mark.parametrize("options", [(), ("--format", "json")])
def test_the_document_is_json_by_default(jubilee: Jubilee, options: tuple[str, ...]) -> None:
    assert json.loads(jubilee("openapi", *options).out)["openapi"] == "3.1.0"


def test_the_document_is_printed_as_yaml(jubilee: Jubilee) -> None:
    assert jubilee("openapi", "--format", "yaml").out.startswith('openapi: "3.1.0"\n')


def test_a_collection_for_postman_is_printed(jubilee: Jubilee) -> None:
    collection = json.loads(jubilee("openapi", "--format", "postman").out)
    assert collection["info"]["name"] == "Jubilee"
    assert collection["variable"][0] == {"key": "base_url", "value": "http://127.0.0.1:8000/api"}
