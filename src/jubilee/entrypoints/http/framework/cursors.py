"""Signed cursors: positions in a list that clients cannot forge or use for another list."""

import json

from jubilee.domain.base64url import decode_canonical, encode_base64url
from jubilee.domain.errors import Invalid
from jubilee.domain.paging import Position
from jubilee.domain.signatures import SIGNATURE_BYTES, is_signed, signature


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
        return encode_base64url(signature(self._keys[0], _scoped(body, scope)) + body)

    def decode(self, cursor: str, scope: str) -> Position:
        """Verify a cursor and return its position; raises InvalidCursor."""
        try:
            raw = decode_canonical(cursor)
        except ValueError as error:
            raise InvalidCursor(pointer="/cursor") from error
        found, body = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
        if not is_signed(_scoped(body, scope), found, self._keys):
            raise InvalidCursor(pointer="/cursor")
        return tuple(json.loads(body))


def _scoped(body: bytes, scope: str) -> bytes:
    return scope.encode() + b"\0" + body
