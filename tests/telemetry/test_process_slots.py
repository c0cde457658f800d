"""What a process of several tells of itself."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from string import ascii_lowercase

import pytest

from jubilee.bootstrap.servers import ServerUrls
from jubilee.bootstrap.telemetry import ProcessInfo, _about, open_telemetry
from jubilee.entrypoints.processes.slot import ProcessSlot
from jubilee.settings import Settings
from tests.support.api import NO_REDIS, NOWHERE
from tests.telemetry.memory import Lines

URLS = ServerUrls(NOWHERE, NO_REDIS)


@pytest.fixture(autouse=True)
async def loop() -> AsyncIterator[None]:
    """Let the loop report errors as before."""
    yield
    asyncio.get_running_loop().set_exception_handler(None)


@pytest.mark.parametrize(("restarts", "expected"), [(3, 3), (0, 0)])
async def test_restarts_before_a_process_are_counted(
    lines: Lines, tmp_path: Path, restarts: int, expected: float
) -> None:
    slot = ProcessSlot(1, tmp_path, restarts=restarts)
    async with open_telemetry(
        Settings(), URLS, ProcessInfo("api", None, lines.logs, slot)
    ) as opened:
        sample = opened.instruments.registry.get_sample_value
        assert sample("process_restarts_total") == expected
        assert opened.slot is slot


async def test_a_process_of_its_own_was_never_started_again(lines: Lines) -> None:
    async with open_telemetry(Settings(), URLS, ProcessInfo("worker", None, lines.logs)) as opened:
        assert opened.instruments.registry.get_sample_value("process_restarts_total") == 0
        lines.logs._writer.lost.inc()
        assert opened.instruments.registry.get_sample_value("log_lines_lost_total") == 1
        assert opened.slot is None


def test_exports_name_the_service_and_its_process(lines: Lines) -> None:
    given = {"environment": "production", "secret_key": ascii_lowercase * 2}
    settings = Settings.model_validate(given)
    process = _about(settings, ProcessInfo("worker", None, lines.logs))
    assert process["service.name"] == "jubilee-worker"
    assert process["deployment.environment.name"] == "production"
    command = _about(settings, None)
    assert command["service.name"] == "jubilee"
    assert command["service.instance.id"] != process["service.instance.id"]
