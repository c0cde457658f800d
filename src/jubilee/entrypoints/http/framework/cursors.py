"""Signed cursors: positions in a list that clients cannot forge or use for another list."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

from jubilee.domain.errors import Invalid
from jubilee.domain.paging import Position

SIGNATURE_BYTES = 16


class InvalidCursor(Invalid):
    """The cursor is not valid for this list, order and filter."""

    code = "invalid_cursor"


class Cursors:
    """Signs and checks cursors; each is valid for one list, order and filter (its `scope`).

    The first key signs; cursors that any of them signed are valid.
    """

    def __init__(self, *keys: bytes) -> None:
        self._keys = keys

    def encode(self, position: Position, scope: str) -> str:
        """Sign a position."""
        body = json.dumps(position, ensure_ascii=False).encode()
        return _base64(_signature(self._keys[0], body, scope) + body)

    def decode(self, cursor: str, scope: str) -> Position:
        """Verify a cursor and return its position; raises InvalidCursor."""
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except ValueError as error:
            raise InvalidCursor(pointer="/cursor") from error
        signature, body = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
        canonical = _base64(raw) == cursor  # Base64 has several spellings of the same bytes
        signatures = (_signature(key, body, scope) for key in self._keys)
        signed = any(hmac.compare_digest(signature, each) for each in signatures)
        if not signed or not canonical:
            raise InvalidCursor(pointer="/cursor")
        return tuple(json.loads(body))


def _signature(key: bytes, body: bytes, scope: str) -> bytes:
    return hmac.digest(key, scope.encode() + b"\0" + body, "sha256")[:SIGNATURE_BYTES]


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
