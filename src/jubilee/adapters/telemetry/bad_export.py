"""The error of wrong OTEL_* variables, importable without loading OpenTelemetry."""


class BadExport(ValueError):
    """An OTEL_* variable has a value that is not supported; the message is one line."""
