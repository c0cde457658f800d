"""Sends errors to Sentry. Import it only if they are to be sent: `sentry_sdk` is an extra."""

from collections import Counter
from collections.abc import Callable, Mapping
from time import monotonic
from typing import cast

from sentry_sdk import Client
from sentry_sdk.transport import HttpTransport
from sentry_sdk.types import Event, Hint
from sentry_sdk.utils import BadDsn

from jubilee.adapters.telemetry.bad_export import BadExport
from jubilee.adapters.telemetry.error_events import error_event, group

MAX_QUEUED_EVENTS = 100  # further ones are dropped
TIMEOUT_S = 10
MAX_PER_MINUTE = 10
"""Events of one fingerprint that a process sends in a minute; the log has all of them."""

SENT = frozenset({
    "contexts", "environment", "event_id", "exception", "fingerprint", "level", "logentry",
    "logger", "platform", "release", "request", "sdk", "server_name", "tags", "timestamp",
    "transaction", "user",
})  # fmt: skip
"""Parts of an event that are sent; others that the SDK may add are dropped."""


class SentryErrors:
    """Sends events from a thread of the SDK; without integrations, which would collect more."""

    def __init__(
        self, dsn: str, *, release: str, environment: str, service: str, failed: Callable[[], None]
    ) -> None:
        """`failed` is called for each event that Sentry did not get; raises BadExport."""
        self._failed = failed
        self._service = service
        self._minute = 0
        self._counts: Counter[str] = Counter()
        try:
            self._client = Client(
                dsn,
                release=release,
                environment=environment,
                transport=_transport(failed),
                transport_queue_size=MAX_QUEUED_EVENTS,
                before_send=_scrubbed,
                default_integrations=False,
                auto_enabling_integrations=False,
                auto_session_tracking=False,
                send_client_reports=False,
                enable_backpressure_handling=False,
                spotlight=False,
                debug=False,
            )
        except BadDsn:
            raise BadExport("SENTRY_DSN: must have the form https://key@host/project") from None

    def report(self, line: Mapping[str, object], error: BaseException | None) -> None:
        """Queue the event of a log line without waiting; never raises."""
        try:
            if self._is_admitted(group(line)):
                event = error_event(line, error)
                event["tags"]["service"] = self._service
                self._client.capture_event(cast("Event", event))
        except Exception:  # a failing report must not harm what has failed already
            self._failed()

    def close(self, timeout: float) -> None:
        """Send what is queued, for at most `timeout` seconds; later reports are ignored."""
        self._client.close(timeout)

    def _is_admitted(self, fingerprint: str) -> bool:
        minute = int(monotonic() // 60)
        if minute != self._minute:
            self._minute, self._counts = minute, Counter()
        self._counts[fingerprint] += 1
        return self._counts[fingerprint] <= MAX_PER_MINUTE


def _transport(failed: Callable[[], None]) -> type[HttpTransport]:
    class CountingTransport(HttpTransport):
        """Counts lost events: refused, unsent, or more than the queue holds."""

        TIMEOUT = TIMEOUT_S

        def record_lost_event(self, *_: object, **__: object) -> None:
            failed()

    return CountingTransport


def _scrubbed(event: Event, _: Hint) -> Event:
    return cast("Event", {name: value for name, value in event.items() if name in SENT})
