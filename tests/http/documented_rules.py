"""What each operation asks for and answers, and the bounds of each member, as lines of a file.

A change of the API shows in `documented_rules.txt` what it does to clients; texts and examples
are left out. `python -m tests.http.documented_rules` writes the file.
"""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.http.generated_document import DOCUMENT
from tests.http.references import Json
from tests.http.released_openapi import without_texts

FILE = Path(__file__).with_suffix(".txt")
LEFT_OUT = {"title", "pattern", "$ref"}


def rules() -> str:
    """Return the whole file."""
    return "".join(f"{line}\n" for line in (*_operations(), *_members()))


def _operations() -> Iterator[str]:
    whole = without_texts(DOCUMENT)
    shared = whole["components"]["parameters"]
    for endpoint in ENDPOINTS:
        yield f"{endpoint.method} {endpoint.path} {endpoint.name}"
        yield f"  {'; '.join(_endpoint(endpoint))}"
        if endpoint.documented:
            operation = whole["paths"][endpoint.path][endpoint.method.lower()]
            yield f"  answers {' '.join(operation['responses'])}"
            for one in operation.get("parameters", ()):
                yield f"  {_parameter(shared.get(one.get('$ref', '').rpartition('/')[2], one))}"


def _endpoint(endpoint: AnyEndpoint) -> Iterator[str]:
    yield f"{endpoint.access.value}, {' and '.join(sorted(endpoint.scopes))}"
    yield f"rate {endpoint.route_class.value if endpoint.route_class else 'unlimited'}"
    yield f"idempotent {endpoint.idempotency.value}"
    if endpoint.body is not None:
        yield f"body of {endpoint.max_body_bytes or 'any'} bytes as {' or '.join(endpoint.media)}"
    names = (*(each.name for each in fields(endpoint)), "is_tagged", "honours_prefer")
    yield " ".join(name for name in names if getattr(endpoint, name) is True)


def _parameter(parameter: Json) -> str:
    required = " required" if parameter.get("required") else ""
    return f"{parameter['in']} {parameter['name']}{required} {_bounds(parameter['schema'])}"


def _members() -> Iterator[str]:
    for name, schema in sorted(without_texts(DOCUMENT)["components"]["schemas"].items()):
        yield f"{name} {_bounds(schema)}".rstrip()
        for member, rule in schema.get("properties", {}).items():
            required = " required" if member in schema.get("required", ()) else ""
            yield f"  {member}{required} {_bounds(rule)}"


def _bounds(schema: Json) -> str:
    """Return what a schema says of a value itself, and of the members of its list."""
    own = [
        f"{name}={value}"
        for name, value in sorted(schema.items())
        if name not in LEFT_OUT and not isinstance(value, dict | list)
    ]
    own += [f"one of {' '.join(map(str, schema['enum']))}"] if "enum" in schema else []
    own += [f"any of ({_bounds(one)})" for one in schema.get("anyOf", ())]
    own += [f"items ({_bounds(schema['items'])})"] if "items" in schema else []
    return " ".join(own) or schema.get("$ref", "").rpartition("/")[2]


if __name__ == "__main__":
    FILE.write_text(rules())
