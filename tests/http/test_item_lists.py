"""Items over HTTP: lists of them."""

from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from jubilee.adapters.ids import new_id
from tests.conftest import Person, SignUp
from tests.fakes.store import FakeStore
from tests.http.item_calls import kept, listed, refused


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
async def stranger(sign_up: SignUp) -> Person:
    return await sign_up("stranger")


async def test_a_list_is_chosen_by_owner_words_and_order(
    client: httpx2.AsyncClient, zoe: Person, stranger: Person, store: FakeStore
) -> None:
    for by, title in ((zoe, "b lights"), (stranger, "c lights"), (zoe, "a candle")):
        await kept(client, by, title=title, description=None)
        store.clock.tick(seconds=1)
    assert await listed(client, zoe) == ["a candle", "c lights", "b lights"]
    assert await listed(client, zoe, {"sort": "title"}) == ["a candle", "b lights", "c lights"]
    own = {"owner": str(zoe.user.id), "sort": "created_at"}
    assert await listed(client, stranger, own) == ["b lights", "a candle"]
    assert await listed(client, zoe, {"q": "LIG", "sort": "-title"}) == ["c lights", "b lights"]
    assert await listed(client, zoe, {"q": "lig", **own}) == ["b lights"]
    assert await listed(client, zoe, {"owner": str(new_id())}) == []


async def test_the_link_leads_through_all_pages(client: httpx2.AsyncClient, zoe: Person) -> None:
    for title in "abcde":
        await kept(client, zoe, title=f"{title} & \u00e9")
    url, seen = "/api/items?limit=2&sort=title&q=%C3%A9", []
    while url:
        page = await client.get(f"http://api.test{url}", headers=zoe.headers)
        seen.append([item["title"][0] for item in page.json()["items"]])
        link = page.headers.get("link", "")
        url = link.removeprefix("<").partition(">")[0]
        assert link in {"", f'<{url}>; rel="next"'}
        assert parse_qs(urlsplit(url).query).get("cursor", [None]) == [page.json()["next_cursor"]]
    assert seen == [["a", "b"], ["c", "d"], ["e"]]


@pytest.mark.parametrize("changed", [{"sort": "title"}, {"q": "x"}, {"owner": str(new_id())}])
async def test_a_cursor_is_of_no_use_in_another_list(
    client: httpx2.AsyncClient, zoe: Person, changed: dict[str, str]
) -> None:
    for _ in range(2):
        await kept(client, zoe)
    first = await client.get("/items", params={"limit": 1}, headers=zoe.headers)
    cursor = {"cursor": first.json()["next_cursor"]}
    assert await listed(client, zoe, cursor) == ["Fairy lights"]
    response = await client.get("/items", params={**cursor, **changed}, headers=zoe.headers)
    refused(response, 400, "invalid_cursor")


BAD_QUERIES = ["limit=0", "limit=101", "limit=x", "owner=7", "q=", "sort=name", "colour=red"]


@pytest.mark.parametrize(
    "query",
    [*BAD_QUERIES, "limit=1&limit=2", f"q={'x' * 201}", "q=%00"],
)
async def test_a_query_that_breaks_a_rule_is_refused(
    client: httpx2.AsyncClient, zoe: Person, query: str
) -> None:
    refused(await client.get(f"/items?{query}", headers=zoe.headers), 422, "invalid_request")
