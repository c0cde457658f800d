"""The database of places that the settings name."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from jubilee.bootstrap.address_places import address_places
from jubilee.bootstrap.errors import BadConfiguration
from jubilee.settings import Settings
from tests.support.mmdb import write_mmdb


def configured(path: Path) -> Settings:
    return Settings.model_validate({"geoip_database": str(path)})


async def test_the_named_database_is_read(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "places", {"192.0.2.0/24": {"city": {"names": {"en": "Oslo"}}}})
    with ExitStack() as ends:
        places = address_places(configured(path), ends)
        assert places is not None
        assert await places.places_of(["192.0.2.7"]) == {"192.0.2.7": "Oslo"}


def test_without_a_database_there_are_no_places() -> None:
    with ExitStack() as ends:
        assert address_places(Settings(), ends) is None


def test_a_file_that_is_no_database_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "places"
    path.write_text("no database")
    with ExitStack() as ends, pytest.raises(BadConfiguration, match=r"^GEOIP_DATABASE: .*places"):
        address_places(configured(path), ends)
