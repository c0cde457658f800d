"""References within an OpenAPI document."""

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


def resolved(part: Json, whole: Json) -> Json:
    """Resolve a reference."""
    if "$ref" not in part:
        return part
    _, *steps = part["$ref"].split("/")
    found: Any = whole
    for step in steps:
        found = found[step]
    return dict(found)
