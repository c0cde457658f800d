"""Lists of the audit log over HTTP: who sees what of it."""

from typing import Any
from uuid import UUID

import httpx2
import pytest

from jubilee.domain.audit.entry import RequestOrigin
from jubilee.domain.identity import OPERATOR
from jubilee.domain.passwords import PasswordChange
from jubilee.domain.services import Services
from tests.conftest import Person, SignUp
from tests.fakes.store import FakeClock, FakeStore
from tests.http.refusals import pointers

ORIGIN = RequestOrigin("192.0.2.7", "curl/8.5", "request-1")


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
async def admin(sign_up: SignUp) -> Person:
    return await sign_up("ada", is_superuser=True)


async def read(client: httpx2.AsyncClient, by: Person, path: str, **query: object) -> Any:
    answer = await client.get(path, params=query, headers=by.headers)  # type: ignore[arg-type]  # texts and numbers
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_an_entry_is_shown_whole_to_admins(
    client: httpx2.AsyncClient, sign_up: SignUp, admin: Person, store: FakeStore
) -> None:
    store.origin = ORIGIN
    zoe = await sign_up("zoe")
    [shown, _] = await read(client, admin, "/audit", subject=zoe.user.id)
    assert UUID(shown.pop("id")) == store.audit[-2].id
    assert shown == {
        "event": "sign_in",
        "actor": "account",
        "actor_id": str(zoe.user.id),
        "subject_id": str(zoe.user.id),
        "occurred_at": "2026-11-20T09:00:00Z",
        "address": "192.0.2.7",
        "user_agent": "curl/8.5",
        "request_id": "request-1",
        "details": {"session_id": str(zoe.principal.session_id)},
    }


async def test_the_log_is_filtered_by_event_actor_subject_and_time(
    client: httpx2.AsyncClient, zoe: Person, admin: Person, clock: FakeClock, services: Services
) -> None:
    clock.tick(minutes=5)
    await services.users.change(zoe.user.id, {"full_name": "Z"}, PasswordChange(), by=OPERATOR)
    since = "2026-11-20T09:05:00Z"
    [by_operator] = await read(client, admin, "/audit", actor="operator")
    assert (by_operator["actor"], by_operator["actor_id"]) == ("operator", None)
    for query in (
        {"event": "admin_write"},
        {"subject": zoe.user.id, "since": since},
        {"since": since, "event": "admin_write", "actor": "operator"},
    ):
        assert await read(client, admin, "/audit", **query) == [by_operator], query
    before = await read(client, admin, "/audit", until=since, actor=str(zoe.user.id))
    assert [row["event"] for row in before] == ["sign_in", "account_registered"]


async def test_pages_of_the_log_follow_one_another(
    client: httpx2.AsyncClient, zoe: Person, admin: Person
) -> None:
    query: dict[str, str | int] = {"event": "sign_in", "limit": 1}
    first = (await client.get("/audit", params=query, headers=admin.headers)).json()
    query["cursor"] = first["next_cursor"]
    second = (await client.get("/audit", params=query, headers=admin.headers)).json()
    subjects = [page["items"][0]["subject_id"] for page in (first, second)]
    assert subjects == [str(admin.user.id), str(zoe.user.id)]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    "query", [{"event": "x"}, {"actor": "x"}, {"subject": "x"}, {"since": "1"}, {"until": "x"}]
)
async def test_a_malformed_filter_is_refused(
    client: httpx2.AsyncClient, admin: Person, query: dict[str, str]
) -> None:
    answer = await client.get("/audit", params=query, headers=admin.headers)
    assert pointers(answer) == {f"query/{name}" for name in query}


async def test_a_user_sees_what_concerns_the_own_account_without_admins_addresses(
    client: httpx2.AsyncClient, sign_up: SignUp, admin: Person, store: FakeStore
) -> None:
    store.origin = ORIGIN
    zoe = await sign_up("zoe")
    await sign_up("max")
    await client.post("/auth/token", data={"username": "zoe", "password": "wrong"})
    await client.get(f"/users/{zoe.user.id}", headers=admin.headers)
    read_by_admin, failed, signed_in, registered = await read(client, zoe, "/users/me/audit")
    assert (read_by_admin["actor"], read_by_admin["address"]) == ("administrator", None)
    assert read_by_admin["user_agent"] is None
    assert read_by_admin.keys() == signed_in.keys()
    assert str(admin.user.id) not in str(read_by_admin)
    assert (failed["actor"], failed["address"]) == ("none", "192.0.2.7")
    assert (signed_in["actor"], signed_in["address"]) == ("self", "192.0.2.7")
    assert registered["event"] == "account_registered"
    assert [failed] == await read(client, zoe, "/users/me/audit", event="sign_in_failed")
