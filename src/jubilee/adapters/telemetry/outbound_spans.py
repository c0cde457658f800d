"""What leaves for others, as spans: mail, and requests to somebody else's server."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from opentelemetry.trace import SpanKind

from jubilee.adapters.telemetry.tracing import Tracing, mark_failed, trace_headers
from jubilee.domain.mail import MailMessage, MailSender
from jubilee.domain.outbound.address_policy import AddressFilter
from jubilee.domain.outbound.request import HttpRequest
from jubilee.domain.outbound.sending import HttpReply, HttpSender

ERROR = 400


@dataclass(frozen=True, slots=True)
class TracedMailSender(MailSender):
    """A span a message; who gets it and what it says is nobody's business."""

    sender: MailSender
    tracing: Tracing
    server_attributes: Mapping[str, str | int]
    """Where the mail server is, as attributes; empty for files."""

    async def send(self, message: MailMessage) -> None:
        attributes = {**self.server_attributes, "jubilee.mail.message_id": message.message_id}
        with self.tracing.span("send mail", SpanKind.CLIENT, attributes):
            await self.sender.send(message)


@dataclass(frozen=True, slots=True)
class TracedHttpSender(HttpSender):
    """A span a request, and its `traceparent` for whoever answers; paths may be secrets."""

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
            reply = await self.sender.send(_marked(request), allows)
            span.set_attribute("http.response.status_code", reply.status)
            if reply.status >= ERROR:
                mark_failed(span, str(reply.status))
            return reply


def _marked(request: HttpRequest) -> HttpRequest:
    """Whoever wrote a `traceparent` of their own knows better."""
    given = {name.lower() for name, _ in request.headers}
    if "traceparent" in given:
        return request
    added = tuple((trace_headers() or {}).items())
    return replace(request, headers=(*request.headers, *added))
