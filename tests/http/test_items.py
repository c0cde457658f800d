"""Single items over HTTP."""

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


@pytest.fixture
async def path(client: httpx2.AsyncClient, zoe: Person) -> str:
    """Path of an item of Zoe, below the mount."""
    return (await create_item(client, zoe)).headers["location"].removeprefix("/api")


async def test_a_new_item_is_returned_with_location_and_etag(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    response = await create_item(client, zoe)
    item = response.json()
    assert response.headers["location"] == f"/api/items/{item['id']}"
    assert response.headers["etag"] == '"1"'
    created_at = "2026-11-20T09:00:00Z"
    assert item == {
        "id": item["id"],
        "title": "Fairy lights",
        "description": "warm white",
        "owner_id": str(zoe.user.id),
        "is_active": True,
        "created_at": created_at,
        "updated_at": created_at,
    }


@pytest.mark.parametrize("mount", ["", "/api", "/v1/api"])
async def test_the_location_is_below_the_requested_mount(
    client: httpx2.AsyncClient, zoe: Person, mount: str
) -> None:
    url = f"http://api.test{mount}/items"
    response = await client.post(url, json={"title": "x"}, headers=zoe.headers)
    location = response.headers["location"]
    assert location == f"{mount}/items/{response.json()['id']}"
    found = await client.get(f"http://api.test{location}", headers=zoe.headers)
    assert found.json() == response.json()


async def test_every_account_may_read_an_item(
    client: httpx2.AsyncClient, eve: Person, path: str
) -> None:
    response = await client.get(path, headers=eve.headers)
    assert (response.status_code, response.json()["title"]) == (200, "Fairy lights")
    assert response.headers["etag"] == '"1"'
    assert response.headers["cache-control"] == "private, no-cache"
    assert_problem(await client.get(path), 401, "not_authenticated")


@pytest.mark.parametrize("known", ['"1"', 'W/"1"', '"0", "1"', "*"])
async def test_a_known_version_of_an_item_is_304(
    client: httpx2.AsyncClient, zoe: Person, path: str, known: str
) -> None:
    response = await client.get(path, headers={**zoe.headers, "If-None-Match": known})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == '"1"'
    assert response.headers["cache-control"] == "private, no-cache"
    assert "content-type" not in response.headers


async def test_another_known_version_of_an_item_is_200(
    client: httpx2.AsyncClient, zoe: Person, path: str
) -> None:
    response = await client.get(path, headers={**zoe.headers, "If-None-Match": '"2"'})
    assert (response.status_code, response.headers["etag"]) == (200, '"1"')
    malformed = await client.get(path, headers={**zoe.headers, "If-None-Match": "1"})
    assert_problem(malformed, 400, "malformed_condition")


async def test_head_is_get_without_the_body(
    client: httpx2.AsyncClient, zoe: Person, path: str
) -> None:
    response = await client.head(path, headers=zoe.headers)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["etag"] == '"1"'


async def test_put_replaces_the_whole_item(
    client: httpx2.AsyncClient, zoe: Person, path: str, store: FakeStore
) -> None:
    store.clock.tick(minutes=1)
    response = await client.put(path, json={"title": "Candles"}, headers=zoe.headers)
    assert (response.status_code, response.headers["etag"]) == (200, '"2"')
    item = response.json()
    assert (item["title"], item["description"]) == ("Candles", None)
    assert (item["created_at"], item["updated_at"]) == (
        "2026-11-20T09:00:00Z",
        "2026-11-20T09:01:00Z",
    )
    again = await client.put(path, json={"title": "Candles"}, headers=zoe.headers)
    assert (again.json(), again.headers["etag"]) == (item, '"2"')


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"title": "New"}, ("New", "warm white")),
        ({"description": None}, ("Fairy lights", None)),
        ({"description": "New"}, ("Fairy lights", "New")),
    ],
)
async def test_patch_changes_only_the_members_given(
    client: httpx2.AsyncClient,
    zoe: Person,
    path: str,
    patch: dict[str, object],
    expected: tuple[str, str | None],
) -> None:
    response = await client.patch(path, json=patch, headers=zoe.headers)
    assert (response.status_code, response.headers["etag"]) == (200, '"2"')
    item = response.json()
    assert (item["title"], item["description"]) == expected
    assert (await client.get(path, headers=zoe.headers)).json() == item


async def test_a_merge_patch_is_accepted_and_may_be_empty(
    client: httpx2.AsyncClient, zoe: Person, path: str
) -> None:
    sent = {**zoe.headers, "Content-Type": "application/merge-patch+json; charset=utf-8"}
    response = await client.patch(path, content='{"title": "New"}', headers=sent)
    assert (response.json()["title"], response.headers["etag"]) == ("New", '"2"')
    response = await client.patch(path, content="{}", headers=sent)
    assert (response.json()["title"], response.headers["etag"]) == ("New", '"2"')


async def test_another_patch_format_is_415_with_accept_patch(
    client: httpx2.AsyncClient, zoe: Person, path: str
) -> None:
    sent = {**zoe.headers, "Content-Type": "application/json-patch+json"}
    response = await client.patch(path, content="[]", headers=sent)
    assert_problem(response, 415, "unsupported_media_type")
    formats = "application/json, application/merge-patch+json"
    assert response.headers["accept-patch"] == formats
    assert (await client.options(path)).headers["accept-patch"] == formats


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"title": ""}, "#/title"),
        ({"title": " \u3000"}, "#/title"),
        ({"title": "x" * 201}, "#/title"),
        ({"title": None}, "#/title"),
        ({"title": 7}, "#/title"),
        ({"title": "a\0b"}, "#/title"),
        ({"title": "x", "description": "x" * 10_001}, "#/description"),
        ({"title": "x", "description": ["x"]}, "#/description"),
        ({"title": "x", "owner_id": str(new_id())}, "#/owner_id"),
        ({"title": "x", "is_active": False}, "#/is_active"),
        ({"title": "x", "id": str(new_id())}, "#/id"),
    ],
)
async def test_an_invalid_item_writes_nothing(
    client: httpx2.AsyncClient, zoe: Person, path: str, body: dict[str, object], pointer: str
) -> None:
    before = (await client.get(path, headers=zoe.headers)).json()
    for method, target in (("POST", "/items"), ("PUT", path), ("PATCH", path)):
        response = await client.request(method, target, json=body, headers=zoe.headers)
        problem = assert_problem(response, 422, "invalid_request")
        assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert (await client.get(path, headers=zoe.headers)).json() == before
    assert await list_titles(client, zoe) == ["Fairy lights"]


async def test_a_title_of_control_characters_is_refused(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    response = await client.post("/items", json={"title": "\x1f"}, headers=zoe.headers)
    problem = assert_problem(response, 422, "invalid_title")
    assert problem["errors"][0]["pointer"] == "#/title"


async def test_a_new_item_needs_a_title(client: httpx2.AsyncClient, zoe: Person) -> None:
    problem = assert_problem(
        await client.post("/items", json={}, headers=zoe.headers), 422, "invalid_request"
    )
    assert problem["errors"][0]["pointer"] == "#/title"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_only_the_owner_and_admins_change_an_item(
    client: httpx2.AsyncClient, eve: Person, sign_up: SignUp, path: str, method: str
) -> None:
    body = None if method == "DELETE" else {"title": "Mine"}
    answer = await client.request(method, path, json=body, headers=eve.headers)
    assert_problem(answer, 403, "not_allowed")
    assert_problem(await client.request(method, path, json=body), 401, "not_authenticated")
    admin = await sign_up("ada", is_superuser=True)
    answer = await client.request(method, path, json=body, headers=admin.headers)
    assert answer.status_code == (204 if method == "DELETE" else 200)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "headers", [{"If-Match": '"1"'}, {"If-Match": 'W/"2"'}, {"If-None-Match": "*"}]
)
async def test_a_write_expecting_another_version_is_refused(
    client: httpx2.AsyncClient, zoe: Person, path: str, method: str, headers: dict[str, str]
) -> None:
    await client.patch(path, json={"title": "Second"}, headers=zoe.headers)
    body = None if method == "DELETE" else {"title": "Third"}
    sent = {**zoe.headers, **headers}
    assert_problem(await client.request(method, path, json=body, headers=sent), 412, "item_changed")
    assert await list_titles(client, zoe) == ["Second"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("match", ['"1"', '"7", "1"', "*"])
async def test_a_write_to_the_known_version_succeeds(
    client: httpx2.AsyncClient, zoe: Person, path: str, method: str, match: str
) -> None:
    body = None if method == "DELETE" else {"title": "Second"}
    sent = {**zoe.headers, "If-Match": match}
    response = await client.request(method, path, json=body, headers=sent)
    assert response.status_code == (204 if method == "DELETE" else 200)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_malformed_condition_is_refused(
    client: httpx2.AsyncClient, zoe: Person, path: str, method: str
) -> None:
    body = None if method == "DELETE" else {"title": "Second"}
    sent = {**zoe.headers, "If-Match": "1"}
    assert_problem(
        await client.request(method, path, json=body, headers=sent), 400, "malformed_condition"
    )
    assert await list_titles(client, zoe) == ["Fairy lights"]


async def test_a_deleted_item_is_not_found(
    client: httpx2.AsyncClient, zoe: Person, path: str
) -> None:
    response = await client.delete(path, headers=zoe.headers)
    assert (response.status_code, response.content) == (204, b"")
    assert await list_titles(client, zoe) == []
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        body = {"title": "Back"} if method in {"PUT", "PATCH"} else None
        sent = {**zoe.headers, "If-Match": "*"}
        answer = await client.request(method, path, json=body, headers=zoe.headers)
        assert_problem(answer, 404, "item_not_found")
        answer = await client.request(method, path, json=body, headers=sent)
        assert_problem(answer, *((404, "item_not_found") if method == "GET" else (412, "stale")))


async def test_a_path_without_a_valid_id_is_not_found(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    assert_problem(await client.get("/items/7", headers=zoe.headers), 404, "path_not_found")
    unknown = await client.get(f"/items/{new_id()}", headers=zoe.headers)
    assert_problem(unknown, 404, "item_not_found")
