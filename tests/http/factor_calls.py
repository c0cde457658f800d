"""Second factors over HTTP, for the tests: adding them, and the two steps of a sign-in."""

from typing import Any

import httpx2

from tests.conftest import PASSWORD, Person
from tests.fakes.authenticator_app import Authenticator
from tests.fakes.store import FakeClock
from tests.http.refusals import problem
from tests.support.authenticator import SoftAuthenticator


async def add_app(client: httpx2.AsyncClient, person: Person, clock: FakeClock) -> Authenticator:
    """Add and confirm an authenticator app."""
    new = (await client.post("/auth/factors/totp", headers=person.headers)).json()
    app = Authenticator(new["id"], new["secret"], [], clock)
    answer = await client.post(
        f"/auth/factors/totp/{app.id}/confirm", json={"code": app.code()}, headers=person.headers
    )
    assert answer.status_code == 200, answer.text
    app.recovery_codes.extend(answer.json()["recovery_codes"])
    return app


async def first_step(client: httpx2.AsyncClient, name: str = "zoe") -> dict[str, Any]:
    """Sign in by the password, and return the problem that asks for a second factor."""
    form = {"username": name, "password": PASSWORD}
    return problem(await client.post("/auth/login", json=form), 403, "mfa_required")


async def second_step(client: httpx2.AsyncClient, token: str, **factor: str) -> httpx2.Response:
    """Send a second factor."""
    return await client.post("/auth/mfa", json={"mfa_token": token, **factor})


async def passkey_options(client: httpx2.AsyncClient, person: Person) -> dict[str, Any]:
    """Return the options of a registration."""
    answer = await client.post("/auth/passkeys/options", headers=person.headers)
    options: dict[str, Any] = answer.json()["public_key"]
    return options


async def add_passkey(
    client: httpx2.AsyncClient, person: Person, device: SoftAuthenticator
) -> httpx2.Response:
    """Register the passkey of a device."""
    credential = device.create(await passkey_options(client, person))
    body = {"credential": credential}
    return await client.post("/auth/passkeys", json=body, headers=person.headers)
