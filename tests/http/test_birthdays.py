"""GET /birthdays/today and /birthdays/upcoming."""

from datetime import date

import httpx2
import pytest

from tests.conftest import Person, SignUp


@pytest.fixture
async def admin(sign_up: SignUp) -> Person:
    return await sign_up("root", is_superuser=True)


async def save(client: httpx2.AsyncClient, **days: str) -> None:
    """Save a name for every day, given as month and day."""
    for name, day in days.items():
        saved = await client.put(f"/hello/{name}", json={"dateOfBirth": f"1990-{day}"})
        assert saved.status_code == 204


@pytest.mark.parametrize("path", ["/birthdays/today", "/birthdays/upcoming"])
async def test_the_lists_require_an_admin(
    client: httpx2.AsyncClient, sign_up: SignUp, path: str
) -> None:
    zoe = await sign_up("zoe")
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers=zoe.headers)).status_code == 403


async def test_today_lists_the_birthdays_of_today(
    client: httpx2.AsyncClient, admin: Person
) -> None:
    await save(client, Today="11-20", Tomorrow="11-21")
    today = await client.get("/birthdays/today", headers=admin.headers)
    entry = {"name": "Today", "user_id": None, "date": "2026-11-20", "days": 0, "turning": 36}
    assert today.json() == {"items": [entry], "next_cursor": None}


async def test_an_account_is_listed_with_its_id(
    client: httpx2.AsyncClient, admin: Person, sign_up: SignUp
) -> None:
    zoe = await sign_up("zoe.99", date_of_birth=date(2000, 11, 22))
    upcoming = await client.get("/birthdays/upcoming", headers=admin.headers)
    (entry,) = upcoming.json()["items"]
    assert entry == {
        "name": "zoe.99",
        "user_id": str(zoe.user.id),
        "date": "2026-11-22",
        "days": 2,
        "turning": 26,
    }


async def test_upcoming_covers_thirty_days_by_default(
    client: httpx2.AsyncClient, admin: Person
) -> None:
    await save(client, One="11-21", Thirty="12-20", Far="12-21")
    found = {}
    for query in ("", "?days=1", "?days=366"):
        upcoming = await client.get(f"/birthdays/upcoming{query}", headers=admin.headers)
        found[query] = [entry["name"] for entry in upcoming.json()["items"]]
    names = ["One", "Thirty", "Far"]
    assert found == {"": names[:2], "?days=1": names[:1], "?days=366": names}


@pytest.mark.parametrize("days", ["0", "367", "x", ""])
async def test_days_out_of_range_are_refused(
    client: httpx2.AsyncClient, admin: Person, days: str
) -> None:
    refused = await client.get(f"/birthdays/upcoming?days={days}", headers=admin.headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("path", ["/birthdays/today?limit=2", "/birthdays/upcoming?limit=2"])
async def test_the_lists_are_paged(client: httpx2.AsyncClient, admin: Person, path: str) -> None:
    day = "11-20" if "today" in path else "11-25"
    await save(client, Ada=day, Ben=day, Cid=day)
    first = await client.get(path, headers=admin.headers)
    link = first.headers["Link"].partition(">")[0].removeprefix("<")
    second = await client.get(f"http://api.test{link}", headers=admin.headers)
    names = [[entry["name"] for entry in page.json()["items"]] for page in (first, second)]
    assert names == [["Ada", "Ben"], ["Cid"]]
    assert "Link" not in second.headers


async def test_a_cursor_is_valid_only_for_its_own_list(
    client: httpx2.AsyncClient, admin: Person
) -> None:
    await save(client, Ada="11-20", Ben="11-20")
    today = await client.get("/birthdays/today?limit=1", headers=admin.headers)
    query = {"cursor": today.json()["next_cursor"]}
    refused = await client.get("/birthdays/upcoming", params=query, headers=admin.headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_cursor")


async def test_a_changed_birthday_is_on_todays_list_at_once(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    admin = await sign_up("ada", is_superuser=True)
    today = await client.get("/birthdays/today", headers=admin.headers)
    assert today.json()["items"] == []
    change = {"date_of_birth": "1990-11-20"}
    await client.patch("/users/me", json=change, headers=admin.headers)
    today = await client.get("/birthdays/today", headers=admin.headers)
    assert [row["name"] for row in today.json()["items"]] == ["ada"]


async def test_a_date_of_birth_from_today_on_is_refused(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    zoe = await sign_up("zoe")
    refused = await client.patch(
        "/users/me", json={"date_of_birth": "2026-11-20"}, headers=zoe.headers
    )
    assert refused.json()["errors"][0]["pointer"] == "#/date_of_birth"
    assert refused.json()["code"] == "not_born_yet"
