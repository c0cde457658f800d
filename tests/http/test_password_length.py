"""`PASSWORD_MIN_LENGTH` holds wherever a password is chosen."""

from dataclasses import replace

import httpx2
import pytest

from jubilee.bootstrap.service_policy import Policy
from jubilee.bootstrap.service_ports import Ports
from jubilee.bootstrap.services import build_services
from jubilee.domain.passwords import PasswordRules
from jubilee.domain.services import Services
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.mail_worker import FakeMailWorker
from tests.fakes.store import FakeStore
from tests.http.refusals import problem
from tests.http.test_invites import accept, mailed_secrets

SHORT, LONG = "engine of coppe", "engine of copper"
MIN_CHARS = 16


@pytest.fixture
def services(ports: Ports, policy: Policy) -> Services:
    return build_services(ports, replace(policy, passwords=PasswordRules(MIN_CHARS, ())))


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


async def test_at_registration(client: httpx2.AsyncClient) -> None:
    body = {"email": "max@example.com", "password": SHORT}
    problem(await client.post("/auth/register", json=body), 422, "password_too_short")
    body["password"] = LONG
    assert (await client.post("/auth/register", json=body)).status_code == 201


async def test_at_a_change(client: httpx2.AsyncClient, zoe: Person) -> None:
    body = {"password": SHORT, "current_password": PASSWORD}
    refused = await client.patch("/users/me", json=body, headers=zoe.headers)
    problem(refused, 422, "password_too_short")
    body["password"] = LONG
    assert (await client.patch("/users/me", json=body, headers=zoe.headers)).status_code == 200


@pytest.mark.usefixtures("zoe")
async def test_at_a_reset(client: httpx2.AsyncClient, mails: FakeMailWorker) -> None:
    await client.post("/auth/password/forgot", json={"email": "zoe@example.com"})
    body = {"token": (await mails.link()).token, "password": SHORT}
    refused = await client.post("/auth/password/reset", json=body)
    problem(refused, 422, "password_too_short")
    body["password"] = LONG
    assert (await client.post("/auth/password/reset", json=body)).status_code == 204


async def test_at_the_acceptance_of_an_invite(
    client: httpx2.AsyncClient, sign_up: SignUp, store: FakeStore
) -> None:
    ada = await sign_up("ada", is_superuser=True)
    invite = {"email": "max@example.com", "role": "user"}
    assert (await client.post("/invites", json=invite, headers=ada.headers)).status_code == 201
    token, _ = mailed_secrets(store)
    refused = await accept(client, token, password=SHORT)
    problem(refused, 422, "password_too_short")
    assert (await accept(client, token, password=LONG)).status_code == 201
