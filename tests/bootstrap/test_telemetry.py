"""What asyncio reports of background tasks."""

import asyncio
import logging

import pytest
from prometheus_client import enable_created_metrics, generate_latest

from jubilee.bootstrap.servers import server_urls
from jubilee.bootstrap.telemetry import _unhandled, open_telemetry
from jubilee.settings import Settings
from tests.support.api import NO_REDIS, NOWHERE


def reported(caplog: pytest.LogCaptureFixture, context: dict[str, object]) -> logging.LogRecord:
    loop = asyncio.new_event_loop()
    _unhandled(loop, context)
    loop.close()
    (record,) = caplog.records
    assert (record.levelno, record.msg) == (
        logging.ERROR,
        "unhandled exception in background task",
    )
    return record


def test_an_exception_is_logged_with_its_stack_alone(caplog: pytest.LogCaptureFixture) -> None:
    error = ValueError("wrong")
    record = reported(caplog, {"message": "ValueError: wrong", "exception": error})
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert "cause" not in vars(record)


def test_without_an_exception_the_message_is_the_cause(caplog: pytest.LogCaptureFixture) -> None:
    record = reported(caplog, {"message": "socket.send() raised"})
    assert (record.exc_info, vars(record)["cause"]) == (None, "socket.send() raised")


async def test_counters_have_no_created_series() -> None:
    enable_created_metrics()
    settings = Settings(database_url=NOWHERE, redis_url=NO_REDIS)
    async with open_telemetry(settings, server_urls(settings), None) as telemetry:
        telemetry.instruments.jobs_enqueued.labels("echo").inc()
        text = generate_latest(telemetry.instruments.registry)
    assert b"_created" not in text
