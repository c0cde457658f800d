"""Mail and requests to others as spans: that they left, not what they said or to whom."""

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
    attributes,
    context,
    everything,
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
    "url": "https://hooks.example.com:8443/marker/path?marker=query",
    "headers": {"X-Marker": "marker header"},
    "body": "marker body",
}
OWN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PLACE: dict[str, str | int] = {"server.address": "mail.example.com", "server.port": 587}


@pytest.fixture
def sender() -> FakeHttpSender:
    return FakeHttpSender()


async def send(tracing: Tracing, sender: FakeHttpSender, **data: Any) -> HttpReply:
    """Within a job that is recorded."""
    traced = TracedHttpSender(sender, tracing)
    with tracing.tracer.start_as_current_span("process http.request"):
        return await traced.send(read_request({**DATA, **data}), lambda _: True)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def traceparents(sender: FakeHttpSender) -> list[str]:
    """Of the only request."""
    (request,) = sender.sent
    return [value for name, value in request.headers if name == "traceparent"]


async def test_mail_is_a_span_that_says_nothing_of_it(
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
    assert "marker" not in everything(span)
    assert names(tmp_path) == ["019aa0c1@jubilee.test.eml"]


async def test_mail_that_nobody_takes_has_failed_and_says_no_more(
    tracing: Tracing, memory: Memory
) -> None:
    mailer = FakeMailSender(broken=Undeliverable("marker said the server"))
    with tracing.tracer.start_as_current_span("process email.send"), pytest.raises(Undeliverable):
        await TracedMailSender(mailer, tracing, PLACE).send(MESSAGE)
    span = memory.one("send mail")
    assert (attributes(span)["error.type"], is_failed(span)) == ("undeliverable", True)
    assert "marker" not in everything(span)


async def test_a_request_is_a_span_of_method_host_and_status(
    tracing: Tracing, memory: Memory, sender: FakeHttpSender
) -> None:
    await send(tracing, sender)
    span = memory.one("POST")
    assert (span.kind, is_failed(span)) == (SpanKind.CLIENT, False)
    assert attributes(span) == {
        "http.request.method": "POST",
        "server.address": "hooks.example.com",
        "server.port": 8443,
        "url.full": "https://hooks.example.com:8443/REDACTED",
        "http.response.status_code": 200,
    }


async def test_its_path_headers_and_body_stay_here(
    tracing: Tracing, memory: Memory, sender: FakeHttpSender
) -> None:
    sender.reply = HttpReply(200, {"x-reply": "marker"}, b"marker", truncated=False)
    await send(tracing, sender)
    assert "marker" not in everything(memory.one("POST")).lower()
    assert sender.sent[0].body == b'"marker body"'


async def test_whoever_answers_is_told_of_the_trace(
    tracing: Tracing, memory: Memory, sender: FakeHttpSender
) -> None:
    await send(tracing, sender)
    (header,) = traceparents(sender)
    ids = context(memory.one("POST"))
    assert header.split("-")[1:3] == [f"{ids.trace_id:032x}", f"{ids.span_id:016x}"]


@pytest.mark.parametrize("name", ["traceparent", "TraceParent"])
async def test_a_traceparent_of_their_own_wins(
    tracing: Tracing, sender: FakeHttpSender, name: str
) -> None:
    await send(tracing, sender, headers={name: OWN, "tracestate": "a=b"})
    assert traceparents(sender) == [OWN]
    assert ("tracestate", "a=b") in sender.sent[0].headers


@pytest.mark.parametrize("status", [404, 503])
async def test_an_answer_that_is_an_error_has_failed(
    tracing: Tracing, memory: Memory, sender: FakeHttpSender, status: int
) -> None:
    sender.reply = HttpReply(status, {}, b"", truncated=False)
    assert (await send(tracing, sender)).status == status
    span = memory.one("POST")
    assert (attributes(span)["error.type"], is_failed(span)) == (str(status), True)
    assert attributes(span)["http.response.status_code"] == status


async def test_a_request_that_may_not_leave_has_failed(
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


async def test_outside_of_a_trace_nothing_is_added(
    tracing: Tracing, memory: Memory, sender: FakeHttpSender
) -> None:
    await TracedHttpSender(sender, tracing).send(read_request(DATA), lambda _: True)
    assert traceparents(sender) == []
    assert memory.spans == []


async def test_a_trace_that_is_not_recorded_is_told_of_all_the_same(
    tracing: Tracing, memory: Memory, sender: FakeHttpSender
) -> None:
    asked = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(0))
    present = trace.set_span_in_context(trace.NonRecordingSpan(asked), NO_PARENT)
    with trace.use_span(trace.get_current_span(present)):
        await TracedHttpSender(sender, tracing).send(read_request(DATA), lambda _: True)
    assert traceparents(sender) == [f"00-{7:032x}-{8:016x}-00"]
    assert memory.spans == []
