"""What the telemetry of a process has, by its name."""

import asyncio

import pytest

from jubilee.bootstrap.servers import ServerUrls
from jubilee.bootstrap.telemetry import ProcessInfo, open_telemetry
from jubilee.settings import Settings
from tests.support.api import NO_REDIS, NOWHERE
from tests.telemetry.memory import Lines


@pytest.mark.parametrize(("name", "runs_jobs"), [("api", False), ("worker", True)])
async def test_only_a_process_that_runs_jobs_exposes_their_metrics(
    lines: Lines, name: str, runs_jobs: bool
) -> None:
    process = ProcessInfo(name, None, lines.logs)
    urls = ServerUrls(NOWHERE, NO_REDIS)
    async with open_telemetry(Settings(), urls, process) as telemetry:
        families = {family.name for family in telemetry.instruments.registry.collect()}
    asyncio.get_running_loop().set_exception_handler(None)
    assert ("jobs_started" in families) is runs_jobs
