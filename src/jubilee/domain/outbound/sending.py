"""`http.request`: an outbound request, sent at least once and always with the same key."""

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

TIMEOUT_S = 45.0  # more than any sender takes
MAX_RESULT_BYTES = 64_000  # of the body as JSON; a whole result has at most 64 KiB
RESULT_HEADERS = {
    "content-encoding", "content-length", "content-type", "date", "etag", "last-modified",
    "location", "retry-after", "server", "x-request-id",
}  # fmt: skip
MAX_HEADER_CHARS = 200
RETRYABLE_STATUSES = frozenset({408, 425, 429})
RETRY_AFTER_STATUSES = frozenset({429, 503})  # whose Retry-After counts
OK, MULTIPLE_CHOICES, SERVER_ERROR = 200, 300, 500


class AddressNotAllowed(PermanentFailure):
    """The host has no address that the requesting account may reach."""

    code = "address_not_allowed"


class Unreachable(JobError):
    """The server could not be reached, or did not answer with HTTP."""

    code = "unreachable"


class ServerBusy(JobError):
    """The server cannot handle the request now."""

    code = "not_now"


class RequestRejected(PermanentFailure):
    """The server rejected the request."""

    code = "declined"


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A reply; `body` is only its beginning if it is `truncated`."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    truncated: bool


@dataclass(frozen=True, slots=True)
class RequestTimeouts:
    """Timeouts in seconds: lookup and connection together, each read, the whole request."""

    connect_s: float = 10.0
    read_s: float = 10.0
    total_s: float = 30.0


DEFAULT_TIMEOUTS = RequestTimeouts()

# Ports


class HttpSender(Protocol):
    """Sends requests, bounded in time and size; does not follow redirects."""

    async def send(self, request: HttpRequest, allows: AddressFilter) -> HttpReply:
        """Send a request, connecting only to an address that `allows` accepts.

        Header names of the reply are in lower case; `date` is always present.
        Raises AddressNotAllowed if the host has no allowed address, and Unreachable.
        """


@dataclass(frozen=True, slots=True)
class SendHttpRequest(JobKind[HttpRequest, object]):
    """`http.request`; rights and addresses are checked when it runs, not when it is created."""

    sender: HttpSender
    rules: OutboundRules
    name = "http.request"
    audience = Audience.USERS
    timeout = TIMEOUT_S
    private = frozenset({"body"})

    def read(self, data: Mapping[str, object]) -> HttpRequest:
        return read_request(data)

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return redacted_request(data)

    async def run(self, job: JobContext[HttpRequest], complete: Completion[object]) -> None:
        request = job.payload
        allows = self.rules.filter_for(request.host, request.port, by_admin=job.by_admin)
        if allows is None:
            raise AddressNotAllowed("This account may not reach this host.")
        key = ("idempotency-key", str(job.id))
        reply = await self.sender.send(replace(request, headers=(*request.headers, key)), allows)
        if reply.status in RETRYABLE_STATUSES or reply.status >= SERVER_ERROR:
            wait = retry_after(reply.headers) if reply.status in RETRY_AFTER_STATUSES else None
            raise ServerBusy(f"The server answered {reply.status}.", retry_in=wait)
        if not OK <= reply.status < MULTIPLE_CHOICES:
            raise RequestRejected(f"The server answered {reply.status}.")
        async with complete(as_result(reply)):
            pass


def as_result(reply: HttpReply) -> Mapping[str, object]:
    """Return the result of a reply, at most 64 KiB as JSON."""
    headers = {
        name: value[:MAX_HEADER_CHARS]
        for name, value in reply.headers.items()
        if name in RESULT_HEADERS
    }
    # PostgreSQL cannot store NUL in JSON.
    text = reply.body.decode(errors="replace").replace("\0", "\ufffd")
    kept = _beginning(text)
    truncated = reply.truncated or kept != text
    return {"status": reply.status, "headers": headers, "body": kept, "truncated": truncated}


def _beginning(text: str) -> str:
    """Cut the text to MAX_RESULT_BYTES as JSON, where a character may take twelve bytes."""
    while (length := len(json.dumps(text))) > MAX_RESULT_BYTES:
        text = text[: len(text) * MAX_RESULT_BYTES // length]
    return text
