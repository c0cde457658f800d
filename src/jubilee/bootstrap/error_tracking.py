"""Reports errors to Sentry where SENTRY_DSN is set; else nothing of it is imported."""

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol

from jubilee import __version__
from jubilee.adapters.telemetry.bad_export import BadExport
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.bootstrap.errors import BadConfiguration
from jubilee.settings import Settings

ADAPTER = "jubilee.adapters.telemetry.sentry"
SIGNAL = "errors"
"""The label of its failures, beside OpenTelemetry's signals."""


class ErrorReporter(Protocol):
    """Reports errors without waiting; never raises."""

    def report(self, line: Mapping[str, object], error: BaseException | None) -> None:
        """Report the fields of a log line and its exception."""

    def close(self, timeout: float) -> None:
        """Send what is queued, for at most `timeout` seconds."""


def error_reporter(
    settings: Settings, process_name: str, instruments: Instruments
) -> ErrorReporter | None:
    """Start to report errors if the settings ask for it; raises BadConfiguration."""
    if settings.sentry_dsn is None:
        return None
    try:
        adapter = import_module(ADAPTER)
        reporter: ErrorReporter = adapter.SentryErrors(
            settings.sentry_dsn.get_secret_value(),
            release=f"jubilee@{__version__}",
            environment=settings.environment.value,
            service=f"jubilee-{process_name}",
            failed=instruments.export_failures.labels(SIGNAL).inc,
        )
    except ModuleNotFoundError as error:
        if error.name != "sentry_sdk":
            raise
        raise BadConfiguration("SENTRY_DSN: install the extra `jubilee[sentry]`") from None
    except BadExport as error:
        raise BadConfiguration(str(error)) from None
    return reporter
