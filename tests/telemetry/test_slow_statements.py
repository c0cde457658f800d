"""Slow statements are logged and counted from the time on that the setting says."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from jubilee.adapters.postgres.statement import Statement
from jubilee.bootstrap.servers import ServerUrls
from jubilee.bootstrap.telemetry import ProcessInfo, open_telemetry
from jubilee.settings import Settings
from tests.support.api import NO_REDIS, NOWHERE
from tests.telemetry.memory import Lines

STATEMENT = Statement.from_sql("SELECT 1")


@pytest.fixture(autouse=True)
async def loop() -> AsyncIterator[None]:
    """Let the loop report errors as before."""
    yield
    asyncio.get_running_loop().set_exception_handler(None)


async def test_a_statement_as_slow_as_the_setting_is_logged_and_counted(lines: Lines) -> None:
    settings = Settings.model_validate({"slow_query_ms": 250})
    process, urls = ProcessInfo("api", None, lines.logs), ServerUrls(NOWHERE, NO_REDIS)
    async with open_telemetry(settings, urls, process) as telemetry:
        for seconds in (0.249, 0.25):
            telemetry.database.executed(STATEMENT, seconds, None)
        registry = telemetry.instruments.registry
    line = lines.one("slow statement")
    assert (line["duration_ms"], line["sql"], line["level"]) == (250, "SELECT 1", "warning")
    assert registry.get_sample_value("db_slow_statements_total") == 1
