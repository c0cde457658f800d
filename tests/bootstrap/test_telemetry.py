"""What asyncio reports of background tasks."""

import asyncio
import logging

import pytest

from jubilee.bootstrap.telemetry import _unhandled


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
