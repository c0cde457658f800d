"""Encryption of addresses in jobs."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from jubilee.domain.account_email.requests import AddressCipher
from jubilee.sealing import Sealer


class AesAddressCipher(AddressCipher):
    """The first key seals; what any of them sealed can be opened."""

    def __init__(self, *keys: bytes) -> None:
        self._sealer = Sealer(*keys)

    def seal(self, text: str) -> str:
        return urlsafe_b64encode(self._sealer.seal(text.encode())).decode()

    def open(self, sealed: str) -> str:
        text = self._sealer.open(urlsafe_b64decode(sealed))
        if text is None:
            raise ValueError("the text was sealed by a key that is not known any more")
        return text.decode()
