"""Passkeys over HTTP, answered by an authenticator in software."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx2
import pytest

from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.store import FakeClock, FakeStore
from tests.http.factor_calls import add_passkey, passkey_options
from tests.http.refusals import pointers, problem
from tests.support.authenticator import USER_PRESENT, SoftAuthenticator, encoded

KEYS = "/auth/passkeys"


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
def device() -> SoftAuthenticator:
    return SoftAuthenticator()


async def request(client: httpx2.AsyncClient, **login: str) -> dict[str, Any]:
    """Return the options of a sign-in."""
    answer = await client.post(f"{KEYS}/sign-in/options", json=login)
    options: dict[str, Any] = answer.json()["public_key"]
    return options


async def send(client: httpx2.AsyncClient, credential: dict[str, Any]) -> httpx2.Response:
    """Sign in by the answer of a passkey."""
    return await client.post(f"{KEYS}/sign-in", json={"credential": credential})


async def test_a_passkey_is_registered_listed_renamed_and_removed(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator
) -> None:
    added = await add_passkey(client, zoe, device)
    assert (added.status_code, added.json()["name"]) == (201, "Passkey")
    url = f"{KEYS}/{added.json()['id']}"
    renamed = await client.patch(url, json={"name": "Zoe's phone"}, headers=zoe.headers)
    assert renamed.json()["name"] == "Zoe's phone"
    [item] = (await client.get(KEYS, headers=zoe.headers)).json()["items"]
    assert item == renamed.json()
    assert (await client.delete(url, headers=zoe.headers)).status_code == 204
    problem(await client.delete(url, headers=zoe.headers), 404, "passkey_not_found")


async def test_the_options_ask_for_a_discoverable_passkey_and_a_verified_user(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator
) -> None:
    await add_passkey(client, zoe, device)
    options = await passkey_options(client, zoe)
    selection = options["authenticatorSelection"]
    assert (selection["residentKey"], selection["userVerification"]) == ("required", "required")
    assert options["rp"] == {"id": "localhost", "name": "Jubilee"}
    assert options["user"]["id"] == encoded(zoe.user.id.bytes)
    assert [one["id"] for one in options["excludeCredentials"]] == [encoded(device.credential_id)]


@pytest.mark.parametrize("login", [{}, {"username": "ZOE"}, {"username": "zoe@example.com"}])
async def test_a_passkey_signs_in_with_and_without_a_user_name(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator, login: dict[str, str]
) -> None:
    await add_passkey(client, zoe, device)
    answer = await send(client, device.get(await request(client, **login)))
    assert answer.status_code == 200, answer.text
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert (await client.get("/users/me", headers=headers)).json()["id"] == str(zoe.user.id)


async def test_a_passkey_of_another_account_than_the_named_one_is_refused(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator, sign_up: SignUp
) -> None:
    await sign_up("max")
    await add_passkey(client, zoe, device)
    answer = await send(client, device.get(await request(client, username="max")))
    problem(answer, 400, "invalid_passkey")


async def test_the_options_are_alike_for_known_and_unknown_names(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator
) -> None:
    await add_passkey(client, zoe, device)
    options = [await request(client, username=name) for name in ("zoe", "unknown")]
    for one in options:
        assert len(one.pop("challenge")) == 54
    assert options[0] == options[1]


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:8001"},
        {"rp_id": "evil.example"},
        {"flags": USER_PRESENT},
        {"flags": 0x04},
        {"key": SoftAuthenticator().key},
    ],
    ids=["origin", "port", "rp_id", "not verified", "not present", "key"],
)
async def test_check_21_a_wrong_answer_of_a_passkey_is_refused(
    client: httpx2.AsyncClient,
    zoe: Person,
    device: SoftAuthenticator,
    change: dict[str, Any],
    store: FakeStore,
) -> None:
    await add_passkey(client, zoe, device)
    before = len(store.sessions)
    wrong = replace(device, **change)
    problem(await send(client, wrong.get(await request(client))), 400, "invalid_passkey")
    assert len(store.sessions) == before
    assert store.audit[-1].details == {"reason": "wrong_passkey"}


@pytest.mark.parametrize(
    "change",
    [{"origin": "https://evil.example"}, {"rp_id": "evil.example"}, {"flags": USER_PRESENT}],
    ids=["origin", "rp_id", "not verified"],
)
async def test_check_21_a_wrong_registration_is_refused(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator, change: dict[str, Any]
) -> None:
    problem(await add_passkey(client, zoe, replace(device, **change)), 400, "invalid_passkey")


async def test_check_21_a_challenge_is_answered_once(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator
) -> None:
    credential = device.create(await passkey_options(client, zoe))
    body = {"credential": credential}
    assert (await client.post(KEYS, json=body, headers=zoe.headers)).status_code == 201
    again = await client.post(KEYS, json=body, headers=zoe.headers)
    problem(again, 400, "invalid_passkey")
    answer = device.get(await request(client))
    assert (await send(client, answer)).status_code == 200
    problem(await send(client, answer), 400, "invalid_passkey")


async def test_check_21_a_challenge_expires_and_belongs_to_its_purpose(
    client: httpx2.AsyncClient,
    zoe: Person,
    device: SoftAuthenticator,
    clock: FakeClock,
    sign_up: SignUp,
) -> None:
    await add_passkey(client, zoe, device)
    late = device.get(await request(client))
    clock.tick(minutes=5)
    problem(await send(client, late), 400, "invalid_passkey")
    problem(
        await send(client, device.get(await passkey_options(client, zoe))), 400, "invalid_passkey"
    )
    forged = device.get({"challenge": encoded(bytes(40))})
    problem(await send(client, forged), 400, "invalid_passkey")
    body = {"credential": device.create(await passkey_options(client, zoe))}
    max_ = await sign_up("max")
    swapped = await client.post(KEYS, json=body, headers=max_.headers)
    problem(swapped, 400, "invalid_passkey")


async def test_check_21_a_counter_that_goes_back_is_refused_and_audited(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator, store: FakeStore
) -> None:
    await add_passkey(client, zoe, device)
    copy = replace(device)
    assert (await send(client, device.get(await request(client)))).status_code == 200
    problem(await send(client, copy.get(await request(client))), 400, "invalid_passkey")
    assert store.audit[-1].details == {"reason": "copied_passkey"}
    assert (await send(client, device.get(await request(client)))).status_code == 200


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"rawId": 1},
        {"rawId": "é", "response": {}},
        {"rawId": encoded(b"credential-of-zoe"), "response": []},
        {"rawId": encoded(b"credential-of-zoe"), "response": {"clientDataJSON": "bnVsbA"}},
        {
            "rawId": encoded(b"credential-of-zoe"),
            "response": {"clientDataJSON": encoded(b'{"challenge":"AAAA"}'), "signature": "!"},
        },
    ],
)
async def test_a_malformed_credential_is_refused(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator, credential: dict[str, Any]
) -> None:
    await add_passkey(client, zoe, device)
    problem(await send(client, credential), 400, "invalid_passkey")


async def test_a_passkey_signs_in_without_the_second_step(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator, store: FakeStore
) -> None:
    await add_passkey(client, zoe, device)
    form = {"username": "zoe", "password": PASSWORD}
    assert (await client.post("/auth/login", json=form)).status_code == 200
    assert (await send(client, device.get(await request(client)))).status_code == 200
    newest = max(store.sessions.values(), key=lambda session: session.id)
    assert newest.second_factor


async def test_a_registered_passkey_cannot_be_added_again(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator, sign_up: SignUp
) -> None:
    await add_passkey(client, zoe, device)
    problem(await add_passkey(client, await sign_up("max"), device), 409, "passkey_known")


async def test_an_account_has_twenty_passkeys_at_most(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    for n in range(20):
        added = await add_passkey(client, zoe, SoftAuthenticator(credential_id=bytes([n]) * 16))
        assert added.status_code == 201
    problem(await add_passkey(client, zoe, SoftAuthenticator()), 409, "too_many_factors")


async def test_a_passkey_of_another_account_is_not_found(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator, sign_up: SignUp
) -> None:
    key_id = (await add_passkey(client, zoe, device)).json()["id"]
    eve = await sign_up("eve")
    for method, body in (("PATCH", {"name": "x"}), ("DELETE", None)):
        answer = await client.request(method, f"{KEYS}/{key_id}", json=body, headers=eve.headers)
        problem(answer, 404, "passkey_not_found")


async def test_a_disabled_account_does_not_sign_in_by_its_passkey(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator, store: FakeStore
) -> None:
    await add_passkey(client, zoe, device)
    store.users[zoe.user.id] = replace(zoe.user, is_active=False)
    problem(await send(client, device.get(await request(client))), 400, "invalid_passkey")


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 101])
async def test_the_name_of_a_passkey_is_a_line(
    client: httpx2.AsyncClient, zoe: Person, device: SoftAuthenticator, name: str
) -> None:
    key_id = (await add_passkey(client, zoe, device)).json()["id"]
    answer = await client.patch(f"{KEYS}/{key_id}", json={"name": name}, headers=zoe.headers)
    assert pointers(answer) == {"#/name"}


@pytest.mark.parametrize("request_line", ["POST /options", "POST ", f"DELETE /{UUID(int=7)}"])
async def test_check_20_changing_passkeys_needs_a_recent_proof(
    client: httpx2.AsyncClient, zoe: Person, clock: FakeClock, request_line: str
) -> None:
    clock.tick(minutes=15)
    method, _, path = request_line.partition(" ")
    answer = await client.request(method, KEYS + path, headers=zoe.headers)
    problem(answer, 403, "reauthentication_required")
