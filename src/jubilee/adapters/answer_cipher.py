"""Encryption of stored answers: AES-GCM by pyca/cryptography, a key of its own for each answer."""

import hmac
from os import urandom

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jubilee.domain.idempotency.answers import AnswerCipher, IdempotencyKeyReused, KeyedRequest

NONCE_BYTES = 12


class AesAnswerCipher(AnswerCipher):
    """Derives each key from a secret of the service and the client's idempotency key.

    The idempotency key is not stored: neither the database nor the service alone can decrypt an
    answer. The fingerprint is authenticated: an answer opens for the same content only. The first
    secret seals; answers that any of them sealed can be opened.
    """

    def __init__(self, *secrets: bytes) -> None:
        self._secrets = secrets

    def seal(self, request: KeyedRequest, content: bytes) -> bytes:
        nonce = urandom(NONCE_BYTES)
        cipher = _cipher(self._secrets[0], request)
        return nonce + cipher.encrypt(nonce, content, request.fingerprint)

    def open(self, request: KeyedRequest, sealed: bytes) -> bytes:
        nonce, encrypted = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        for secret in self._secrets:
            try:
                return _cipher(secret, request).decrypt(nonce, encrypted, request.fingerprint)
            except InvalidTag:
                continue
        raise IdempotencyKeyReused


def _cipher(secret: bytes, request: KeyedRequest) -> AESGCM:
    return AESGCM(hmac.digest(secret, f"{request.scope}\n{request.key}".encode(), "sha256"))
