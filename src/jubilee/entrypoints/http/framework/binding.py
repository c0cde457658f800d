"""Parse and validate bodies and queries; all violations are reported together, with pointers."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request

from jubilee.domain.errors import DomainError
from jubilee.entrypoints.http.framework.endpoint import FORM, AnyEndpoint
from jubilee.entrypoints.http.framework.json_bounds import check_bounds
from jubilee.entrypoints.http.framework.json_text import (
    TextFault,
    check_text,
    faults,
    may_have_faults,
    parse_json,
    segment,
)
from jubilee.entrypoints.http.framework.negotiation import body_media
from jubilee.entrypoints.http.framework.problems import (
    BodyTooLarge,
    BodyTooSlow,
    InvalidRequest,
    MalformedBody,
    MalformedQuery,
    Violation,
)

M = TypeVar("M", bound=BaseModel)

BODY, QUERY = "#", "query"  # roots of the violations' pointers
DUPLICATE = {
    BODY: "Form field may be given only once.",
    QUERY: "Query parameter may be given only once.",
}

LARGE_BYTES = 1 << 14  # may take a few milliseconds
MAX_FIELDS = 100  # in a form or query
MAX_VIOLATIONS = 50  # in one problem document
KEPT_QUERIES, MAX_KEPT_BYTES = 256, 64
SPACES = b" \t\r\n"
NOT_AN_OBJECT = Violation(BODY, "Input should be an object", "model_type")
JSON_MESSAGES = {"dict_type": "Input should be an object", "list_type": "Input should be an array"}
"""Replace Pydantic's messages that name Python types."""


async def read_body(request: Request, declared: int, *, limit: int, seconds: float) -> bytes:
    """Read the whole body: at most `limit` bytes, within `seconds`.

    `declared` is its Content-Length.
    """
    if declared > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(seconds):
            return await _collect(request, limit)
    except TimeoutError as error:
        raise BodyTooSlow from error


async def _collect(request: Request, limit: int) -> bytes:
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise MalformedBody("The body ended early.")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than {limit} bytes.")


async def bind_body(
    endpoint: AnyEndpoint, model: type[BaseModel], content_type: str, raw: bytes
) -> BaseModel:
    """Parse and validate the body of an endpoint."""
    if not raw and not endpoint.body_required:
        return model()
    media = body_media(content_type, endpoint.media)
    return _form(model, raw) if media == FORM else await _json(model, raw)


def bind_query(model: type[M], query: bytes) -> M:
    """Parse and validate the query string; each parameter may be given once.

    Most lists are asked for by a few queries, whose models are kept: making one takes 5 us.
    """
    return _kept_query(model, query) if len(query) <= MAX_KEPT_BYTES else _query(model, query)


@lru_cache(maxsize=KEPT_QUERIES)
def _kept_query(model: type[M], query: bytes) -> M:
    return _query(model, query)


def _query(model: type[M], query: bytes) -> M:
    refusal = MalformedQuery("The query is not UTF-8, or has too many parameters.")
    return _strings(model, _pairs(query, refusal), QUERY)


async def _json(model: type[M], raw: bytes) -> M:
    """Validate a JSON object; other requests go on between the steps of a large one."""
    is_large = len(raw) > LARGE_BYTES
    if raw.lstrip(SPACES).startswith(b"["):
        raise InvalidRequest([NOT_AN_OBJECT])  # refused without being parsed
    check_bounds(raw)
    if is_large:
        await asyncio.sleep(0)
    document = parse_json(raw)
    if not isinstance(document, dict):
        raise InvalidRequest([NOT_AN_OBJECT])
    if is_large:
        await asyncio.sleep(0)
    if may_have_faults(raw):
        _require_no_faults(document)
        if is_large:
            await asyncio.sleep(0)
    return _validated(model, document)


def _require_no_faults(document: object) -> None:
    violations = [_fault(fault, BODY) for fault in islice(faults(document), MAX_VIOLATIONS)]
    if violations:
        raise InvalidRequest(violations)


def _validated(model: type[M], document: dict[str, object]) -> M:
    try:
        # Strict keeps JSON's types apart: "1" is not a number, 1 is not a string.
        return model.model_validate(_limit_unknown(document, model), strict=True)
    except ValidationError as error:
        raise InvalidRequest(list(_violations(error, BODY))) from None


def _limit_unknown(document: dict[str, object], model: type[BaseModel]) -> dict[str, object]:
    """Drop unknown members beyond the reported ones: Pydantic builds a violation for each."""
    if len(document) <= MAX_VIOLATIONS:
        return document
    known = {field.alias or name for name, field in model.model_fields.items()}
    surplus = [name for name in document if name not in known][MAX_VIOLATIONS:]
    for name in surplus:
        del document[name]
    return document


def _form(model: type[M], raw: bytes) -> M:
    """Validate a form; unknown fields are ignored, as RFC 6749 requires."""
    pairs = _pairs(raw, MalformedBody("The form is not UTF-8, or has too many fields."))
    known = [(name, value) for name, value in pairs if name in model.model_fields]
    return _strings(model, known, BODY)


def _pairs(encoded: bytes, refusal: DomainError) -> list[tuple[str, str]]:
    try:
        text = encoded.decode("utf-8")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise refusal from error


def _strings(model: type[M], pairs: Sequence[tuple[str, str]], root: str) -> M:
    violations = [*_text_violations(pairs, root), *_duplicates(pairs, root)]
    if violations:
        raise InvalidRequest(violations[:MAX_VIOLATIONS])
    try:
        return model.model_validate_strings(dict(pairs))
    except ValidationError as error:
        raise InvalidRequest(list(_violations(error, root))) from None


def _text_violations(pairs: Iterable[tuple[str, str]], root: str) -> Iterator[Violation]:
    for name, value in pairs:
        for fault in check_text(name + value, f"/{segment(name)}"):
            yield _fault(fault, root)


def _duplicates(pairs: Iterable[tuple[str, str]], root: str) -> Iterator[Violation]:
    for name, count in Counter(name for name, _ in pairs).items():
        if count > 1:
            yield Violation(f"{root}/{segment(name)}", DUPLICATE[root], "duplicate")


def _violations(error: ValidationError, root: str) -> Iterator[Violation]:
    for details in error.errors(include_url=False, include_input=False)[:MAX_VIOLATIONS]:
        code = details["type"]
        yield Violation(root + _pointer(details), JSON_MESSAGES.get(code, details["msg"]), code)


def _pointer(details: ErrorDetails) -> str:
    return "".join(f"/{segment(str(part))}" for part in details["loc"])


def _fault(fault: TextFault, root: str) -> Violation:
    return Violation(root + fault.pointer, fault.detail, fault.code)


def path_violations(values: Mapping[str, object]) -> list[Violation]:
    """Return the violations of the path's parameters: characters that cannot be stored."""
    return list(_text_violations([(name, str(value)) for name, value in values.items()], "path"))
