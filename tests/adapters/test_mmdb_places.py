"""Places of addresses, read from files of MaxMind's format."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from jubilee.adapters.mmdb_places import MmdbPlaces, UnreadablePlaces
from tests.support.mmdb import Value, write_mmdb

HAMBURG: Value = {
    "city": {"names": {"de": "Hamburg", "en": "Hamburg"}},
    "country": {"iso_code": "DE", "names": {"de": "Deutschland", "en": "Germany"}},
}
RECORDS: Mapping[str, Value] = {
    "192.0.2.0/24": HAMBURG,
    "198.51.100.128/25": {"country": {"iso_code": "FR", "names": {"en": "France"}}},
    "2001:db8::/32": {"city": {"names": {"en": "Oslo"}}, "country": {"iso_code": "NO"}},
    "203.0.113.7/32": {"city": {"names": "Atlantis"}, "country": "Sea"},
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_mmdb(tmp_path / "places.mmdb", RECORDS)


@pytest.fixture
def places(file: Path) -> Iterator[MmdbPlaces]:
    places = MmdbPlaces(file)
    yield places
    places.close()


async def test_a_place_is_the_city_and_the_country_as_far_as_they_are_known(
    places: MmdbPlaces,
) -> None:
    asked = ["192.0.2.7", "198.51.100.200", "198.51.100.7", "2001:db8::1", "203.0.113.7"]
    assert await places.places_of(asked) == {
        "192.0.2.7": "Hamburg, Germany",
        "198.51.100.200": "France",
        "2001:db8::1": "Oslo",
    }


@pytest.mark.parametrize("address", ["", "unix", "192.0.2", "fe80::1%eth0"])
async def test_what_is_no_address_has_no_place(places: MmdbPlaces, address: str) -> None:
    assert await places.places_of([address]) == {}


def test_a_file_that_is_overwritten_meanwhile_gives_no_place(
    file: Path, places: MmdbPlaces
) -> None:
    file.write_bytes(b"another file")
    assert asyncio.run(places.places_of(["192.0.2.7"])) == {}


@pytest.mark.parametrize("content", [b"", b"no database", b"\xab\xcd\xefMaxMind.com\xe0"])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "places.mmdb"
    file.write_bytes(content)
    with pytest.raises(UnreadablePlaces, match="no readable MMDB file"):
        MmdbPlaces(file)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePlaces, match=r"missing\.mmdb"):
        MmdbPlaces(tmp_path / "missing.mmdb")
