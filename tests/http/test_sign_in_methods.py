"""An account keeps something to sign in by, and is told by mail of every change of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from secrets import token_bytes
from uuid import UUID

import httpx2
import pytest

from jubilee.domain.identities.exchange import challenge_of
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.issuer import FakeIssuer
from tests.fakes.mail_worker import FakeMailWorker
from tests.fakes.store import FakeStore
from tests.http.factor_calls import add_passkey
from tests.http.provider_calls import VERIFIER, come_back, issuer, link, providers
from tests.http.refusals import problem
from tests.support.authenticator import SoftAuthenticator

__all__ = ["issuer", "providers"]

ADDRESS = "zoe@example.com"
LISTS = ("/auth/identities", "/auth/passkeys")


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


async def linked(
    client: httpx2.AsyncClient, zoe: Person, issuer: FakeIssuer, **claims: object
) -> str:
    """Link the account with an identity, and return the path of the link."""
    code = await come_back(client, issuer, challenge=challenge_of(VERIFIER), **claims)
    answer = await link(client, zoe, code)
    return f"/auth/identities/{answer.json()['id']}"


async def registered(client: httpx2.AsyncClient, zoe: Person) -> str:
    """Add a passkey, and return its path."""
    answer = await add_passkey(client, zoe, SoftAuthenticator(credential_id=token_bytes(16)))
    return f"/auth/passkeys/{answer.json()['id']}"


def without_password(store: FakeStore, zoe: Person) -> None:
    store.users[zoe.user.id] = replace(store.users[zoe.user.id], password_hash=None)


async def test_the_last_identity_can_be_unlinked_while_a_passkey_remains(
    client: httpx2.AsyncClient, zoe: Person, issuer: FakeIssuer, store: FakeStore
) -> None:
    identity, passkey = await linked(client, zoe, issuer), await registered(client, zoe)
    without_password(store, zoe)
    assert (await client.delete(identity, headers=zoe.headers)).status_code == 204
    refused = await client.delete(passkey, headers=zoe.headers)
    problem(refused, 409, "last_sign_in_method")
    assert len((await client.get("/auth/passkeys", headers=zoe.headers)).json()["items"]) == 1


async def test_the_last_passkey_can_be_removed_while_an_identity_remains(
    client: httpx2.AsyncClient, zoe: Person, issuer: FakeIssuer, store: FakeStore
) -> None:
    identity, passkey = await linked(client, zoe, issuer), await registered(client, zoe)
    without_password(store, zoe)
    assert (await client.delete(passkey, headers=zoe.headers)).status_code == 204
    problem(await client.delete(identity, headers=zoe.headers), 409, "last_sign_in_method")


async def test_an_identity_of_a_provider_that_is_no_longer_configured_is_no_way_in(
    client: httpx2.AsyncClient, zoe: Person, issuer: FakeIssuer, store: FakeStore
) -> None:
    identity, passkey = await linked(client, zoe, issuer), await registered(client, zoe)
    without_password(store, zoe)
    [row] = store.identities.values()
    store.identities[row.id] = replace(row, issuer="https://gone.example")
    problem(await client.delete(passkey, headers=zoe.headers), 409, "last_sign_in_method")
    assert (await client.delete(identity, headers=zoe.headers)).status_code == 204


async def test_unlinking_leaves_no_account_with_an_unusable_identity_alone(
    client: httpx2.AsyncClient, zoe: Person, issuer: FakeIssuer, store: FakeStore
) -> None:
    unusable = await linked(client, zoe, issuer)
    row = store.identities[UUID(unusable.rpartition("/")[2])]
    store.identities[row.id] = replace(row, issuer="https://gone.example")
    usable = await linked(client, zoe, issuer, sub="zoe-2")
    without_password(store, zoe)
    problem(await client.delete(usable, headers=zoe.headers), 409, "last_sign_in_method")
    assert (await client.delete(unusable, headers=zoe.headers)).status_code == 204


async def test_parallel_removals_leave_one_way_in(
    client: httpx2.AsyncClient, zoe: Person, issuer: FakeIssuer, store: FakeStore
) -> None:
    paths = [await linked(client, zoe, issuer), *[await registered(client, zoe) for _ in range(4)]]
    without_password(store, zoe)
    answers = await asyncio.gather(*(client.delete(path, headers=zoe.headers) for path in paths))
    assert sorted(answer.status_code for answer in answers) == [204] * 4 + [409]
    left = [(await client.get(path, headers=zoe.headers)).json()["items"] for path in LISTS]
    assert sum(map(len, left)) == 1


async def change_password(client: httpx2.AsyncClient, zoe: Person, _: FakeIssuer) -> None:
    body = {"password": "an engine of copper", "current_password": PASSWORD}
    await client.patch("/users/me", json=body, headers=zoe.headers)


async def link_and_unlink(client: httpx2.AsyncClient, zoe: Person, issuer: FakeIssuer) -> None:
    await client.delete(await linked(client, zoe, issuer), headers=zoe.headers)


async def add_and_remove_a_passkey(client: httpx2.AsyncClient, zoe: Person, _: FakeIssuer) -> None:
    await client.delete(await registered(client, zoe), headers=zoe.headers)


async def make_and_delete_a_token(client: httpx2.AsyncClient, zoe: Person, _: FakeIssuer) -> None:
    new = {"name": "import", "scopes": ["items:read"]}
    made = await client.post("/auth/access-tokens", json=new, headers=zoe.headers)
    await client.delete(f"/auth/access-tokens/{made.json()['id']}", headers=zoe.headers)


Change = Callable[[httpx2.AsyncClient, Person, FakeIssuer], Awaitable[None]]
CHANGES: dict[Change, list[tuple[str, str]]] = {
    change_password: [("password_changed", "Your password was changed")],
    link_and_unlink: [
        ("identity_linked", "The providers that your account is linked with were changed"),
        ("identity_unlinked", "The providers that your account is linked with were changed"),
    ],
    add_and_remove_a_passkey: [
        ("factor_added", "The second factors of your account were changed"),
        ("factor_removed", "The second factors of your account were changed"),
    ],
    make_and_delete_a_token: [
        ("api_token_created", "An access token was created for your account"),
        ("api_token_deleted", "An access token of your account was deleted"),
    ],
}


@pytest.mark.parametrize("change", CHANGES)
async def test_every_change_is_recorded_and_told_by_mail(
    client: httpx2.AsyncClient,
    zoe: Person,
    issuer: FakeIssuer,
    mails: FakeMailWorker,
    change: Change,
) -> None:
    await mails.run()
    await change(client, zoe, issuer)
    sent = await mails.run()
    events, subjects = zip(*CHANGES[change], strict=True)
    assert [(mail.to, mail.subject) for mail in sent] == [(ADDRESS, each) for each in subjects]
    assert [entry.event for entry in mails.store.audit if entry.event in events] == list(events)


async def test_a_password_that_an_admin_sets_is_told_to_its_account(
    client: httpx2.AsyncClient, zoe: Person, sign_up: SignUp, mails: FakeMailWorker
) -> None:
    ada = await sign_up("ada", is_superuser=True)
    await mails.run()
    path, body = f"/users/{zoe.user.id}", {"password": "an engine of copper"}
    assert (await client.patch(path, json=body, headers=ada.headers)).status_code == 200
    (mail,) = await mails.run()
    assert (mail.to, mail.subject) == (ADDRESS, "Your password was changed")


async def test_an_address_that_is_changed_at_once_can_be_restored_by_the_old_one(
    client: httpx2.AsyncClient, zoe: Person, mails: FakeMailWorker
) -> None:
    body = {"email": "max@example.com", "current_password": PASSWORD}
    assert (await client.patch("/users/me", json=body, headers=zoe.headers)).status_code == 200
    undo = await mails.link()
    assert (mails.sender.sent[-1].to, undo.page) == (ADDRESS, "undo-email")
    answer = await client.post("/auth/email/undo", json={"token": undo.token})
    assert answer.status_code == 204
    form = {"username": ADDRESS, "password": PASSWORD}
    assert (await client.post("/auth/login", json=form)).status_code == 200


async def test_the_reader_of_a_mistyped_address_cannot_undo_its_correction_by_an_admin(
    client: httpx2.AsyncClient, zoe: Person, sign_up: SignUp, mails: FakeMailWorker
) -> None:
    ada = await sign_up("ada", is_superuser=True)
    await mails.run()
    path, body = f"/users/{zoe.user.id}", {"email": "zoe@example.org"}
    assert (await client.patch(path, json=body, headers=ada.headers)).status_code == 200
    assert await mails.run() == []


async def test_check_16_a_reset_at_the_new_address_leaves_the_old_one_its_undo(
    client: httpx2.AsyncClient, zoe: Person, mails: FakeMailWorker
) -> None:
    body = {"email": "thief@example.com", "current_password": PASSWORD}
    await client.patch("/users/me", json=body, headers=zoe.headers)
    undo = await mails.link()
    await client.post("/auth/password/forgot", json={"email": "thief@example.com"})
    reset = {"token": (await mails.link()).token, "password": "an engine of copper"}
    assert (await client.post("/auth/password/reset", json=reset)).status_code == 204
    answer = await client.post("/auth/email/undo", json={"token": undo.token})
    assert answer.status_code == 204
