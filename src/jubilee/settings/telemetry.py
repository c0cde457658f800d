"""Settings of metrics and slow statements; OpenTelemetry reads its own variables."""

import os
from collections.abc import Mapping

from dotenv import dotenv_values
from pydantic import Field, PositiveFloat, SecretStr

from jubilee.settings.group import SettingsGroup

DOTENV = ".env"
API_METRICS_PORT = 9102
"""Beside a worker's 9101; 9100 is where the node exporter listens on most machines."""


class TelemetrySettings(SettingsGroup):
    """Ports of metrics, the threshold of slow statements, and what is sent elsewhere."""

    metrics_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="port of the API's metrics; 0 serves /metrics on the API's own port, the "
        f"default in development; elsewhere {API_METRICS_PORT}",
    )
    worker_metrics_port: int | None = Field(
        9101, ge=1, le=65535, description="port of a worker's metrics"
    )
    slow_query_ms: PositiveFloat = Field(
        500, description="milliseconds above which a statement is logged"
    )
    sentry_dsn: SecretStr | None = Field(
        None,
        description="where errors are reported, https://key@host/project; needs the extra `sentry`",
    )
    otlp_logs_sampled: bool = Field(
        False, description="send INFO lines over OTLP only where the trace is sampled"
    )


def export_variables() -> Mapping[str, str]:
    """Return the OTEL_* variables, after adding those of `.env` to the environment.

    OpenTelemetry reads most of them from the environment itself.
    """
    for name, value in dotenv_values(DOTENV).items():
        if name.startswith("OTEL_") and value:
            os.environ.setdefault(name, value)
    return {name: value for name, value in os.environ.items() if name.startswith("OTEL_")}
