"""Lists of items over HTTP."""

from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from jubilee.adapters.ids import new_id
from tests.conftest import Person, SignUp
from tests.fakes.store import FakeStore
from tests.http.item_calls import assert_problem, create_item, list_titles


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
async def eve(sign_up: SignUp) -> Person:
    return await sign_up("eve")


async def test_items_are_filtered_by_owner_and_words_and_sorted(
    client: httpx2.AsyncClient, zoe: Person, eve: Person, store: FakeStore
) -> None:
    for by, title in ((zoe, "b lights"), (eve, "c lights"), (zoe, "a candle")):
        await create_item(client, by, title=title, description=None)
        store.clock.tick(seconds=1)
    assert await list_titles(client, zoe) == ["a candle", "c lights", "b lights"]
    assert await list_titles(client, zoe, {"sort": "title"}) == ["a candle", "b lights", "c lights"]
    own = {"owner": str(zoe.user.id), "sort": "created_at"}
    assert await list_titles(client, eve, own) == ["b lights", "a candle"]
    assert await list_titles(client, zoe, {"q": "LIG", "sort": "-title"}) == [
        "c lights",
        "b lights",
    ]
    assert await list_titles(client, zoe, {"q": "lig", **own}) == ["b lights"]
    assert await list_titles(client, zoe, {"owner": str(new_id())}) == []


async def test_links_lead_through_all_pages_of_items(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    for title in "abcde":
        await create_item(client, zoe, title=f"{title} & \u00e9")
    url, pages = "/api/items?limit=2&sort=title&q=%C3%A9", []
    while url:
        page = await client.get(f"http://api.test{url}", headers=zoe.headers)
        pages.append([item["title"][0] for item in page.json()["items"]])
        link = page.headers.get("link", "")
        url = link.removeprefix("<").partition(">")[0]
        assert link in {"", f'<{url}>; rel="next"'}
        assert parse_qs(urlsplit(url).query).get("cursor", [None]) == [page.json()["next_cursor"]]
    assert pages == [["a", "b"], ["c", "d"], ["e"]]


@pytest.mark.parametrize("changed", [{"sort": "title"}, {"q": "x"}, {"owner": str(new_id())}])
async def test_a_cursor_is_invalid_for_another_filter(
    client: httpx2.AsyncClient, zoe: Person, changed: dict[str, str]
) -> None:
    for _ in range(2):
        await create_item(client, zoe)
    first = await client.get("/items", params={"limit": 1}, headers=zoe.headers)
    cursor = {"cursor": first.json()["next_cursor"]}
    assert await list_titles(client, zoe, cursor) == ["Fairy lights"]
    response = await client.get("/items", params={**cursor, **changed}, headers=zoe.headers)
    assert_problem(response, 400, "invalid_cursor")


INVALID_QUERIES = ["limit=0", "limit=101", "limit=x", "owner=7", "q=", "sort=name", "colour=red"]


@pytest.mark.parametrize(
    "query",
    [*INVALID_QUERIES, "limit=1&limit=2", f"q={'x' * 201}", "q=%00"],
)
async def test_an_invalid_query_is_refused(
    client: httpx2.AsyncClient, zoe: Person, query: str
) -> None:
    assert_problem(await client.get(f"/items?{query}", headers=zoe.headers), 422, "invalid_request")
