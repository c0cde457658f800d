"""Sealed tickets: AES-GCM by pyca/cryptography, with a key of the service."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from os import urandom
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jubilee.domain.identities.tickets import TicketSealer

NONCE_BYTES = 12
MAX_TICKET_CHARS = 6000  # longer ones were not sealed here


class AesTicketSealer(TicketSealer):
    """The first secret seals; what any of them sealed can be opened. They have 32 bytes."""

    def __init__(self, *secrets: bytes) -> None:
        self._ciphers = [AESGCM(secret) for secret in secrets]

    def seal(self, purpose: str, content: Mapping[str, Any]) -> str:
        nonce = urandom(NONCE_BYTES)
        plain = json.dumps(content, separators=(",", ":")).encode()
        sealed = nonce + self._ciphers[0].encrypt(nonce, plain, purpose.encode())
        return urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, purpose: str, text: str) -> Mapping[str, Any] | None:
        if len(text) > MAX_TICKET_CHARS or not text.isascii():
            return None
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            return None
        for cipher in self._ciphers:
            try:
                plain = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose.encode())
            except (InvalidTag, ValueError):  # of another secret, or cut off
                continue
            content: Mapping[str, Any] = json.loads(plain)
            return content
        return None
