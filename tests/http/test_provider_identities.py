"""Identities at other providers: which account they sign in to, listed, linked and unlinked."""

from dataclasses import replace
from itertools import count

import httpx2
import pytest

from jubilee.domain.identities.exchange import challenge_of
from tests.conftest import PASSWORD, SignUp
from tests.fakes.issuer import FakeIssuer
from tests.fakes.store import FakeStore
from tests.http.provider_calls import VERIFIER, come_back, exchanged, issuer, link, providers
from tests.http.refusals import problem

__all__ = ["issuer", "providers"]


@pytest.mark.parametrize("is_verified", [False, None, "yes", ["true"]])
async def test_check_33_an_address_that_the_provider_has_not_verified_makes_no_account(
    client: httpx2.AsyncClient, issuer: FakeIssuer, store: FakeStore, is_verified: object
) -> None:
    code = await come_back(client, issuer, email_verified=is_verified)
    problem(await exchanged(client, code), 409, "identity_not_linked")
    assert not store.users


async def test_check_33_an_account_of_the_same_address_is_linked_only_explicitly(
    client: httpx2.AsyncClient, issuer: FakeIssuer, sign_up: SignUp
) -> None:
    zoe = await sign_up("zoe")
    code = await come_back(client, issuer, challenge=challenge_of(VERIFIER))
    refused = await exchanged(client, code, code_verifier=VERIFIER)
    problem(refused, 409, "identity_not_linked")
    assert (await link(client, zoe, code)).status_code == 201
    tokens = (await exchanged(client, await come_back(client, issuer))).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await client.get("/users/me", headers=headers)).json()["id"] == str(zoe.user.id)


async def test_check_33_an_account_of_an_address_that_both_have_verified_is_linked(
    client: httpx2.AsyncClient, issuer: FakeIssuer, sign_up: SignUp, store: FakeStore
) -> None:
    zoe = await sign_up("zoe")
    store.users[zoe.user.id] = replace(zoe.user, email_verified_at=store.clock())
    code = await come_back(client, issuer, email="ZOE@example.com")
    tokens = (await exchanged(client, code)).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await client.get("/users/me", headers=headers)).json()["id"] == str(zoe.user.id)
    code = await come_back(client, issuer, sub="max-1", email_verified=False)
    problem(await exchanged(client, code), 409, "identity_not_linked")


async def test_an_address_that_another_account_takes_meanwhile_makes_no_account(
    client: httpx2.AsyncClient, issuer: FakeIssuer, sign_up: SignUp, store: FakeStore
) -> None:
    code, begun = await come_back(client, issuer), count(1)

    async def meanwhile() -> None:
        if next(begun) == 2:  # the transaction, which follows a view
            store.meanwhile = None
            await sign_up("zoe")

    store.meanwhile = meanwhile
    problem(await exchanged(client, code), 409, "identity_not_linked")
    assert next(begun) == 3  # both have begun
    assert len(store.users) == 1


async def test_check_33_an_identity_is_known_by_issuer_and_subject_alone(
    client: httpx2.AsyncClient, issuer: FakeIssuer, store: FakeStore
) -> None:
    await exchanged(client, await come_back(client, issuer))
    moved = await come_back(client, issuer, email="quill@example.com")
    assert (await exchanged(client, moved)).status_code == 200
    (account,) = store.users.values()
    assert account.email == "zoe@example.com"


async def test_an_identity_of_another_account_is_not_linked(
    client: httpx2.AsyncClient, issuer: FakeIssuer, sign_up: SignUp
) -> None:
    await exchanged(client, await come_back(client, issuer))
    max_ = await sign_up("max")
    code = await come_back(client, issuer, challenge=challenge_of(VERIFIER))
    problem(await link(client, max_, code), 409, "identity_taken")


async def test_a_code_without_a_challenge_links_nothing(
    client: httpx2.AsyncClient, issuer: FakeIssuer, sign_up: SignUp
) -> None:
    max_ = await sign_up("max")
    problem(await link(client, max_, await come_back(client, issuer)), 400, "invalid_grant")


async def test_an_identity_is_listed_and_unlinked(
    client: httpx2.AsyncClient, issuer: FakeIssuer, sign_up: SignUp, store: FakeStore
) -> None:
    max_ = await sign_up("max")
    code = await come_back(client, issuer, challenge=challenge_of(VERIFIER))
    linked = (await link(client, max_, code)).json()
    listed = await client.get("/auth/identities", headers=max_.headers)
    assert listed.json() == {"items": [linked]}
    assert store.users[max_.user.id].oauth_provider == "here"
    path = f"/auth/identities/{linked['id']}"
    assert (await client.delete(path, headers=max_.headers)).status_code == 204
    assert store.users[max_.user.id].oauth_provider is None
    problem(await client.delete(path, headers=max_.headers), 404, "identity_not_found")
    assert [entry.event for entry in store.audit][-2:] == ["identity_linked", "identity_unlinked"]


async def test_the_last_way_to_sign_in_is_not_unlinked(
    client: httpx2.AsyncClient, issuer: FakeIssuer
) -> None:
    tokens = (await exchanged(client, await come_back(client, issuer))).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    (linked,) = (await client.get("/auth/identities", headers=headers)).json()["items"]
    answer = await client.delete(f"/auth/identities/{linked['id']}", headers=headers)
    problem(answer, 409, "last_sign_in_method")


async def test_a_disabled_account_gets_no_session(
    client: httpx2.AsyncClient, issuer: FakeIssuer, store: FakeStore
) -> None:
    await exchanged(client, await come_back(client, issuer))
    (account,), before = store.users.values(), len(store.sessions)
    store.users[account.id] = replace(account, is_active=False)
    code = await come_back(client, issuer)
    problem(await exchanged(client, code), 400, "invalid_grant")
    assert len(store.sessions) == before
    assert PASSWORD not in str(store.audit)
