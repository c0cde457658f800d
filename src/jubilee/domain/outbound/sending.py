"""`http.request`: one request to somebody else's server, made at least once under one key."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from jubilee.domain.jobs.kinds import Audience, Claim, Finish, GiveUp, JobError, Kind
from jubilee.domain.outbound.address_policy import Allows, OutboundRules
from jubilee.domain.outbound.request import HttpRequest, read_request, shown_request
from jubilee.domain.outbound.retry_after import retry_after

TIMEOUT = 45.0  # seconds: longer than a sender takes
ROOM = 64_000  # bytes of JSON; a result has 64 KiB in all
SHOWN_HEADERS = {
    "content-encoding", "content-length", "content-type", "date", "etag", "last-modified",
    "location", "retry-after", "server", "x-request-id",
}  # fmt: skip
LONGEST_HEADER = 200
TRY_AGAIN = frozenset({408, 425, 429})
SAYS_WHEN = frozenset({429, 503})  # whose Retry-After counts
OK, MULTIPLE_CHOICES, SERVER_ERROR = 200, 300, 500


class AddressNotAllowed(GiveUp):
    """The host is at no address that whoever asked may reach."""

    code = "address_not_allowed"


class Unreachable(JobError):
    """Nobody answered, or nothing that is HTTP; the next attempt may fare better."""

    code = "unreachable"


class NotNow(JobError):
    """The server says that it cannot do it now."""

    code = "not_now"


class Declined(GiveUp):
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

    async def send(self, request: HttpRequest, allows: Allows) -> HttpReply:
        """Connects to what it asked `allows` about, and to nothing else.

        The reply's headers are in lower case; `date` is always there.
        Raises AddressNotAllowed where the host has no such address, and Unreachable.
        """


@dataclass(frozen=True, slots=True)
class SendHttpRequest(Kind[HttpRequest, object]):
    """Whether it may be sent is decided when it is: by what the account and the name are then."""

    sender: HttpSender
    rules: OutboundRules
    name = "http.request"
    audience = Audience.EVERYBODY
    timeout = TIMEOUT
    private = frozenset({"body"})

    def read(self, data: Mapping[str, object]) -> HttpRequest:
        return read_request(data)

    def shown(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return shown_request(data)

    async def run(self, claim: Claim[HttpRequest], finish: Finish[object]) -> None:
        asked = claim.payload
        allows = self.rules.reach(asked.host, asked.port, by_admin=claim.by_admin)
        if allows is None:
            raise AddressNotAllowed("this account may not reach this host")
        key = ("idempotency-key", str(claim.id))
        reply = await self.sender.send(replace(asked, headers=(*asked.headers, key)), allows)
        if reply.status in TRY_AGAIN or reply.status >= SERVER_ERROR:
            wait = retry_after(reply.headers) if reply.status in SAYS_WHEN else None
            raise NotNow(f"the answer was {reply.status}", retry_in=wait)
        if not OK <= reply.status < MULTIPLE_CHOICES:
            raise Declined(f"the answer was {reply.status}")
        async with finish(result_of(reply)):
            pass


def result_of(reply: HttpReply) -> Mapping[str, object]:
    """What is kept of it, as JSON at most 64 KiB."""
    headers = {
        name: value[:LONGEST_HEADER]
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
    while (length := len(json.dumps(text))) > ROOM:
        text = text[: len(text) * ROOM // length]
    return text
