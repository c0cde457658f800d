"""Where the addresses of sign-ins are."""

from collections.abc import Collection, Mapping
from typing import Protocol


class AddressPlaceReader(Protocol):
    """A database of places by address, which an operator may give."""

    async def places_of(self, addresses: Collection[str]) -> Mapping[str, str]:
        """Return the known places, such as `Hamburg, Germany`, by address."""
