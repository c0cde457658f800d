"""Components of the OpenAPI document: parts that operations share by reference."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain, count
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import (
    GenerateJsonSchema,
    JsonSchemaMode,
    JsonSchemaValue,
    models_json_schema,
)
from pydantic_core.core_schema import WithDefaultSchema

from jubilee.entrypoints.http.docs.problem_schemas import OAuthProblem, Problem
from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint

Json: TypeAlias = dict[str, Any]
ComponentKind: TypeAlias = Literal["examples", "headers", "parameters", "responses"]
SchemaUse: TypeAlias = tuple[type[BaseModel], JsonSchemaMode]

SCHEMA = "#/components/schemas/{model}"


class TerseSchema(GenerateJsonSchema):
    """Omits titles that repeat a member's name, and null as the default of an absent member."""

    def field_title_should_be_set(self, schema: object) -> bool:
        """Never set titles."""
        del schema
        return False

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        """Return the schema without a default of null."""
        described = super().default_schema(schema)
        kept = described.items()
        return {key: value for key, value in kept if (key, value) != ("default", None)}


class Components:
    """Collects the components while operations refer to them."""

    def __init__(self, endpoints: Iterable[AnyEndpoint]) -> None:
        """Generate the schemas of all bodies (as validated) and replies (as serialized)."""
        uses = list(dict.fromkeys(_uses(endpoints)))
        self._refs, found = models_json_schema(
            uses, ref_template=SCHEMA, schema_generator=TerseSchema
        )
        self._schemas: Json = found["$defs"]
        for schema in self._schemas.values():
            _move_defaults(schema)
        self._parts: Json = {}

    def schema(self, model: type[BaseModel], mode: JsonSchemaMode) -> Json:
        """Return a reference to the model's schema."""
        return self._refs[model, mode]

    def query(self, model: type[BaseModel]) -> Json:
        """Return the query's schema, not a reference: its members become parameters."""
        schema = model.model_json_schema(ref_template=SCHEMA, schema_generator=TerseSchema)
        self._schemas |= schema.pop("$defs", {})
        return schema

    def refer(self, kind: ComponentKind, name: str, part: Json) -> Json:
        """Add the part and return a reference; a number is added if another part has the name."""
        parts = self._parts.setdefault(kind, {})
        names = chain([name], (f"{name}.{number}" for number in count(2)))
        unique = next(name for name in names if parts.setdefault(name, part) == part)
        return {"$ref": f"#/components/{kind}/{unique}"}

    def header(self, name: str, description: str) -> Json:
        """Add a response header and return a reference."""
        part = {"description": description, "schema": {"type": "string"}}
        return self.refer("headers", name, part)

    def contents(self) -> Json:
        """Return the `components` object of the document."""
        return {"schemas": self._schemas, **self._parts}


def _move_defaults(schema: Json) -> None:
    """Write a member's default into its description.

    Client generators treat a member with a `default` as always present, although a request may
    omit it.
    """
    for member in schema.get("properties", {}).values():
        if "default" in member:
            default = f"Default: `{json.dumps(member.pop('default'))}`."
            member["description"] = (
                f"{member.get('description', '').rstrip('.')}. {default}".lstrip(". ")
            )


def _uses(endpoints: Iterable[AnyEndpoint]) -> Iterator[SchemaUse]:
    yield Problem, "serialization"
    for endpoint in endpoints:
        if endpoint.body is not None:
            yield endpoint.body_schema or endpoint.body, "validation"
        if endpoint.oauth:
            yield OAuthProblem, "serialization"
        for reply in endpoint.replies:
            if reply.model is not None:
                yield reply.model, "serialization"
