"""PUT, GET and DELETE /hello/{username}."""

from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from jubilee.domain.birthday_rules import AnonymousPolicy, BirthdayRules
from tests.conftest import SignUp
from tests.fakes.store import FakeClock, FakeStore

BORN = {"dateOfBirth": "1990-11-25"}
MESSAGE = "Hello, Zoe! Your birthday is in 5 day(s)"


@pytest.fixture
def birthday_rules(request: pytest.FixtureRequest) -> BirthdayRules:
    """Birthday rules: the defaults, or overrides from the `rules` marker."""
    rules: BirthdayRules = getattr(request, "param", BirthdayRules())
    return rules


def rules(**given: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("birthday_rules", [BirthdayRules(**given)], indirect=True)


def code(response: httpx2.Response) -> tuple[int, str]:
    """Status and problem code."""
    return response.status_code, response.json()["code"]


async def test_a_saved_birthday_is_greeted(client: httpx2.AsyncClient) -> None:
    saved = await client.put("/hello/Zoe", json=BORN)
    assert (saved.status_code, saved.content) == (204, b"")
    greeting = await client.get("/hello/Zoe")
    assert (greeting.status_code, greeting.json()) == (200, {"message": MESSAGE})


async def test_on_the_day_the_message_is_happy_birthday(
    client: httpx2.AsyncClient, clock: FakeClock
) -> None:
    await client.put("/hello/Zoe", json={**BORN, "timeZone": "Asia/Tokyo"})
    clock.now = datetime(2026, 11, 24, 15, tzinfo=UTC)
    greeting = await client.get("/hello/Zoe")
    assert greeting.json() == {"message": "Hello, Zoe! Happy birthday!"}


@pytest.mark.parametrize("name", ["ZOE\u0308", "zoë", "नि", "李"])
async def test_the_message_spells_the_name_as_in_the_path(
    client: httpx2.AsyncClient, name: str
) -> None:
    await client.put(f"/hello/{quote(name)}", json=BORN)
    greeting = await client.get(f"/hello/{quote(name)}")
    assert greeting.json() == {"message": MESSAGE.replace("Zoe", name)}


@pytest.mark.parametrize("mount", ["", "/api", "/v1/api"])
async def test_hello_is_served_at_every_mount(client: httpx2.AsyncClient, mount: str) -> None:
    await client.put(f"http://api.test{mount}/hello/Zoe/", json=BORN)
    assert (await client.get(f"http://api.test{mount}/hello/Zoe")).json() == {"message": MESSAGE}


async def test_a_name_without_a_birthday_is_not_found(client: httpx2.AsyncClient) -> None:
    assert code(await client.get("/hello/Zoe")) == (404, "birthday_not_found")


@pytest.mark.parametrize("name", ["zoe1", "zoe%20quill", "1", "%CC%81a", "a" * 65, "zoe."])
async def test_an_invalid_name_is_refused(client: httpx2.AsyncClient, name: str) -> None:
    assert code(await client.get(f"/hello/{name}")) == (422, "invalid_name")
    assert code(await client.put(f"/hello/{name}", json=BORN)) == (422, "invalid_name")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/dateOfBirth"),
        ({"date_of_birth": "1990-11-25"}, "#/dateOfBirth"),
        ({"dateOfBirth": None}, "#/dateOfBirth"),
        ({"dateOfBirth": 19901125}, "#/dateOfBirth"),
        ({"dateOfBirth": "659491200"}, "#/dateOfBirth"),
        ({"dateOfBirth": "1990-02-30"}, "#/dateOfBirth"),
        ({"dateOfBirth": "1990-11-25T00:00:00"}, "#/dateOfBirth"),
        ({"dateOfBirth": "19901125"}, "#/dateOfBirth"),
        ({"dateOfBirth": "2026-11-20"}, "#/dateOfBirth"),
        ({"dateOfBirth": "9999-12-31"}, "#/dateOfBirth"),
        ({**BORN, "timeZone": "Mars/Olympus"}, "#/timeZone"),
        ({**BORN, "timeZone": "../etc/passwd"}, "#/timeZone"),
        ({**BORN, "timezone": "UTC"}, "#/timezone"),
    ],
)
async def test_an_invalid_body_is_refused_with_its_pointer(
    client: httpx2.AsyncClient, store: FakeStore, body: dict[str, Any], pointer: str
) -> None:
    refused = await client.put("/hello/Zoe", json=body)
    assert refused.status_code == 422
    assert pointer in [error["pointer"] for error in refused.json()["errors"]]
    assert not store.birthdays.anonymous


async def test_the_first_day_of_the_calendar_is_accepted(
    client: httpx2.AsyncClient,
) -> None:
    saved = await client.put("/hello/Zoe", json={"dateOfBirth": "0001-01-01", "timeZone": None})
    assert saved.status_code == 204
    assert (await client.get("/hello/Zoe")).json() == {"message": MESSAGE.replace("5", "42")}


async def test_only_the_account_saves_under_its_username(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    zoe, ben = await sign_up("zoe"), await sign_up("ben")
    assert code(await client.put("/hello/Zoe", json=BORN)) == (401, "not_authenticated")
    refused = await client.put("/hello/Zoe", json=BORN, headers=ben.headers)
    assert code(refused) == (403, "not_allowed")
    saved = await client.put("/hello/Zoe", json=BORN, headers=zoe.headers)
    assert saved.status_code == 204
    me = await client.get("/users/me", headers=zoe.headers)
    assert me.json()["date_of_birth"] == "1990-11-25"


async def test_an_invalid_token_is_refused_even_where_it_is_optional(
    client: httpx2.AsyncClient,
) -> None:
    refused = await client.put("/hello/Zoe", json=BORN, headers={"Authorization": "Bearer x"})
    assert code(refused) == (401, "invalid_token")


async def test_an_admin_changes_and_deletes_any_birthday(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    admin = await sign_up("root", is_superuser=True)
    await sign_up("zoe")
    await client.put("/hello/Ben", json=BORN)
    for name in ("zoe", "Ben"):
        saved = await client.put(f"/hello/{name}", json=BORN, headers=admin.headers)
        deleted = await client.delete(f"/hello/{name}", headers=admin.headers)
        assert (saved.status_code, deleted.status_code) == (204, 204)
        again = await client.delete(f"/hello/{name}", headers=admin.headers)
        assert code(again) == (404, "birthday_not_found")


async def test_a_birthday_is_deleted_only_by_its_account(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    zoe, ben = (
        await sign_up("zoe", date_of_birth=date(1990, 11, 25)),
        await sign_up("ben"),
    )
    assert code(await client.delete("/hello/zoe")) == (401, "not_authenticated")
    refused = await client.delete("/hello/zoe", headers=ben.headers)
    assert code(refused) == (403, "not_allowed")
    assert (await client.delete("/hello/zoe", headers=zoe.headers)).status_code == 204
    assert code(await client.get("/hello/zoe")) == (404, "birthday_not_found")


@rules(anonymous=AnonymousPolicy.CREATE)
async def test_policy_create_keeps_the_first_write(client: httpx2.AsyncClient) -> None:
    assert (await client.put("/hello/Zoe", json=BORN)).status_code == 204
    assert code(await client.put("/hello/Zoe", json=BORN)) == (403, "not_allowed")


@rules(anonymous=AnonymousPolicy.OFF)
async def test_policy_off_refuses_anonymous_writes(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    zoe = await sign_up("zoe")
    assert code(await client.put("/hello/Ben", json=BORN)) == (401, "not_authenticated")
    refused = await client.put("/hello/Ben", json=BORN, headers=zoe.headers)
    assert code(refused) == (403, "not_allowed")


@rules(max_anonymous=1)
async def test_a_name_beyond_the_limit_is_refused(client: httpx2.AsyncClient) -> None:
    await client.put("/hello/Zoe", json=BORN)
    refused = await client.put("/hello/Ben", json=BORN)
    assert code(refused) == (429, "too_many_names")
    assert int(refused.headers["Retry-After"]) > 0
    assert (await client.put("/hello/Zoe", json=BORN)).status_code == 204


async def test_a_name_with_a_slash_is_not_found(client: httpx2.AsyncClient) -> None:
    assert code(await client.get("/hello/Zoe%2FBen")) == (404, "path_not_found")
