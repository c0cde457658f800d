"""Spans of mail and outbound requests, without their content."""

from datetime import UTC, datetime
from email.headerregistry import Address
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from jubilee.adapters.mail.eml import EmlMailSender
from jubilee.adapters.telemetry.outbound_spans import TracedHttpSender, TracedMailSender
from jubilee.adapters.telemetry.sampling import NO_PARENT
from jubilee.adapters.telemetry.tracing import Tracing
from jubilee.domain.mail import MailMessage, Undeliverable
from jubilee.domain.outbound.request import read_request
from jubilee.domain.outbound.sending import AddressNotAllowed, HttpReply
from tests.fakes.mail import FakeMailSender
from tests.fakes.outbound import FakeHttpSender
from tests.telemetry.memory import (
    Memory,
    as_text,
    attributes,
    context,
    is_failed,
    parent_id,
)

MESSAGE = MailMessage(
    to="ada.marker@example.com",
    subject="marker subject",
    text="marker text",
    html="<p>marker html</p>",
    message_id="<019aa0c1@jubilee.test>",
)
DATA = {
    "url": "https://webhook_server.example.com:8443/marker/path?marker=query",
    "headers": {"X-Marker": "marker header"},
    "body": "marker body",
}
OWN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PLACE: dict[str, str | int] = {"server.address": "mail.example.com", "server.port": 587}


@pytest.fixture
def sender() -> FakeHttpSender:
    return FakeHttpSender()


async def send(tracing: Tracing, sender: FakeHttpSender, **data: Any) -> HttpReply:
    """Send a request within the span of a job."""
    traced = TracedHttpSender(sender, tracing)
    with tracing.tracer.start_as_current_span("process http.request"):
        return await traced.send(read_request({**DATA, **data}), lambda _: True)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def traceparents(sender: FakeHttpSender) -> list[str]:
    """Return the traceparent headers of the only request."""
    (request,) = sender.sent
    return [value for name, value in request.headers if name == "traceparent"]


async def test_the_span_of_a_mail_has_no_content(
    tracing: Tracing, memory: Memory, tmp_path: Path
) -> None:
    mailer = EmlMailSender(
        tmp_path, Address("", "jubilee", "jubilee.test"), lambda: datetime.now(UTC)
    )
    with tracing.tracer.start_as_current_span("process email.send"):
        await TracedMailSender(mailer, tracing, PLACE).send(MESSAGE)
    span = memory.one("send mail")
    assert span.kind is SpanKind.CLIENT
    assert parent_id(span) == context(memory.one("process email.send")).span_id
    assert attributes(span) == {**PLACE, "jubilee.mail.message_id": MESSAGE.message_id}
    assert "marker" not in as_text(span)
    assert names(tmp_path) == ["019aa0c1@jubilee.test.eml"]


async def test_the_span_of_a_refused_mail_has_failed_without_content(
    tracing: Tracing, memory: Memory
) -> None:
    mailer = FakeMailSender(broken=Undeliverable("marker of the server"))
    with tracing.tracer.start_as_current_span("process email.send"), pytest.raises(Undeliverable):
        await TracedMailSender(mailer, tracing, PLACE).send(MESSAGE)
    span = memory.one("send mail")
    assert (attributes(span)["error.type"], is_failed(span)) == ("undeliverable", True)
    assert "marker" not in as_text(span)


async def test_a_request_is_a_span_of_method_host_and_status(
    tracing: Tracing, memory: Memory, sender: FakeHttpSender
) -> None:
    await send(tracing, sender)
    span = memory.one("POST")
    assert (span.kind, is_failed(span)) == (SpanKind.CLIENT, False)
    assert attributes(span) == {
        "http.request.method": "POST",
        "server.address": "webhook_server.example.com",
        "server.port": 8443,
        "url.full": "https://webhook_server.example.com:8443/REDACTED",
        "http.response.status_code": 200,
    }


async def test_the_span_of_a_request_has_no_path_headers_or_body(
    tracing: Tracing, memory: Memory, sender: FakeHttpSender
) -> None:
    sender.reply = HttpReply(200, {"x-reply": "marker"}, b"marker", truncated=False)
    await send(tracing, sender)
    assert "marker" not in as_text(memory.one("POST")).lower()
    assert sender.sent[0].body == b'"marker body"'


async def test_an_outbound_request_propagates_the_trace(
    tracing: Tracing, memory: Memory, sender: FakeHttpSender
) -> None:
    await send(tracing, sender)
    (header,) = traceparents(sender)
    ids = context(memory.one("POST"))
    assert header.split("-")[1:3] == [f"{ids.trace_id:032x}", f"{ids.span_id:016x}"]


@pytest.mark.parametrize("name", ["traceparent", "TraceParent"])
async def test_a_traceparent_in_the_request_is_kept(
    tracing: Tracing, sender: FakeHttpSender, name: str
) -> None:
    await send(tracing, sender, headers={name: OWN, "tracestate": "a=b"})
    assert traceparents(sender) == [OWN]
    assert ("tracestate", "a=b") in sender.sent[0].headers


@pytest.mark.parametrize("status", [404, 503])
async def test_the_span_of_an_error_status_has_failed(
    tracing: Tracing, memory: Memory, sender: FakeHttpSender, status: int
) -> None:
    sender.reply = HttpReply(status, {}, b"", truncated=False)
    assert (await send(tracing, sender)).status == status
    span = memory.one("POST")
    assert (attributes(span)["error.type"], is_failed(span)) == (str(status), True)
    assert attributes(span)["http.response.status_code"] == status


async def test_the_span_of_a_refused_address_has_failed(
    tracing: Tracing, memory: Memory, sender: FakeHttpSender
) -> None:
    with pytest.raises(AddressNotAllowed):
        await TracedHttpSender(sender, tracing).send(read_request(DATA), lambda _: False)
    with (
        tracing.tracer.start_as_current_span("process http.request"),
        pytest.raises(AddressNotAllowed),
    ):
        await TracedHttpSender(sender, tracing).send(read_request(DATA), lambda _: False)
    span = memory.one("POST")
    assert (attributes(span)["error.type"], is_failed(span)) == ("address_not_allowed", True)


async def test_a_request_outside_a_trace_has_no_traceparent(
    tracing: Tracing, memory: Memory, sender: FakeHttpSender
) -> None:
    await TracedHttpSender(sender, tracing).send(read_request(DATA), lambda _: True)
    assert traceparents(sender) == []
    assert memory.spans == []


async def test_an_unrecorded_trace_is_propagated(
    tracing: Tracing, memory: Memory, sender: FakeHttpSender
) -> None:
    parent = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(0))
    context_ = trace.set_span_in_context(trace.NonRecordingSpan(parent), NO_PARENT)
    with trace.use_span(trace.get_current_span(context_)):
        await TracedHttpSender(sender, tracing).send(read_request(DATA), lambda _: True)
    assert traceparents(sender) == [f"00-{7:032x}-{8:016x}-00"]
    assert memory.spans == []
