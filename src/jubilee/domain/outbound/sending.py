"""`http.request`: one request to somebody else's server, made at least once under one key."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from jubilee.domain.jobs.kinds import (
    Audience,
    Completion,
    JobContext,
    JobError,
    JobKind,
    PermanentFailure,
)
from jubilee.domain.outbound.address_policy import AddressFilter, OutboundRules
from jubilee.domain.outbound.request import HttpRequest, read_request, redacted_request
from jubilee.domain.outbound.retry_after import retry_after

TIMEOUT_S = 45.0  # seconds: longer than a sender takes
MAX_RESULT_BYTES = 64_000  # bytes of JSON; a result has 64 KiB in all
SHOWN_HEADERS = {
    "content-encoding", "content-length", "content-type", "date", "etag", "last-modified",
    "location", "retry-after", "server", "x-request-id",
}  # fmt: skip
MAX_HEADER_CHARS = 200
RETRYABLE_STATUSES = frozenset({408, 425, 429})
RETRY_AFTER_STATUSES = frozenset({429, 503})  # whose Retry-After counts
OK, MULTIPLE_CHOICES, SERVER_ERROR = 200, 300, 500


class AddressNotAllowed(PermanentFailure):
    """The host is at no address that whoever asked may reach."""

    code = "address_not_allowed"


class Unreachable(JobError):
    """Nobody answered, or nothing that is HTTP; the next attempt may fare better."""

    code = "unreachable"


class ServerBusy(JobError):
    """The server says that it cannot do it now."""

    code = "not_now"


class RequestRejected(PermanentFailure):
    """The server says that it will not do it."""

    code = "declined"


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back; of the body only the beginning where it is `truncated`."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    truncated: bool


class HttpSender(Protocol):
    """Makes requests, each bounded in time and size, and follows no redirect."""

    async def send(self, request: HttpRequest, allows: AddressFilter) -> HttpReply:
        """Connects to what it asked `allows` about, and to nothing else.

        The reply's headers are in lower case; `date` is always there.
        Raises AddressNotAllowed where the host has no such address, and Unreachable.
        """


@dataclass(frozen=True, slots=True)
class SendHttpRequest(JobKind[HttpRequest, object]):
    """Whether it may be sent is decided when it is: by what the account and the name are then."""

    sender: HttpSender
    rules: OutboundRules
    name = "http.request"
    audience = Audience.EVERYBODY
    timeout = TIMEOUT_S
    private = frozenset({"body"})

    def read(self, data: Mapping[str, object]) -> HttpRequest:
        return read_request(data)

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return redacted_request(data)

    async def run(self, job: JobContext[HttpRequest], complete: Completion[object]) -> None:
        asked = job.payload
        allows = self.rules.filter_for(asked.host, asked.port, by_admin=job.by_admin)
        if allows is None:
            raise AddressNotAllowed("this account may not reach this host")
        key = ("idempotency-key", str(job.id))
        reply = await self.sender.send(replace(asked, headers=(*asked.headers, key)), allows)
        if reply.status in RETRYABLE_STATUSES or reply.status >= SERVER_ERROR:
            wait = retry_after(reply.headers) if reply.status in RETRY_AFTER_STATUSES else None
            raise ServerBusy(f"the answer was {reply.status}", retry_in=wait)
        if not OK <= reply.status < MULTIPLE_CHOICES:
            raise RequestRejected(f"the answer was {reply.status}")
        async with complete(as_result(reply)):
            pass


def as_result(reply: HttpReply) -> Mapping[str, object]:
    """What is kept of it, as JSON at most 64 KiB."""
    headers = {
        name: value[:MAX_HEADER_CHARS]
        for name, value in reply.headers.items()
        if name in SHOWN_HEADERS
    }
    # PostgreSQL's JSON has no place for NUL.
    text = reply.body.decode(errors="replace").replace("\0", "\ufffd")
    kept = _beginning(text)
    truncated = reply.truncated or kept != text
    return {"status": reply.status, "headers": headers, "body": kept, "truncated": truncated}


def _beginning(text: str) -> str:
    """As much as there is room for once it is JSON, where a character may take twelve bytes."""
    while (length := len(json.dumps(text))) > MAX_RESULT_BYTES:
        text = text[: len(text) * MAX_RESULT_BYTES // length]
    return text
