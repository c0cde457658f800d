"""The places of addresses, if the settings name a database."""

from contextlib import ExitStack

from jubilee.adapters.mmdb_places import MmdbPlaces, UnreadablePlaces
from jubilee.bootstrap.errors import BadConfiguration
from jubilee.settings import Settings


def address_places(settings: Settings, ends: ExitStack) -> MmdbPlaces | None:
    """Open the database, which `ends` closes; raise BadConfiguration if it cannot be read."""
    if settings.geoip_database is None:
        return None
    try:
        places = MmdbPlaces(settings.geoip_database)
    except UnreadablePlaces as error:
        raise BadConfiguration(f"GEOIP_DATABASE: {error}") from None
    ends.callback(places.close)
    return places
