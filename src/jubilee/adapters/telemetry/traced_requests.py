"""The server span of each sampled request."""

from collections.abc import Mapping
from time import time_ns

from opentelemetry.context import attach, detach
from opentelemetry.trace import set_span_in_context
from opentelemetry.util.types import AttributeValue
from starlette.types import ASGIApp, Receive, Scope, Send

from jubilee.adapters.telemetry.sampling import NO_PARENT, SamplingDecision, sampling_decision
from jubilee.adapters.telemetry.server_span import ServerSpan
from jubilee.adapters.telemetry.tracing import Tracing
from jubilee.observation.requests import RequestRecord

MIN_FAILURE = 500  # the status of a failure of the server
OTHER = "OTHER"


class TracedRequests:
    """The outermost application: gives each sampled request its server span.

    OpenTelemetry's own ASGI middleware takes 200 us for a sampled request: it decodes all headers
    several times, and wraps each message.
    """

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Decide whether to sample the request, and set `sampling_decision` while it is served."""
        decided = self._tracing.decide(scope["headers"])
        token = sampling_decision.set(decided)
        try:
            if decided.sampled:
                await self._trace(decided, scope, receive, send)
            else:
                await self._app(scope, receive, send)
        finally:
            sampling_decision.reset(token)

    async def _trace(
        self, decided: SamplingDecision, scope: Scope, receive: Receive, send: Send
    ) -> None:
        began, span = time_ns(), ServerSpan(decided, _request(scope))
        token = attach(set_span_in_context(span, NO_PARENT))
        try:
            await self._app(scope, receive, send)
        finally:
            detach(token)
            record: RequestRecord = scope["state"]["record"]
            span.finish(f"{record.method} {record.endpoint}", _response(record))
            self._tracing.export(span, began)


def _request(scope: Scope) -> dict[str, AttributeValue]:
    """Attributes that are known before the request is served; the query is redacted."""
    found: dict[str, AttributeValue] = {
        "http.request.method": scope["method"],
        "url.scheme": scope.get("scheme", "http"),
        "url.path": scope["path"],
        "network.protocol.version": scope.get("http_version", "1.1"),
    }
    if scope.get("query_string"):
        found["url.query"] = "REDACTED"
    if server := scope.get("server"):
        found["server.address"] = server[0]
        if server[1]:
            found["server.port"] = server[1]
    for name, value in scope["headers"]:
        if name == b"user-agent" and value.isascii():
            found["user_agent.original"] = value.decode()
    return found


def _response(record: RequestRecord) -> Mapping[str, AttributeValue]:
    """Attributes of the request as it was served."""
    found: dict[str, AttributeValue] = {
        "http.route": record.endpoint,
        "http.response.status_code": int(record.status),
    }
    if record.client:  # the address that trusted proxies have forwarded; its port is opt-in
        found["client.address"] = record.client
    if record.method == OTHER:
        found["http.request.method"] = "_OTHER"
    if record.status >= MIN_FAILURE:
        found["error.type"] = str(int(record.status))
    return found
