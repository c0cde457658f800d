"""The API while PostgreSQL or Redis does not answer."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jubilee.domain.health import Health, SchemaStatus
from jubilee.entrypoints import api
from jubilee.entrypoints.exit_codes import BAD_CONFIGURATION
from jubilee.entrypoints.processes.heartbeat_file import HeartbeatFile

AWAY = Health(schema=None, redis=False, mail=True)
WITHOUT_REDIS = Health(schema=SchemaStatus.CURRENT, redis=False, mail=True)
PRESENT = Health(schema=SchemaStatus.AHEAD, redis=True, mail=True)
BEHIND = Health(schema=SchemaStatus.BEHIND, redis=True, mail=True)


class HealthScript:
    """Each check returns the next of these states."""

    def __init__(self, *states: Health) -> None:
        self.left = list(states)

    async def check(self) -> Health:
        return self.left.pop(0)


class Stoppable:
    """A server that is only stopped."""

    stopped = False

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds between the checks; none of them passes."""
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr(api, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": sleep}))
    return found


async def wait_for(script: HealthScript, server: Stoppable) -> int:
    services = SimpleNamespace(health=script)
    return await api._wait_for_dependencies(cast("Any", services), cast("Any", server))


async def test_dependencies_are_awaited_with_ever_longer_pauses(waits: list[float]) -> None:
    script, server = HealthScript(*[AWAY] * 5, WITHOUT_REDIS, PRESENT, BEHIND), Stoppable()
    assert await wait_for(script, server) == 0
    assert waits == [0.5, 1, 2, 4, 8, 15]
    assert (script.left, server.stopped) == ([BEHIND], False)


async def test_a_schema_that_is_behind_ends_the_api(waits: list[float]) -> None:
    server = Stoppable()
    assert await wait_for(HealthScript(BEHIND), server) == BAD_CONFIGURATION
    assert (waits, server.stopped) == ([], True)


async def test_the_api_has_a_heartbeat_while_it_serves(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat"
    async with api._watched(HeartbeatFile(path)):
        assert path.exists()
    async with api._watched(None):
        pass
