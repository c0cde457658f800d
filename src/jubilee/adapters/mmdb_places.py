"""Places of addresses, from a file of MaxMind's format (MMDB)."""

import asyncio
import struct
from collections.abc import Collection, Mapping
from pathlib import Path

from maxminddb import MODE_FILE, InvalidDatabaseError, Reader

from jubilee.domain.auth.address_places import AddressPlaceReader

DAMAGED = (InvalidDatabaseError, OSError, LookupError, TypeError, ValueError, struct.error)
"""What the reader raises for a file that is not as it should be, or an address that is none."""

MAX_NAME_CHARS = 100


class UnreadablePlaces(Exception):
    """The file is no database of the format, or cannot be read."""


class MmdbPlaces(AddressPlaceReader):
    """Reads `city` and `country` of a database such as GeoLite2-City or GeoLite2-Country.

    It reads the few nodes of each lookup from the file, which takes no memory. If the file is
    overwritten meanwhile, places are missing; a memory map would end the process. One that is
    replaced by renaming is read after the next start.
    """

    def __init__(self, path: Path) -> None:
        """Open the file; raise UnreadablePlaces."""
        try:
            self._reader = Reader(path, MODE_FILE)
        except DAMAGED as error:
            raise UnreadablePlaces(f"{path} is no readable MMDB file: {error}") from error

    async def places_of(self, addresses: Collection[str]) -> Mapping[str, str]:
        return await asyncio.to_thread(self._places, frozenset(addresses))

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _places(self, addresses: Collection[str]) -> Mapping[str, str]:
        found = {address: self._place(address) for address in addresses}
        return {address: place for address, place in found.items() if place}

    def _place(self, address: str) -> str:
        try:
            record = self._reader.get(address)
        except DAMAGED:
            return ""
        names = (_name(record, member) for member in ("city", "country"))
        return ", ".join(name for name in names if name)


def _name(record: object, member: str) -> str:
    """Return the English name; empty if the record has none."""
    found: object = record
    for key in (member, "names", "en"):
        found = found.get(key) if isinstance(found, dict) else None
    return found[:MAX_NAME_CHARS] if isinstance(found, str) else ""
