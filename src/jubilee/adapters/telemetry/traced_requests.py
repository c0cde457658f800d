"""The server span of each sampled request."""

import os
from collections.abc import Awaitable

from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.metrics import NoOpMeterProvider
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jubilee.adapters.telemetry.sampling import SamplingDecision
from jubilee.adapters.telemetry.sampling_middleware import SamplingMiddleware
from jubilee.adapters.telemetry.tracing import Tracing
from jubilee.observation.requests import RequestRecord

ORIGINAL = "jubilee.original"
"""Key under which the instrumentation's scope holds the application's scope and `send`."""

READ_HEADERS = frozenset({b"user-agent", b"traceparent", b"tracestate"})
"""Headers that the instrumentation reads."""


class TracedRequests(SamplingMiddleware):
    """The outermost middleware where spans are exported: the instrumentation sees sampled requests.

    It takes 60 us of each, without what its span's export takes.
    """

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        super().__init__(app, tracing)
        os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http"  # read by the constructor below
        self._traced = OpenTelemetryMiddleware(
            self._name_span,
            default_span_details=_details,
            exclude_spans=["send", "receive"],
            tracer_provider=tracing.provider,
            meter_provider=NoOpMeterProvider(),
        )

    def _serve(
        self, decided: SamplingDecision, scope: Scope, receive: Receive, send: Send
    ) -> Awaitable[None]:
        if decided.sampled:
            return self._traced(_reduced_scope(scope, send), receive, _discard)
        return self._app(scope, receive, send)

    async def _name_span(self, shown: Scope, receive: Receive, observe: Send) -> None:
        """Name the span before the response starts: its last part ends the span."""
        scope, send = shown[ORIGINAL]

        async def observe_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                record: RequestRecord = scope["state"]["record"]
                span = trace.get_current_span()
                span.update_name(f"{record.method} {record.endpoint}")
                span.set_attribute("http.route", record.endpoint)
                if record.client:  # the instrumentation knows the peer alone
                    span.set_attribute("client.address", record.client)
                await observe({"type": message["type"], "status": message["status"]})
                await send(message)
            else:
                await send(message)
                more = message.get("more_body", False)
                await observe({"type": message["type"], "more_body": more})

        await self._app(scope, receive, observe_and_send)


def _reduced_scope(scope: Scope, send: Send) -> Scope:
    """The scope for the instrumentation, which decodes each header repeatedly and fails on some.

    The semantic conventions make the client's port opt-in, so it is left out.
    """
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name in READ_HEADERS and value.isascii()
    ]
    return {
        "type": scope["type"],
        "method": scope["method"],
        "scheme": scope["scheme"],
        "path": scope["path"],
        "http_version": scope["http_version"],
        "server": scope.get("server"),
        "client": (scope["client"][0], None) if scope.get("client") else None,
        "headers": headers,
        ORIGINAL: (scope, send),
    }


async def _discard(_: Message) -> None:
    """Discard what the instrumentation sends: `observe_and_send` sends the response."""


def _details(shown: Scope) -> tuple[str, dict[str, str]]:
    """The span's first name, without the route, and attributes; the query is redacted."""
    scope, _ = shown[ORIGINAL]
    found = {"url.query": "REDACTED"} if scope["query_string"] else {}
    if shown.get("server"):
        found["server.address"] = shown["server"][0]
    return str(shown["method"]), found
