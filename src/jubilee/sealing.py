"""Sealing of what is stored or sent through others: AES-GCM by pyca/cryptography."""

from os import urandom

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jubilee.domain.seals import SealState

NONCE_BYTES = 12


class Sealer:
    """Seals with the first key of 32 bytes; opens what any of the keys sealed.

    What is `bound` is authenticated, not stored: content that was sealed with one opens with the
    same one only, so that it cannot be moved to another row unnoticed.
    """

    def __init__(self, *keys: bytes) -> None:
        self._ciphers = [AESGCM(key) for key in keys]

    def seal(self, content: bytes, bound: bytes = b"") -> bytes:
        """Return a random nonce and the encrypted content."""
        nonce = urandom(NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, content, bound)

    def open(self, sealed: bytes, bound: bytes = b"") -> bytes | None:
        """Return the content; None if no key sealed it so, or if it was altered."""
        opened = (_opened(cipher, sealed, bound) for cipher in self._ciphers)
        return next((content for content in opened if content is not None), None)

    def state(self, sealed: bytes, bound: bytes = b"") -> SealState:
        """Return which of the keys sealed it; the first is the current one."""
        if _opened(self._ciphers[0], sealed, bound) is not None:
            return SealState.CURRENT
        return SealState.UNREADABLE if self.open(sealed, bound) is None else SealState.PREVIOUS


def _opened(cipher: AESGCM, sealed: bytes, bound: bytes) -> bytes | None:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    except (InvalidTag, ValueError):  # of another key, altered, or cut off
        return None
