"""Encryption of the chunks of exports: AES-GCM by pyca/cryptography."""

from os import urandom
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jubilee.domain.leaving.export import ExportCipher, ExportNotFound

NONCE_BYTES = 12


class AesExportCipher(ExportCipher):
    """A chunk is bound to its export and its place: none can be moved or left out unnoticed.

    The first key seals; chunks that any of them sealed can be opened.
    """

    def __init__(self, *keys: bytes) -> None:
        self._ciphers = [AESGCM(key) for key in keys]

    def seal(self, export_id: UUID, number: int, content: bytes) -> bytes:
        nonce = urandom(NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, content, _place(export_id, number))

    def open(self, export_id: UUID, number: int, sealed: bytes) -> bytes:
        nonce, encrypted = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(nonce, encrypted, _place(export_id, number))
            except InvalidTag:
                continue
        raise ExportNotFound


def _place(export_id: UUID, number: int) -> bytes:
    return export_id.bytes + number.to_bytes(4)
