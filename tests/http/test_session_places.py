"""The places of sessions, where the operator has given a database."""

from dataclasses import replace
from pathlib import Path

import httpx2

from jubilee.adapters.mmdb_places import MmdbPlaces
from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.services import Services
from tests.conftest import SignUp
from tests.fakes.store import FakeStore
from tests.support.mmdb import write_mmdb

HAMBURG = {"city": {"names": {"en": "Hamburg"}}, "country": {"names": {"en": "Germany"}}}


async def test_check_28_a_session_has_the_place_of_its_address_if_the_database_knows_it(
    client: httpx2.AsyncClient,
    sign_up: SignUp,
    services: Services,
    store: FakeStore,
    tmp_path: Path,
) -> None:
    file = write_mmdb(tmp_path / "places.mmdb", {"192.0.2.0/24": HAMBURG})
    database = MmdbPlaces(file)
    object.__setattr__(services.sessions, "places", database)
    zoe = await sign_up("zoe")
    own = store.sessions[zoe.principal.session]
    places = []
    for address in ("192.0.2.7", "198.51.100.7", None):
        store.sessions[own.id] = replace(own, client=ClientInfo(address, None))
        [item] = (await client.get("/auth/sessions", headers=zoe.headers)).json()["items"]
        places.append(item["place"])
    database.close()
    assert places == ["Hamburg, Germany", None, None]
