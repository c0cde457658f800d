"""Differences between two OpenAPI documents that break a client of the first.

What a request may contain must not become narrower, and what a response may contain must not
become wider. New operations, optional members of requests and members of responses are compatible.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tests.http.references import Json, resolved

UPPER = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
LOWER = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
TEXTUAL = ("pattern", "format")
CHOICES = ("anyOf", "oneOf")
TYPES = {"null", "boolean", "integer", "number", "string", "array", "object"}


def breaking_changes(old: Json, new: Json) -> list[str]:
    """Return one line for each change that breaks a client of `old`, without duplicates."""
    return list(dict.fromkeys(_Documents(old, new).changes()))


@dataclass(frozen=True, slots=True)
class _Documents:
    old: Json
    new: Json

    def changes(self) -> Iterator[str]:
        for path, methods in self.old["paths"].items():
            for method, before in methods.items():
                name = f"{method.upper()} {path}"
                after = self.new["paths"].get(path, {}).get(method)
                if after is None:
                    yield f"{name}: removed"
                else:
                    yield from self._parameters(name, before, after)
                    yield from self._body(name, before, after)
                    yield from self._responses(name, before, after)

    def _parameters(self, name: str, before: Json, after: Json) -> Iterator[str]:
        was, now = _parameters(before, self.old), _parameters(after, self.new)
        for key, parameter in was.items():
            if key not in now:
                yield f"{name}: parameter {key} removed"
            else:
                schema = now[key]["schema"]
                yield from self._request(f"{name} {key}", parameter["schema"], schema)
        for key, parameter in now.items():
            if parameter.get("required") and not was.get(key, {}).get("required"):
                yield f"{name}: parameter {key} required"

    def _body(self, name: str, before: Json, after: Json) -> Iterator[str]:
        was = resolved(before.get("requestBody", {}), self.old)
        now = resolved(after.get("requestBody", {}), self.new)
        if now.get("required") and not was.get("required"):
            yield f"{name}: body required"
        for media, content in was.get("content", {}).items():
            if media not in now.get("content", {}):
                yield f"{name}: body {media} removed"
            else:
                schema = now["content"][media]["schema"]
                yield from self._request(f"{name} body", content["schema"], schema)

    def _responses(self, name: str, before: Json, after: Json) -> Iterator[str]:
        for status, response in before["responses"].items():
            if status not in after["responses"]:
                if status < "400":
                    yield f"{name}: response {status} removed"
                continue
            was = resolved(response, self.old)
            now = resolved(after["responses"][status], self.new)
            yield from self._response(f"{name} {status}", was, now)

    def _response(self, name: str, was: Json, now: Json) -> Iterator[str]:
        for header in was.get("headers", {}).keys() - now.get("headers", {}).keys():
            yield f"{name}: header {header} removed"
        schemas = _Schemas(wider=self.old, narrower=self.new, is_response=True)
        for media, content in was.get("content", {}).items():
            if media not in now.get("content", {}):
                yield f"{name}: {media} removed"
            elif "schema" in content:
                schema = now["content"][media]["schema"]
                yield from schemas.refused(name, content["schema"], schema)

    def _request(self, name: str, before: Json, after: Json) -> Iterator[str]:
        return _Schemas(wider=self.new, narrower=self.old).refused(name, after, before)


@dataclass(frozen=True, slots=True)
class _Schemas:
    """Whether a schema of one document accepts all that a schema of the other describes."""

    wider: Json
    narrower: Json
    is_response: bool = False
    seen: set[tuple[str, str]] = field(default_factory=set)

    def refused(self, name: str, wide: Json, narrow: Json) -> Iterator[str]:
        """Name what `narrow` describes and `wide` does not accept."""
        references = (wide.get("$ref", ""), narrow.get("$ref", ""))
        if all(references):
            if references in self.seen:
                return
            self.seen.add(references)
        wide, narrow = resolved(wide, self.wider), resolved(narrow, self.narrower)
        accepted, described = _choices(wide), _choices(narrow)
        if accepted:
            if not all(self._fits(accepted, one) for one in described or [narrow]):
                yield f"{name}: choices changed"
        elif described:
            for one in described:
                yield from self.refused(name, wide, one)
        else:
            yield from self._plain(name, wide, narrow)

    def _plain(self, name: str, wide: Json, narrow: Json) -> Iterator[str]:
        yield from _values(name, wide, narrow)
        yield from self._members(name, wide, narrow)
        if not self.is_response and _is_closed(wide) and not _is_closed(narrow):
            yield f"{name}: other members refused"
        if "items" in wide:
            yield from self.refused(f"{name}[]", wide["items"], narrow.get("items", {}))

    def _members(self, name: str, wide: Json, narrow: Json) -> Iterator[str]:
        accepted, described = wide.get("properties", {}), narrow.get("properties", {})
        before, after = (accepted, described) if self.is_response else (described, accepted)
        for member in before.keys() - after.keys():
            yield f"{name}.{member}: removed"
        for member in accepted.keys() & described.keys():
            yield from self.refused(f"{name}.{member}", accepted[member], described[member])
        if "object" in _types(narrow):
            for member in {*wide.get("required", ())} - {*narrow.get("required", ())}:
                state = "no longer always present" if self.is_response else "required"
                yield f"{name}.{member}: {state}"

    def _fits(self, accepted: list[Json], described: Json) -> bool:
        return any(
            not list(replace(self, seen={*self.seen}).refused("", one, described))
            for one in accepted
        )


def _parameters(operation: Json, whole: Json) -> dict[str, Any]:
    found = [resolved(one, whole) for one in operation.get("parameters", [])]
    return {f"{one['in']} {one['name']}": one for one in found}


def _values(name: str, wide: Json, narrow: Json) -> Iterator[str]:
    for kind in sorted(_types(narrow) - _types(wide)):
        if not (kind == "integer" and "number" in _types(wide)):
            yield f"{name}: type {kind} against {sorted(_types(wide))}"
    accepted, described = _enumerated(wide), _enumerated(narrow)
    if accepted is not None and (described is None or not {*described} <= {*accepted}):
        yield f"{name}: values changed"
    for bound in _narrower_bounds(wide, narrow):
        yield f"{name}: {bound} changed"


def _narrower_bounds(wide: Json, narrow: Json) -> Iterator[str]:
    """Bounds of `wide` that a value within those of `narrow` may exceed."""
    for bound in wide.keys() & {*TEXTUAL}:
        if wide[bound] != narrow.get(bound):
            yield bound
    for bound in wide.keys() & {*UPPER}:
        if narrow.get(bound, float("inf")) > wide[bound]:
            yield bound
    for bound in wide.keys() & {*LOWER}:
        if narrow.get(bound, float("-inf")) < wide[bound]:
            yield bound


def _types(schema: Json) -> set[str]:
    """Types of the values; all without a declaration."""
    declared = schema.get("type")
    if declared is None:
        return TYPES
    return {declared} if isinstance(declared, str) else {*declared}


def _is_closed(schema: Json) -> bool:
    return schema.get("additionalProperties") is False


def _enumerated(schema: Json) -> list[object] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _choices(schema: Json) -> list[Json]:
    return [one for key in CHOICES for one in schema.get(key, [])]
