"""Fixtures of the tests over sockets."""

from collections.abc import AsyncIterator

import pytest
from starlette.types import ASGIApp

from jubilee.entrypoints.http.connections.limits import ConnectionLimits
from tests.http.sockets import QUICK, Recorder, Wire, serving


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
