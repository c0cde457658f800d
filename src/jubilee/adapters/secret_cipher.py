"""Encryption of stored secrets: AES-GCM by pyca/cryptography, under keys of the service."""

from hashlib import sha256
from os import urandom

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jubilee.domain.errors import Unavailable
from jubilee.domain.factors.ports import SecretCipher

NONCE_BYTES = 12
KEY_ID_BYTES = 4


class AesSecretCipher(SecretCipher):
    """Seals with the first key of 32 bytes; opens what any of the keys sealed.

    The context, such as the id of the row, is authenticated: a sealed secret that is copied to
    another row does not open there. The first bytes identify the key.
    """

    def __init__(self, *keys: bytes) -> None:
        self._ciphers = {sha256(key).digest()[:KEY_ID_BYTES]: AESGCM(key) for key in keys}

    def seal(self, context: bytes, secret: bytes) -> bytes:
        key_id, cipher = next(iter(self._ciphers.items()))
        nonce = urandom(NONCE_BYTES)
        return key_id + nonce + cipher.encrypt(nonce, secret, context)

    def open(self, context: bytes, sealed: bytes) -> bytes:
        cipher, rest = self._ciphers.get(sealed[:KEY_ID_BYTES]), sealed[KEY_ID_BYTES:]
        if cipher is None:
            raise Unavailable(reason="SECRET_KEY and SECRET_KEY_PREVIOUS lack the key of a secret")
        try:
            return cipher.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], context)
        except (InvalidTag, ValueError) as error:
            raise Unavailable(reason="a stored secret was altered") from error
