"""The server span of a request: decided once, and only what is sampled pays for it."""

import os

from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.metrics import NoOpMeterProvider
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jubilee.adapters.telemetry.sampling import sampling_decision
from jubilee.adapters.telemetry.tracing import Tracing
from jubilee.observation.requests import RequestRecord

WHOLE = "jubilee.whole"
"""Where a scope that is shown to others keeps the one that the application gets, and its `send`."""

SEEN = frozenset({b"user-agent", b"traceparent", b"tracestate"})
"""Headers that the instrumentation makes something of."""


class TracedRequests:
    """The outermost layer: only requests that are sampled pay for the instrumentation."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing
        os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http"  # read by what is made next
        self._traced = OpenTelemetryMiddleware(
            self._named,
            default_span_details=_details,
            exclude_spans=["send", "receive"],
            tracer_provider=tracing.provider,
            meter_provider=NoOpMeterProvider(),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Decide, and hand the decision on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        decided = self._tracing.decide(scope["headers"])
        token = sampling_decision.set(decided)
        try:
            if decided.sampled:
                await self._traced(_shown(scope, send), receive, _nowhere)
            else:
                await self._app(scope, receive, send)
        finally:
            sampling_decision.reset(token)

    async def _named(self, shown: Scope, receive: Receive, tell: Send) -> None:
        """The span ends with the last part of the answer: it has its name before the first."""
        scope, send = shown[WHOLE]

        async def tell_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                record: RequestRecord = scope["state"]["record"]
                span = trace.get_current_span()
                span.update_name(f"{record.method} {record.endpoint}")
                span.set_attribute("http.route", record.endpoint)
                await tell({"type": message["type"], "status": message["status"]})
                await send(message)
            else:
                await send(message)
                await tell({"type": message["type"], "more_body": message.get("more_body", False)})

        await self._app(scope, receive, tell_and_send)


def _shown(scope: Scope, send: Send) -> Scope:
    """What the instrumentation may see: it decodes every header several times, and fails over some.

    A client's port is told by nobody who is not asked for it, says the convention.
    """
    headers = [
        (name, value) for name, value in scope["headers"] if name in SEEN and value.isascii()
    ]
    client = (scope["client"][0], None) if scope.get("client") else None
    own = {"headers": headers, "query_string": b"", "client": client, WHOLE: (scope, send)}
    return {**scope, **own}


async def _nowhere(_: Message) -> None:
    """Where the instrumentation sends: the answer goes its own way."""


def _details(shown: Scope) -> tuple[str, dict[str, str]]:
    """The route is not known yet; what a query says stays here."""
    scope, _ = shown[WHOLE]
    found = {"url.query": "REDACTED"} if scope["query_string"] else {}
    if shown.get("server"):
        found["server.address"] = shown["server"][0]
    return str(shown["method"]), found
