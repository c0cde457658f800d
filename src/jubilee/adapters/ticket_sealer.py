"""Sealed tickets, with a key of the service."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from jubilee.domain.identities.tickets import TicketSealer
from jubilee.sealing import Sealer

MAX_TICKET_CHARS = 6000  # longer ones were not sealed here


class AesTicketSealer(TicketSealer):
    """The first secret seals; what any of them sealed can be opened. They have 32 bytes."""

    def __init__(self, *secrets: bytes) -> None:
        self._sealer = Sealer(*secrets)

    def seal(self, purpose: str, content: Mapping[str, Any]) -> str:
        plain = json.dumps(content, separators=(",", ":")).encode()
        sealed = self._sealer.seal(plain, purpose.encode())
        return urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, purpose: str, text: str) -> Mapping[str, Any] | None:
        if len(text) > MAX_TICKET_CHARS or not text.isascii():
            return None
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            return None
        plain = self._sealer.open(sealed, purpose.encode())
        if plain is None:
            return None
        content: Mapping[str, Any] = json.loads(plain)
        return content
