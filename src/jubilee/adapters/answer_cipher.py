"""Encryption of stored answers, with a key of its own for each."""

import hmac

from jubilee.domain.idempotency.answers import AnswerCipher, IdempotencyKeyReused, KeyedRequest
from jubilee.sealing import Sealer


class AesAnswerCipher(AnswerCipher):
    """Derives each key from a secret of the service and the client's idempotency key.

    The idempotency key is not stored: neither the database nor the service alone can decrypt an
    answer. The fingerprint is bound: an answer opens for the same content only. The first secret
    seals; answers that any of them sealed can be opened.
    """

    def __init__(self, *secrets: bytes) -> None:
        self._secrets = secrets

    def seal(self, request: KeyedRequest, content: bytes) -> bytes:
        return Sealer(_key(self._secrets[0], request)).seal(content, request.fingerprint)

    def open(self, request: KeyedRequest, sealed: bytes) -> bytes:
        sealer = Sealer(*(_key(secret, request) for secret in self._secrets))
        content = sealer.open(sealed, request.fingerprint)
        if content is None:
            raise IdempotencyKeyReused
        return content


def _key(secret: bytes, request: KeyedRequest) -> bytes:
    return hmac.digest(secret, f"{request.scope}\n{request.key}".encode(), "sha256")
