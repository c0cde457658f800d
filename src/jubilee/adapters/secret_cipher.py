"""Encryption of the secrets of authenticator apps."""

from jubilee.domain.errors import Unavailable
from jubilee.domain.factors.ports import SecretCipher
from jubilee.domain.seals import SealState
from jubilee.sealing import Sealer


class AesSecretCipher(SecretCipher):
    """The first key seals; what any of them sealed can be opened. The context is bound."""

    def __init__(self, *keys: bytes) -> None:
        self._sealer = Sealer(*keys)

    def seal(self, context: bytes, secret: bytes) -> bytes:
        return self._sealer.seal(secret, context)

    def state(self, context: bytes, sealed: bytes) -> SealState:
        return self._sealer.state(sealed, context)

    def open(self, context: bytes, sealed: bytes) -> bytes:
        secret = self._sealer.open(sealed, context)
        if secret is None:
            raise Unavailable(reason="neither SECRET_KEY nor its previous one opens a secret")
        return secret
