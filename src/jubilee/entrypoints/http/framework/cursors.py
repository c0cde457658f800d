"""Cursors: positions in a list that nobody can forge or use elsewhere."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

from jubilee.domain.errors import Invalid
from jubilee.domain.paging import Position

TAG = 16  # bytes of the signature


class InvalidCursor(Invalid):
    """The cursor is not one that was given out for this list, order and filter."""

    code = "invalid_cursor"


class Cursors:
    """Signs positions; a cursor holds for the list, order and filter that it was made for."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def encode(self, position: Position, scope: str) -> str:
        """The position as clients hold it."""
        body = json.dumps(position, ensure_ascii=False).encode()
        return _text(self._tag(body, scope) + body)

    def decode(self, cursor: str, scope: str) -> Position:
        """Raises InvalidCursor."""
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except ValueError as error:
            raise InvalidCursor(pointer="/cursor") from error
        tag, body = raw[:TAG], raw[TAG:]
        canonical = _text(raw) == cursor  # Base64 has many spellings of the same bytes
        if not hmac.compare_digest(tag, self._tag(body, scope)) or not canonical:
            raise InvalidCursor(pointer="/cursor")
        return tuple(json.loads(body))

    def _tag(self, body: bytes, scope: str) -> bytes:
        return hmac.digest(self._key, scope.encode() + b"\0" + body, "sha256")[:TAG]


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
