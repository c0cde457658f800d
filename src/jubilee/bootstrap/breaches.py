"""The check for leaked passwords: by an API, by a file, or none."""

from contextlib import ExitStack
from time import monotonic

from jubilee.adapters.pwned_passwords import (
    MAX_RANGE_BYTES,
    PwnedPasswordsApi,
    PwnedPasswordsFile,
)
from jubilee.adapters.telemetry.outbound_spans import TracedHttpSender
from jubilee.bootstrap.outbound import http_sender
from jubilee.bootstrap.telemetry import Telemetry
from jubilee.domain.breaches import CHECK_TIMEOUT_S, BreachCheck, BreachReader
from jubilee.domain.outbound.sending import RequestTimeouts
from jubilee.settings import Settings

TIMEOUTS = RequestTimeouts(
    connect_s=CHECK_TIMEOUT_S / 2, read_s=CHECK_TIMEOUT_S / 2, total_s=CHECK_TIMEOUT_S
)


def breach_check(settings: Settings, telemetry: Telemetry, ends: ExitStack) -> BreachCheck | None:
    """Build the check that the settings choose; `ends` closes its file or client."""
    reader = _reader(settings, telemetry, ends)
    return None if reader is None else BreachCheck(reader, telemetry.breaches, monotonic)


def _reader(settings: Settings, telemetry: Telemetry, ends: ExitStack) -> BreachReader | None:
    if settings.pwned_passwords_file is not None:
        reader = PwnedPasswordsFile(settings.pwned_passwords_file)
        ends.callback(reader.close)
        return reader
    if settings.pwned_passwords_url is None:
        return None
    sender = http_sender(TIMEOUTS, max_body_bytes=MAX_RANGE_BYTES)
    return PwnedPasswordsApi(
        settings.pwned_passwords_url, TracedHttpSender(sender, telemetry.tracing)
    )
