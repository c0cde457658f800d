"""Exceptions that no code handles are logged; the interrupt of a person at a terminal is not."""

import logging
import sys
import threading
from types import SimpleNamespace

import pytest

from jubilee.adapters.telemetry.logs import log_crashes


@pytest.fixture(autouse=True)
def hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Log crashes until the end of the test."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    log_crashes()


def of_thread(error: BaseException, thread: threading.Thread | None) -> threading.ExceptHookArgs:
    return threading.ExceptHookArgs((type(error), error, None, thread))


def test_an_unhandled_exception_is_critical(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ValueError("wrong")
    sys.excepthook(ValueError, error, None)
    (record,) = caplog.records
    assert (record.levelno, record.msg) == (logging.CRITICAL, "unhandled exception")
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert capsys.readouterr().err == ""


def test_an_interrupt_is_printed_as_usual(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert caplog.records == []
    assert "KeyboardInterrupt" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("thread", "name"), [(threading.Thread(name="exports"), "exports"), (None, None)]
)
def test_an_exception_of_a_thread_is_logged_with_its_name(
    caplog: pytest.LogCaptureFixture, thread: threading.Thread | None, name: str | None
) -> None:
    threading.excepthook(of_thread(ValueError("wrong"), thread))
    (record,) = caplog.records
    assert (record.levelno, vars(record)["thread_name"]) == (logging.ERROR, name)
    assert record.msg == "unhandled exception in thread"


def test_a_thread_may_end_itself(caplog: pytest.LogCaptureFixture) -> None:
    threading.excepthook(of_thread(SystemExit(), None))
    assert caplog.records == []


def test_an_exception_that_cannot_be_raised_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    error = ValueError("wrong")
    sys.unraisablehook(SimpleNamespace(exc_value=error))
    (record,) = caplog.records
    assert (record.levelno, record.msg) == (logging.ERROR, "unraisable exception")
    assert record.exc_info is not None
    assert record.exc_info[1] is error
