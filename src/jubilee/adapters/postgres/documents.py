"""JSON to and from `jsonb`: input unchanged, output with values that `jsonb` refuses replaced."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from math import isfinite

from asyncpg import Record

TRUNCATED = "truncated"
OVERHEAD_BYTES = len('{"truncated": ""}')
MAX_DEPTH = 200  # levels; pydantic writes no more than 255
NUL = "\\u0000"  # as JSON writes it


def encode_input(document: object) -> str:
    """Encode input unchanged; callers have refused NUL and lone surrogates, as `jsonb` would."""
    return json.dumps(document)


def encode(document: object) -> str:
    """Encode a document; values that `jsonb` cannot hold are replaced.

    NUL and lone surrogates become U+FFFD, NaN and infinities become null. Raises TypeError,
    ValueError or RecursionError for values that JSON does not have.
    """
    with suppress(ValueError):
        encoded = json.dumps(document, ensure_ascii=False, allow_nan=False)
        encoded.encode()
        if NUL not in encoded:
            return encoded
    return json.dumps(_clean(document), ensure_ascii=False, allow_nan=False)


def encode_within(document: object, size: int) -> str:
    """Encode a document in at most `size` bytes; a longer one is replaced by its beginning."""
    encoded = encode(document).encode()
    if len(encoded) <= size:
        return encoded.decode()
    # Quotes and backslashes of the beginning are escaped: it may double in size.
    kept = encoded[: size // 2 - OVERHEAD_BYTES].decode(errors="ignore")
    return json.dumps({TRUNCATED: kept}, ensure_ascii=False)


def decode(written: str | None) -> Mapping[str, object] | None:
    """Decode an object; None for one that is nested too deeply to be encoded again."""
    document = None if written is None else read_object(written)
    if written is None or document is None:
        return None
    shallow = written.count("[") + written.count("{") <= MAX_DEPTH or _is_shallow(document)
    return document if shallow else None


def read_object(written: str) -> Mapping[str, object] | None:
    """Decode an object; None for other values, and for JSON that Python cannot decode.

    Producers may write numbers of thousands of digits, or brackets nested thousands deep.
    """
    try:
        document = json.loads(written)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def trace_context(row: Record) -> Mapping[str, str] | None:
    """Return the trace context of a row of a job or an event; None if it is malformed."""
    kept = row["trace_context"]
    if not isinstance(kept, dict):
        return None
    return {name: value for name, value in kept.items() if isinstance(value, str)}


def encode_trace(context: Mapping[str, str] | None) -> str | None:
    """Encode the trace context for a row."""
    return None if context is None else json.dumps(context)


def _is_shallow(document: object) -> bool:
    level = [document]
    for _ in range(MAX_DEPTH):
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
