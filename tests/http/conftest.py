"""Fixtures of the tests over sockets."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.types import ASGIApp

from jubilee.entrypoints.http.connections.limits import ConnectionLimits
from tests.conftest import SignUp
from tests.http.factor_calls import add_passkey
from tests.http.item_calls import create_item
from tests.http.keyed_calls import Caller
from tests.http.sockets import QUICK, Recorder, Wire, serving
from tests.support.authenticator import SoftAuthenticator


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def wire(recorder: Recorder) -> AsyncIterator[Wire]:
    """Serve the recorder with the default deadlines."""
    async with serving(recorder, ConnectionLimits()) as wire:
        yield wire


@pytest.fixture
async def quick(recorder: Recorder) -> AsyncIterator[Wire]:
    """Serve the recorder with short deadlines."""
    async with serving(recorder, QUICK) as wire:
        yield wire


@pytest.fixture
async def api(app: ASGIApp) -> AsyncIterator[Wire]:
    """Serve the API over the fakes."""
    async with serving(app, ConnectionLimits()) as wire:
        yield wire


@pytest.fixture
async def caller(client: httpx2.AsyncClient, sign_up: SignUp) -> Caller:
    """Sign an admin and another user in; the admin owns an item."""
    admin, other = await sign_up("ada", is_superuser=True), await sign_up("zoe")
    item = (await create_item(client, admin)).json()["id"]
    new = {"name": "import", "scopes": ["items:read"]}
    machine = await client.post("/service-accounts", json=new, headers=admin.headers)
    passkey = await add_passkey(client, admin, SoftAuthenticator())
    return Caller(client, admin, other, item, machine.json()["id"], passkey.json()["id"])
