"""JSON as `jsonb` takes it, whatever a kind of work or an error says."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from math import isfinite

from asyncpg import Record

TRUNCATED = "truncated"
OVERHEAD = len('{"truncated": ""}')
DEEPEST = 200  # levels; pydantic writes no more than 255
NUL = "\\u0000"  # as JSON writes it


def encode(document: object) -> str:
    """The document; what has no place in `jsonb` is replaced.

    NUL and halves of characters become U+FFFD, and a number that is none becomes null. Raises
    TypeError, ValueError or RecursionError where it is no JSON at all.
    """
    with suppress(ValueError):
        encoded = json.dumps(document, ensure_ascii=False, allow_nan=False)
        encoded.encode()
        if NUL not in encoded:
            return encoded
    return json.dumps(_clean(document), ensure_ascii=False, allow_nan=False)


def encode_within(document: object, size: int) -> str:
    """The same within `size` bytes: one that is too long is replaced by its beginning."""
    encoded = encode(document).encode()
    if len(encoded) <= size:
        return encoded.decode()
    # Every quote and backslash of the beginning is written twice.
    kept = encoded[: size // 2 - OVERHEAD].decode(errors="ignore")
    return json.dumps({TRUNCATED: kept}, ensure_ascii=False)


def decode(written: str | None) -> Mapping[str, object] | None:
    """An object out of `jsonb`; None for one that cannot be read here or sent as JSON again.

    Such as a producer may write: numbers of thousands of digits, towers of brackets.
    """
    if written is None:
        return None
    try:
        document = json.loads(written)
    except (ValueError, RecursionError):
        return None
    shallow = written.count("[") + written.count("{") <= DEEPEST or _is_shallow(document)
    return document if isinstance(document, dict) and shallow else None


def trace_context(row: Record) -> Mapping[str, str] | None:
    """What a row of a job or an event says of its trace; nothing where somebody wrote nonsense."""
    kept = row["trace_context"]
    if not isinstance(kept, dict):
        return None
    return {name: value for name, value in kept.items() if isinstance(value, str)}


def kept_trace(context: Mapping[str, str] | None) -> str | None:
    """The reverse: as a row has it."""
    return None if context is None else json.dumps(context)


def _is_shallow(document: object) -> bool:
    level = [document]
    for _ in range(DEEPEST):
        level = [child for parent in level for child in _children(parent)]
    return not level


def _children(value: object) -> Iterable[object]:
    match value:
        case dict():
            return value.values()
        case list():
            return value
        case _:
            return ()


def _clean(value: object) -> object:
    match value:
        case str():
            whole = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
            return whole.replace("\0", "\ufffd")
        case float():
            return value if isfinite(value) else None
        case dict():
            return {_clean(name): _clean(member) for name, member in value.items()}
        case list() | tuple():
            return [_clean(member) for member in value]
        case _:
            return value
