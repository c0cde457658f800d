"""Client spans for outgoing mail and HTTP requests."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from opentelemetry.trace import SpanKind

from jubilee.adapters.telemetry.tracing import Tracing, mark_failed, trace_headers
from jubilee.domain.mail import MailMessage, MailSender
from jubilee.domain.outbound.address_policy import AddressFilter
from jubilee.domain.outbound.request import HttpRequest
from jubilee.domain.outbound.sending import HttpReply, HttpSender

MIN_ERROR_STATUS = 400


@dataclass(frozen=True, slots=True)
class TracedMailSender(MailSender):
    """Records a span a message, without its recipient and content."""

    sender: MailSender
    tracing: Tracing
    server_attributes: Mapping[str, str | int]
    """`server.*` attributes of the mail server; empty if mail goes to files."""

    async def send(self, message: MailMessage) -> None:
        attributes = {**self.server_attributes, "jubilee.mail.message_id": message.message_id}
        with self.tracing.span("send mail", SpanKind.CLIENT, attributes):
            await self.sender.send(message)


@dataclass(frozen=True, slots=True)
class TracedHttpSender(HttpSender):
    """Records a span a request and sends its `traceparent`; the path may be secret."""

    sender: HttpSender
    tracing: Tracing

    async def send(self, request: HttpRequest, allows: AddressFilter) -> HttpReply:
        attributes: dict[str, str | int] = {
            "http.request.method": request.method,
            "server.address": request.host,
            "server.port": request.port,
            "url.full": f"{request.scheme}://{request.authority}/REDACTED",
        }
        with self.tracing.span(request.method, SpanKind.CLIENT, attributes) as span:
            reply = await self.sender.send(_with_trace(request), allows)
            span.set_attribute("http.response.status_code", reply.status)
            if reply.status >= MIN_ERROR_STATUS:
                mark_failed(span, str(reply.status))
            return reply


def _with_trace(request: HttpRequest) -> HttpRequest:
    """Add the trace headers unless the request has a `traceparent` of its own."""
    given = {name.lower() for name, _ in request.headers}
    if "traceparent" in given:
        return request
    added = tuple((trace_headers() or {}).items())
    return replace(request, headers=(*request.headers, *added))
