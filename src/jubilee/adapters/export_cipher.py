"""Encryption of the chunks of exports."""

from uuid import UUID

from jubilee.domain.leaving.export import ExportCipher, ExportNotFound
from jubilee.sealing import Sealer


class AesExportCipher(ExportCipher):
    """A chunk is bound to its export and its place: none can be moved or left out unnoticed.

    The first key seals; chunks that any of them sealed can be opened.
    """

    def __init__(self, *keys: bytes) -> None:
        self._sealer = Sealer(*keys)

    def seal(self, export_id: UUID, number: int, content: bytes) -> bytes:
        return self._sealer.seal(content, _place(export_id, number))

    def open(self, export_id: UUID, number: int, sealed: bytes) -> bytes:
        content = self._sealer.open(sealed, _place(export_id, number))
        if content is None:
            raise ExportNotFound
        return content


def _place(export_id: UUID, number: int) -> bytes:
    return export_id.bytes + number.to_bytes(4)
