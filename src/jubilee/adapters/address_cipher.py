"""Encryption of addresses in jobs: AES-GCM by pyca/cryptography."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from os import urandom

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jubilee.domain.account_email.requests import AddressCipher

NONCE_BYTES = 12


class AesAddressCipher(AddressCipher):
    """The first key seals; what any of them sealed can be opened."""

    def __init__(self, *keys: bytes) -> None:
        self._ciphers = [AESGCM(key) for key in keys]

    def seal(self, text: str) -> str:
        nonce = urandom(NONCE_BYTES)
        encrypted = self._ciphers[0].encrypt(nonce, text.encode(), None)
        return urlsafe_b64encode(nonce + encrypted).decode()

    def open(self, sealed: str) -> str:
        raw = urlsafe_b64decode(sealed)
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], None).decode()
            except InvalidTag:
                continue
        raise ValueError("the text was sealed by a key that is not known any more")
