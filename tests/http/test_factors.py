"""Authenticator apps and recovery codes over HTTP."""

import base64
from uuid import UUID

import httpx2
import pytest

from tests.conftest import Person, SignUp
from tests.fakes.authenticator_app import Authenticator
from tests.fakes.store import FakeClock, FakeStore
from tests.http.factor_calls import add_app, first_step, second_step
from tests.http.refusals import pointers, problem

APPS = "/auth/factors/totp"
CODES = "/auth/factors/recovery-codes"


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
async def app_of_zoe(client: httpx2.AsyncClient, zoe: Person, clock: FakeClock) -> Authenticator:
    return await add_app(client, zoe, clock)


async def test_a_new_app_is_shown_once_with_its_secret(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    answer = await client.post(APPS, headers=zoe.headers)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    new = answer.json()
    assert len(base64.b32decode(new["secret"])) == 20
    assert new["otpauth_uri"].startswith("otpauth://totp/Jubilee:zoe%40example.com?secret=")
    listed = await client.get("/auth/factors", headers=zoe.headers)
    assert new["secret"] not in listed.text
    [item] = listed.json()["items"]
    assert (item["id"], item["kind"], item["confirmed_at"]) == (new["id"], "totp", None)


async def test_an_app_counts_only_after_its_first_code(
    client: httpx2.AsyncClient, zoe: Person, clock: FakeClock, sign_up: SignUp
) -> None:
    new = (await client.post(APPS, headers=zoe.headers)).json()
    form = {"username": "zoe", "password": "correct horse battery"}
    assert (await client.post("/auth/login", json=form)).status_code == 200
    confirm = f"{APPS}/{new['id']}/confirm"
    wrong = await client.post(confirm, json={"code": "000000"}, headers=zoe.headers)
    problem(wrong, 403, "wrong_code")
    assert (await client.post("/auth/login", json=form)).status_code == 200


async def test_the_first_app_brings_ten_recovery_codes_and_the_second_none(
    client: httpx2.AsyncClient, zoe: Person, app_of_zoe: Authenticator, clock: FakeClock
) -> None:
    assert len(set(app_of_zoe.recovery_codes)) == 10
    assert (await add_app(client, zoe, clock)).recovery_codes == []
    listed = (await client.get("/auth/factors", headers=zoe.headers)).json()
    assert (len(listed["items"]), listed["recovery_codes_left"]) == (2, 10)


async def test_a_confirmed_app_cannot_be_confirmed_again(
    client: httpx2.AsyncClient, zoe: Person, app_of_zoe: Authenticator
) -> None:
    body = {"code": app_of_zoe.next_code()}
    answer = await client.post(f"{APPS}/{app_of_zoe.id}/confirm", json=body, headers=zoe.headers)
    problem(answer, 409, "factor_confirmed")


async def test_an_account_has_five_apps_at_most(
    client: httpx2.AsyncClient, zoe: Person, clock: FakeClock
) -> None:
    for _ in range(5):
        await add_app(client, zoe, clock)
    problem(await client.post(APPS, headers=zoe.headers), 409, "too_many_factors")


async def test_a_new_app_replaces_one_that_was_not_confirmed(
    client: httpx2.AsyncClient, zoe: Person
) -> None:
    first = (await client.post(APPS, headers=zoe.headers)).json()
    second = (await client.post(APPS, headers=zoe.headers)).json()
    items = (await client.get("/auth/factors", headers=zoe.headers)).json()["items"]
    assert [item["id"] for item in items] == [second["id"]]
    answer = await client.post(
        f"{APPS}/{first['id']}/confirm", json={"code": "000000"}, headers=zoe.headers
    )
    problem(answer, 404, "factor_not_found")


async def test_check_18_a_code_works_once(
    client: httpx2.AsyncClient, app_of_zoe: Authenticator
) -> None:
    code = app_of_zoe.next_code()
    one, two = await first_step(client), await first_step(client)
    assert (await second_step(client, one["mfa_token"], code=code)).status_code == 200
    problem(await second_step(client, two["mfa_token"], code=code), 403, "wrong_code")


@pytest.mark.parametrize(
    ("ago_s", "status"), [(-60, 403), (-30, 200), (0, 200), (30, 200), (90, 403)]
)
async def test_check_18_a_code_is_valid_for_a_step_before_and_after_its_own(
    client: httpx2.AsyncClient,
    app_of_zoe: Authenticator,
    clock: FakeClock,
    ago_s: float,
    status: int,
) -> None:
    clock.tick(minutes=5)
    token = (await first_step(client))["mfa_token"]
    answer = await second_step(client, token, code=app_of_zoe.code(ago_s=ago_s))
    assert answer.status_code == status


async def test_check_18_the_sixth_wrong_code_is_throttled_whatever_the_sign_in(
    client: httpx2.AsyncClient, app_of_zoe: Authenticator, clock: FakeClock
) -> None:
    for _ in range(5):
        token = (await first_step(client))["mfa_token"]
        problem(await second_step(client, token, code="000000"), 403, "wrong_code")
    token = (await first_step(client))["mfa_token"]
    right = await second_step(client, token, code=app_of_zoe.next_code())
    problem(right, 429, "too_many_attempts")
    clock.tick(minutes=15)
    token = (await first_step(client))["mfa_token"]
    assert (await second_step(client, token, code=app_of_zoe.code())).status_code == 200


async def test_check_19_a_recovery_code_works_once_and_the_rest_are_counted(
    client: httpx2.AsyncClient, zoe: Person, app_of_zoe: Authenticator
) -> None:
    code = app_of_zoe.recovery_codes[3]
    typed = code.replace("-", " ").lower()
    one, two = await first_step(client), await first_step(client)
    assert (await second_step(client, one["mfa_token"], recovery_code=typed)).status_code == 200
    problem(await second_step(client, two["mfa_token"], recovery_code=code), 403, "wrong_code")
    listed = (await client.get("/auth/factors", headers=zoe.headers)).json()
    assert listed["recovery_codes_left"] == 9


async def test_check_19_renewing_the_recovery_codes_voids_the_old_set(
    client: httpx2.AsyncClient, zoe: Person, app_of_zoe: Authenticator
) -> None:
    renewed = (await client.post(CODES, headers=zoe.headers)).json()["recovery_codes"]
    assert len(renewed) == 10
    old, new = app_of_zoe.recovery_codes[0], renewed[0]
    token = (await first_step(client))["mfa_token"]
    problem(await second_step(client, token, recovery_code=old), 403, "wrong_code")
    assert (await second_step(client, token, recovery_code=new)).status_code == 200


async def test_recovery_codes_belong_to_an_app(client: httpx2.AsyncClient, zoe: Person) -> None:
    problem(await client.post(CODES, headers=zoe.headers), 409, "no_factor")


async def test_check_19_recovery_codes_are_stored_as_hashes_of_120_bits(
    app_of_zoe: Authenticator, store: FakeStore
) -> None:
    stored = [code_hash for _, code_hash in store.factors.codes]
    assert {len(code_hash) for code_hash in stored} == {32}
    plain = [code.replace("-", "") for code in app_of_zoe.recovery_codes]
    assert {len(code) for code in plain} == {24}  # five bits each
    assert not any(code.encode() in code_hash for code in plain for code_hash in stored)


async def test_removing_the_last_app_ends_the_second_factor_and_its_codes(
    client: httpx2.AsyncClient, zoe: Person, app_of_zoe: Authenticator, store: FakeStore
) -> None:
    answer = await client.delete(f"/auth/factors/{app_of_zoe.id}", headers=zoe.headers)
    assert answer.status_code == 204
    assert (store.factors.totp, store.factors.codes) == ({}, {})
    again = await client.delete(f"/auth/factors/{app_of_zoe.id}", headers=zoe.headers)
    problem(again, 404, "factor_not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", APPS),
        ("POST", f"{APPS}/{UUID(int=7)}/confirm"),
        ("POST", CODES),
        ("DELETE", f"/auth/factors/{UUID(int=7)}"),
    ],
)
async def test_check_20_changing_factors_needs_a_recent_proof(
    client: httpx2.AsyncClient, zoe: Person, clock: FakeClock, method: str, path: str
) -> None:
    clock.tick(minutes=15)
    answer = await client.request(method, path, headers=zoe.headers)
    problem(answer, 403, "reauthentication_required")


async def test_check_20_the_secret_of_an_app_is_encrypted_at_rest(
    app_of_zoe: Authenticator, store: FakeStore
) -> None:
    [factor] = store.factors.totp.values()
    assert app_of_zoe.secret.encode() not in factor.sealed_secret
    assert base64.b32decode(app_of_zoe.secret) not in factor.sealed_secret


async def test_a_code_is_a_recent_proof_and_audited(
    client: httpx2.AsyncClient,
    zoe: Person,
    app_of_zoe: Authenticator,
    clock: FakeClock,
    store: FakeStore,
) -> None:
    clock.tick(minutes=15)
    before = len(store.audit)
    body = {"code": app_of_zoe.next_code()}
    proof = "/auth/reauthenticate"
    assert (await client.post(proof, json=body, headers=zoe.headers)).status_code == 204
    again = await client.post(proof, json=body, headers=zoe.headers)
    problem(again, 403, "reauthentication_required")
    recorded = [entry.event for entry in store.audit[before:]]
    assert recorded == ["reauthenticated", "reauthentication_failed"]
    assert (await client.post(APPS, headers=zoe.headers)).status_code == 201


@pytest.mark.parametrize("body", [{}, {"code": "287082", "password": "x"}])
async def test_a_proof_is_a_password_or_a_code(
    client: httpx2.AsyncClient, zoe: Person, body: dict[str, str]
) -> None:
    answer = await client.post("/auth/reauthenticate", json=body, headers=zoe.headers)
    assert pointers(answer) == {"#"}


@pytest.mark.parametrize("code", ["12345", "1234567", "12345a", ""])
async def test_a_code_has_six_digits(client: httpx2.AsyncClient, code: str) -> None:
    assert pointers(await second_step(client, "x", code=code)) == {"#/code"}


def mailed(store: FakeStore, person: Person) -> list[object]:
    """The templates of the account's mails, without the welcome and those of sign-ins."""
    found = [job.data.get("template") for job in store.jobs if job.owner_id == person.user.id]
    return [template for template in found if str(template).startswith("factors")]


async def test_check_20_changed_factors_are_recorded_and_told_by_mail(
    client: httpx2.AsyncClient, zoe: Person, app_of_zoe: Authenticator, store: FakeStore
) -> None:
    await client.post(CODES, headers=zoe.headers)
    await client.delete(f"/auth/factors/{app_of_zoe.id}", headers=zoe.headers)
    assert mailed(store, zoe) == ["factors_changed"] * 3
    recorded = [(entry.event, entry.details["factor"]) for entry in store.audit[-2:]]
    assert recorded == [("recovery_codes_renewed", "recovery_code"), ("factor_removed", "totp")]


async def test_an_admins_reset_removes_all_factors_and_is_audited_and_mailed(
    client: httpx2.AsyncClient,
    zoe: Person,
    app_of_zoe: Authenticator,
    store: FakeStore,
    sign_up: SignUp,
) -> None:
    ada = await sign_up("ada", is_superuser=True)
    answer = await client.delete(f"/users/{zoe.user.id}/factors", headers=ada.headers)
    assert answer.status_code == 204
    assert not any((store.factors.totp, store.factors.codes, store.factors.passkeys))
    entry = store.audit[-1]
    assert (entry.event, entry.actor_id) == ("factors_reset", ada.user.id)
    assert entry.subject_id == zoe.user.id
    assert mailed(store, zoe)[-1] == "factors_reset"
