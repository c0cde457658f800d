"""Sealed tickets, with a key of the service."""

import json
from collections.abc import Mapping
from typing import Any

from jubilee.domain.base64url import decode_base64url, encode_base64url
from jubilee.domain.identities.tickets import TicketSealer
from jubilee.sealing import Sealer

MAX_TICKET_CHARS = 6000  # longer ones were not sealed here


class AesTicketSealer(TicketSealer):
    """The first secret seals; what any of them sealed can be opened. They have 32 bytes."""

    def __init__(self, *secrets: bytes) -> None:
        self._sealer = Sealer(*secrets)

    def seal(self, purpose: str, content: Mapping[str, Any]) -> str:
        plain = json.dumps(content, separators=(",", ":")).encode()
        return encode_base64url(self._sealer.seal(plain, purpose.encode()))

    def open(self, purpose: str, text: str) -> Mapping[str, Any] | None:
        if len(text) > MAX_TICKET_CHARS:
            return None
        try:
            sealed = decode_base64url(text)
        except ValueError:
            return None
        plain = self._sealer.open(sealed, purpose.encode())
        if plain is None:
            return None
        content: Mapping[str, Any] = json.loads(plain)
        return content
